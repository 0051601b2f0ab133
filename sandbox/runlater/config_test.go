package runlater

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func settings(t *testing.T, text string) []string {
	t.Helper()
	parsed, err := parseConfig([]byte(text))
	if err != nil {
		return []string{"error"}
	}
	var out []string
	for _, s := range parsed {
		out = append(out, s.String()+"="+s.value)
	}
	return out
}

func TestConfig(t *testing.T) {
	for text, want := range map[string]string{
		"":                                         "",
		"\ufeff[core]\n\tBare = false ; no\n":      "core.bare=false",
		"[a]b=1":                                   "a.b=1",
		"[a] b\n c = \n":                           "a.b=true a.c=",
		"[a \"B \\\" ]\"]\nk = v":                  "a.B \" ].k=v",
		"[A.B]\nk=v\n[a.b \"C\"] k=w":              "a.b.k=v a.b.C.k=w",
		"[a]\nk = one \\\n two\nl=2":               "a.k=one  two a.l=2",
		"[a]\nk = \"x # y\" # z\n":                 "a.k=x # y",
		"[a]\nk = \\t\\\"\\\\\\n\\b.\n":            "a.k=\t\"\\\n\b.",
		"[a]\r\nk = v \\\r\n w\r\n":                "a.k=v  w",
		"# [a]\nk = v":                             "error",
		"# c \\\n[a]\nk=v":                         "a.k=v",
		"k = v":                                    "error",
		"[a]\nk # c\n":                             "error",
		"[a]\nk = \"open\n":                        "error",
		"[a]\nk = \\x\n":                           "error",
		"[a\n]k=v":                                 "error",
		"[a \"b\n\"]k=v":                           "error",
		"[a]\nk = false\x00evil":                   "error",
		"[a]\n1k = v":                              "error",
		"[a_b]\nk = v":                             "error",
		"[a] k = a\"b c\"d  \n":                    "a.k=ab cd",
		"[include]path=x[core]\nfsmonitor=e":       "include.path=x[core] include.fsmonitor=e",
		"[core];[x]\nfsmonitor\n=x":                "error",
		"[core]\n\thooksPath = a\\\n\\\n  b#\\\nc": "core.hookspath=a  b core.c=true",
		"[a \"\"]\nk = v":                          "error",
	} {
		if got := strings.Join(settings(t, text), " "); got != want {
			t.Errorf("%q:\ngot  %q\nwant %q", text, got, want)
		}
	}
}

