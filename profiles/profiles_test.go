package profiles

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The table that is linked in says what the files say, to the line.
func TestEmbeddedIsCurrent(t *testing.T) {
	for _, name := range Names() {
		text, ok := Text(name)
		if !ok {
			t.Fatalf("%s has no file", name)
		}
		want, err := Parse("profiles/"+name+".toml", text)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := Embedded(name)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: go generate ./profiles (-file +table):\n%s", name, diff)
		}
		if _, err := NoUser().Resolve([]string{name}); err != nil {
			t.Error(err)
		}
	}
	for _, name := range []string{"default", "strict", "build", "go", "node", "python", "rust", "make", "java", "ruby", "git", "agent"} {
		if !slices.Contains(Names(), name) {
			t.Errorf("there is no profile %s", name)
		}
	}
}

// No profile shows what holds credentials, nor keeps a cache of the host's writable.
func TestEmbeddedShowNoSecrets(t *testing.T) {
	for _, name := range Names() {
		p, err := NoUser().Resolve([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		for _, list := range [][]Value{p.Files.Show, p.Files.Write, p.Files.Expose} {
			for _, v := range list {
				for _, never := range []string{".ssh", ".npmrc", ".netrc", ".aws", "credentials", "settings.xml", ".gnupg", ".docker", ".kube", ".pypirc"} {
					if strings.Contains(v.Text, never) {
						t.Errorf("%s: %s shows %s", v.From, name, v.Text)
					}
				}
			}
		}
		if len(p.Files.Write) > 0 || len(p.Files.Expose) > 0 || p.Security.UserNS.Is("true") || p.Security.Seccomp.Is("unconfined") {
			t.Errorf("%s gives up more than a built-in profile may", name)
		}
	}
}

func TestMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"[files]\nshwo = [\"/a\"]":                       `x.toml:2: unknown key "shwo"`,
		"[fles]\nshow = [\"/a\"]":                        `x.toml:1: `,
		"[files]\n\nproject = \"rw\"":                    "x.toml:3: ",
		"[security]\nuserns = \"yes\"":                   "x.toml:2: ",
		"[files]\nshow = [\n\"/a\",\n\"../b\",\n]":       "x.toml:4: ",
		"[env]\npass = [1]":                              "x.toml:2: ",
		"a = [[":                                         "x.toml:1: ",
		"[files]\nshow = [\"~root/x\"]":                  "x.toml:2: ",
		strings.Repeat("a.", 100) + "a = 1":              "dots in a line",
		"description = \"" + strings.Repeat("x", 70<<10): "larger than",
	} {
		_, err := Parse("x.toml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: got %v, want %q", text, err, want)
		}
	}
	_, err := Parse("x.toml", []byte("[files]\nshwo = []"))
	if err == nil || !strings.Contains(err.Error(), `"show"`) {
		t.Errorf("the nearest word is not named: %v", err)
	}
}

func user(t *testing.T, files map[string]string) *User {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	u, err := OpenUser(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(u.Close)
	return u
}

func TestResolve(t *testing.T) {
	u := user(t, map[string]string{
		"a.toml":  "extends = [\"b\"]\ncommands = [\"tool\"]\n[files]\nshow = [\"/a\"]\nproject = \"read\"",
		"b.toml":  "extends = [\"go\"]\n[files]\nshow = [\"/b\"]\n[env]\npass = [\"B\"]",
		"c.toml":  "extends = [\"d\"]",
		"d.toml":  "extends = [\"c\"]",
		"go.toml": "extends = [\"go\"]\n[files]\nhide = [\"./x\"]",
	})
	p, err := u.Resolve([]string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, v := range p.Files.Show {
		shown = append(shown, v.Text)
	}
	if !slices.Contains(shown, "/a") || !slices.Contains(shown, "/b") || !slices.Contains(shown, "~/go/bin?") || len(p.Files.Hide) != 1 {
		t.Errorf("a shows %q, hides %v", shown, p.Files.Hide)
	}
	if _, err := u.Resolve([]string{"c"}); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle: %v", err)
	}
	if _, err := u.Resolve([]string{"nod"}); err == nil || !strings.Contains(err.Error(), "node") {
		t.Errorf("an unknown name: %v", err)
	}
	for command, want := range map[string]string{"tool": "a", "/usr/bin/npm": "node", "python3.11": "python", "nothing": ""} {
		if name, _, err := u.ForCommand(command); err != nil || name != want {
			t.Errorf("for %s: %q, %v", command, name, err)
		}
	}
}

func TestWidens(t *testing.T) {
	for text, widens := range map[string]bool{
		"[files]\nhide = [\"./x\"]\nproject = \"read\"\nnoexec_tmp = true": false,
		"[network]\ntcp = \"none\"\n[env]\ndrop = [\"A\"]\nclear = true":   false,
		"[process]\nulimits = [\"nofile=10\"]\ndisk = \"1m\"":              false,
		"[files]\nshow = [\"~/.aws\"]":                                     true,
		"[files]\nwrite = [\"/x\"]":                                        true,
		"[env]\npass = [\"*\"]":                                            true,
		"[env]\nset = { LD_PRELOAD = \"./evil.so\" }":                      true,
		"[security]\nuserns = true":                                        true,
		"[security]\nrun_later = \"keep\"":                                 true,
		"extends = [\"go\"]":                                               true,
	} {
		_, lines, err := NoUser().Project([]byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if (len(lines) > 0) != widens {
			t.Errorf("%q widens: %q", text, lines)
		}
	}
}

func TestTrust(t *testing.T) {
	at := Places{StateHome: t.TempDir()}
	store, text := at.Store(), []byte("[security]\nuserns = true")
	check := func(project string, text []byte, want bool) {
		t.Helper()
		if got, err := store.Trusted(project, text); err != nil || got != want {
			t.Errorf("%s: %v, %v", project, got, err)
		}
	}
	check("/p", text, false)
	if err := store.Trust("/p", text); err != nil {
		t.Fatal(err)
	}
	check("/p", text, true)
	check("/p", append(text, '\n'), false)
	check("/q", text, false)
	if was, err := store.Untrust("/p"); !was || err != nil {
		t.Error(was, err)
	}
	check("/p", text, false)
}

// What is sbx's own is never writable, whatever a profile says.
func TestOwnDirectoriesAreProtected(t *testing.T) {
	at := NewPlaces("/home/ada", "/home/ada/p", func(string) string { return "" })
	for _, path := range []string{"~/.config", "~/.local/state/sbx", "~", "~/.cache/sbx/x"} {
		p, err := Parse("x.toml", []byte("[files]\nwrite = [\""+path+"\"]"))
		if err == nil {
			_, err = p.Expand(at)
		}
		if err == nil {
			t.Errorf("%s is writable", path)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range Names() {
		text, _ := Text(name)
		f.Add(text)
	}
	f.Add([]byte("[files]\nshow = [\"~/x?\", \"./y\"]\n"))
	at := NewPlaces("/home/ada", "/home/ada/p", func(string) string { return "" })
	at.ProjectID = "id"
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse("x.toml", text)
		if err != nil {
			if strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Errorf("control characters in %q", err)
			}
			return
		}
		e, err := p.Expand(at)
		if err != nil {
			return
		}
		for _, list := range [][]Item{e.Show, e.Write, e.Hide, e.Tmpfs, e.Expose} {
			for _, i := range list {
				if !filepath.IsAbs(i.Path) || filepath.Clean(i.Path) != i.Path || i.Beneath && !strings.HasPrefix(i.Path, "/home/ada/p") {
					t.Errorf("path %q", i.Path)
				}
			}
		}
	})
}

// TestDefault: the user's own is for what has no other, with what it extends.
func TestDefault(t *testing.T) {
	p, err := user(t, map[string]string{"a.toml": ""}).Default()
	if err != nil || p.Name != "" {
		t.Errorf("without one: %q, %v", p.Name, err)
	}
	u := user(t, map[string]string{"default.toml": "extends = [\"default\", \"b\"]\n[files]\nproject = \"read\"", "b.toml": "[files]\nhide = [\"./x\"]"})
	if p, err = u.Default(); err != nil || !p.Files.Project.Is("read") || len(p.Files.Hide) != 1 {
		t.Errorf("%v, %v", p.Files, err)
	}
	for _, name := range []string{"strict", "build", "go", "git"} {
		if p, err := u.Resolve([]string{name}); err != nil || len(p.Files.Hide) != 1 {
			t.Errorf("%s does not extend it: %v", name, err)
		}
	}
	if _, err := user(t, map[string]string{"default.toml": "x"}).Default(); err == nil {
		t.Error("one that cannot be read is none")
	}
}

// TestBelow reads a project's file that is in a directory of the project.
func TestBelow(t *testing.T) {
	p, err := Parse(ProjectFile, []byte("[files]\nshow = [\"./key\", \"./a/b?\", \"~/c\"]\n"))
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Below("cmd/x").Expand(NewPlaces("/home/ada", "/work", func(string) string { return "" }))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/work/cmd/x/key", "/work/cmd/x/a/b", "/home/ada/c"}
	for i, item := range e.Show {
		if i >= len(want) || item.Path != want[i] || item.Optional != (i == 1) {
			t.Errorf("shows %+v", item)
		}
	}
	if len(e.Show) != len(want) || p.Files.Show[0].Text != "./key" {
		t.Errorf("shows %+v, and the profile itself %+v", e.Show, p.Files.Show)
	}
}