func TestHarmless(t *testing.T) {
	inside := func(v string) bool { return v == "../in" }
	for text, want := range map[string]bool{
		"[core]\nrepositoryformatversion=0\nfilemode=true\nbare=false\nlogallrefupdates=true\nfsmonitor=true\nworktree=../in": true,
		"[core]fsmonitor=./evil":      false,
		"[core]worktree=../out":       false,
		"[core]hooksPath=x":           false,
		"[core]sshCommand=x":          false,
		"[core]attributesFile=x":      false,
		"[core]alternateRefsCommand=": false,
		"[core \"x\"]bare=false":      false,
		"[remote \"o\"]url=https://example.org/x\nfetch=+refs/heads/*:refs/remotes/o/*": true,
		"[remote \"o\"]url=git@example.org:x":                                           true,
		"[remote \"o\"]url=../up":                                                       true,
		"[remote \"o\"]url=ext::sh -c evil":                                             false,
		"[remote \"o\"]url=-oProxyCommand=x":                                            false,
		"[remote \"o\"]url=ssh://-oProxyCommand=x":                                      false,
		"[remote \"o\"]url=foo://x":                                                     false,
		"[remote \"o\"]uploadpack=evil":                                                 false,
		"[remote \"o\"]vcs=evil":                                                        false,
		"[branch \"m\"]remote=ext::evil":                                                false,
		"[branch \"m\"]remote=origin\nmerge=refs/heads/m":                               true,
		"[branch \"m\"]mergeoptions=-s ../evil":                                         false,
		"[submodule \"s\"]url=/up\nactive=true\nupdate=none":                            true,
		"[submodule \"s\"]update=!evil":                                                 false,
		"[alias]st=!evil":                                                               false,
		"[filter \"x\"]clean=evil":                                                      false,
		"[diff \"x\"]textconv=evil":                                                     false,
		"[diff]external=evil":                                                           false,
		"[include]path=x":                                                               false,
		"[includeIf \"gitdir:x\"]path=x":                                                false,
		"[gpg]program=evil":                                                             false,
		"[credential]helper=!evil":                                                      false,
		"[gc]recentObjectsHook=evil":                                                    false,
		"[url \"ext::evil\"]insteadOf=https://":                                         false,
		"[extensions]refStorage=x://y":                                                  false,
		"[user]name=a\nemail=b":                                                         true,
		"[sequence]editor=evil":                                                         false,
		"[pager]log=evil":                                                               false,
	} {
		parsed, err := parseConfig([]byte(text))
		must(t, err)
		got := !slices.ContainsFunc(parsed, func(s setting) bool { return !harmless(s, inside) })
		if got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// TestConfigIsGits: what the parser reads is what git reads.
func TestConfigIsGits(t *testing.T) {
	needGit(t)
	for _, text := range gitTexts {
		// Git before 2.46 makes one blank of space within a value.
		got, want := settings(t, text), gitReads(t, text)
		if strings.Join(strings.Fields(strings.Join(got, "\n")), " ") != strings.Join(strings.Fields(strings.Join(want, "\n")), " ") {
			t.Errorf("%q:\ngot %q\ngit %q", text, got, want)
		}
	}
}

var gitTexts = []string{
	"[a]\nk = one \\\n two\nl=2\n", "[a.b \"C\"]\nk=v\n", "[A.B]\nk=v", "[a \"x\\y\"]k", "[a]k=\"a;b\";c\n", "[a]k=\\\n", "[a]k=v\\",
	"[a]\n\tk=a\tb   c  \n", "[a]k=v\r\n[b]\rk=w\n", "[a]k=\"", "[a]k=v;\\\nl=w\n", "\t [a]k\n\n#\n;\n", "[a]k= # x\n", "[]k=v", "[a]\n-k=v", "[a]k-1=v",
	"[a]k=x\rb\n",
}

// gitReads has git list a file.
func gitReads(t *testing.T, text string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	must(t, os.WriteFile(file, []byte(text), 0o644))
	out, err := exec.Command("git", "config", "-z", "--list", "--file", file).Output()
	if err != nil {
		return []string{"error"}
	}
	var read []string
	for _, line := range strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		if line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, "\n")
		if !ok {
			value = "true"
		}
		read = append(read, key+"="+value)
	}
	return read
}

func FuzzConfig(f *testing.F) {
	for _, s := range gitTexts {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := parseConfig(text)
		if err != nil {
			return
		}
		for _, s := range parsed {
			if s.section == "" || s.key == "" || strings.IndexByte(s.sub+s.value, 0) >= 0 {
				t.Errorf("%q: %#v", text, s)
			}
			// Written the plain way it is read as the same.
			quote := func(v string) string {
				return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\b", `\b`).Replace(v)
			}
			if strings.ContainsAny(s.sub, "\n") || strings.Contains(s.sub+s.value, "\r") {
				continue
			}
			header := "[" + s.section + "]\n"
			if s.sub != "" {
				header = "[" + s.section + " \"" + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.sub) + "\"]\n"
			}
			again, err := parseConfig([]byte(header + s.key + " = \"" + quote(s.value) + "\"\n"))
			if err != nil || len(again) != 1 || again[0] != s {
				t.Errorf("%q: %#v is %#v again: %v", text, s, again, err)
			}
		}
	})
}
