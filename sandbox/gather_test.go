package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// gathered is what of a directory is shown, "dir/", "=bound", "link>to" or "point".
func gathered(t *testing.T, dir string, change func(*Spec)) (parts []string, notes []string) {
	t.Helper()
	s := build("true")
	s.Project = t.TempDir()
	s.OCI.Mounts = append(s.OCI.Mounts, bind(dir, dir, "ro"))
	change(&s)
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	done, notes, err := Complete(s, h)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(done, h)
	if err != nil {
		t.Fatal(err)
	}
	for _, taken := range find[userns.Take](p) {
		if taken.Source == diskScratch && taken.Attr&userns.ReadOnly == 0 {
			t.Errorf("%s is writable", taken.As)
		}
	}
	for _, g := range find[userns.Gather](p) {
		if g.Source != dir {
			continue
		}
		for _, p := range g.Parts {
			switch {
			case p.Bound:
				parts = append(parts, "="+p.Path)
			case p.Link != "":
				parts = append(parts, p.Path+">"+p.Link)
			case p.Dir:
				parts = append(parts, p.Path+"/")
			default:
				parts = append(parts, p.Path)
			}
		}
	}
	return parts, notes
}

// home makes a home of the test's.
func home(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", dir)
	return dir
}

func TestGatherHome(t *testing.T) {
	dir := home(t)
	for _, name := range []string{".ssh/id", ".cargo/bin/cargo", ".cargo/credentials.toml", "work/x/.env", ".vimrc", ".local/share/mise/x", ".local/share/other", ".local/bin/x"} {
		write(t, filepath.Join(dir, name), "x")
	}
	parts, notes := gathered(t, dir, nothing)
	want := []string{".cargo/", "=.cargo/bin", ".local/", "=.local/bin", ".local/share/", "=.local/share/mise", "=.vimrc"}
	if !slices.Equal(parts, want) {
		t.Errorf("shown %q, want %q", parts, want)
	}
	if !slices.ContainsFunc(notes, func(n string) bool {
		return strings.Contains(n, "1 names are hidden (work): --ro PATH shows one, --unsafe-expose "+dir+" all")
	}) {
		t.Errorf("notes %q", notes)
	}
	if parts, notes = gathered(t, dir, func(s *Spec) { s.Exposed = []string{dir} }); parts != nil {
		t.Errorf("all is exposed, and %q are shown, notes %q", parts, notes)
	}
	parts, _ = gathered(t, dir, func(s *Spec) { s.Exposed = []string{filepath.Join(dir, ".ssh")} })
	if !slices.Contains(parts, "=.ssh") {
		t.Errorf(".ssh is exposed, and %q are shown", parts)
	}
}

// TestGatherLinkedTools: where a tool's name is a link, what it leads to is shown as the tool's.
func TestGatherLinkedTools(t *testing.T) {
	dir := home(t)
	for _, name := range []string{"big/go/bin/x", "big/other/x", "dot/cargo/bin/cargo", "dot/cargo/credentials.toml"} {
		write(t, filepath.Join(dir, name), "x")
	}
	for link, to := range map[string]string{"go": "big/go", ".cargo": "dot/cargo"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	parts, _ := gathered(t, dir, nothing)
	for _, want := range []string{"=big/go/bin", "=dot/cargo/bin"} {
		if !slices.Contains(parts, want) {
			t.Errorf("%s is not among %q", want, parts)
		}
	}
	if slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(p, "credentials") || strings.Contains(p, "other") }) {
		t.Errorf("shown: %q", parts)
	}
}

// TestGatherMountPoints: what is mounted in a shown home needs a place in it, whatever
// else of it is shown.
func TestGatherMountPoints(t *testing.T) {
	dir := home(t)
	for _, name := range []string{"work/a/file", "work/b/x", ".vimrc", "dotfiles/vimrc", "go/bin/x", "go/pkg/mine/x"} {
		write(t, filepath.Join(dir, name), "x")
	}
	if err := os.Symlink("dotfiles/vimrc", filepath.Join(dir, ".nanorc")); err != nil {
		t.Fatal(err)
	}
	parts, _ := gathered(t, dir, func(s *Spec) {
		s.Project = filepath.Join(dir, "work/b")
		for _, name := range []string{"work/a/file", ".nanorc", "go/pkg/mine"} {
			s.OCI.Mounts = append(s.OCI.Mounts, bind(filepath.Join(dir, name), filepath.Join(dir, name), "ro"))
		}
	})
	want := []string{".nanorc", "=.vimrc", "dotfiles/", "=dotfiles/vimrc", "go/", "=go/bin", "=go/pkg", "work/", "work/b/", "work/a/", "work/a/file"}
	slices.Sort(parts)
	slices.Sort(want)
	if !slices.Equal(parts, want) {
		t.Errorf("shown %q, want %q", parts, want)
	}
}

// TestGatherHidden: of a directory that is no home all is shown but what is hidden, and
// what a link on the way to it leads to.
func TestGatherHidden(t *testing.T) {
	home(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a/key", "a/new\nline", "a/\xff\xfe", "b/c/key", "b/c/other", "d/x"} {
		write(t, filepath.Join(dir, name), "x")
	}
	if err := os.Symlink("b/c", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	hide := func(names ...string) func(*Spec) {
		return func(s *Spec) {
			s.OCI.Linux = &specs.Linux{}
			for _, name := range names {
				s.OCI.Linux.MaskedPaths = append(s.OCI.Linux.MaskedPaths, filepath.Join(dir, name))
			}
		}
	}
	for _, c := range []struct{ hidden, want string }{
		{"a/key", "a/ =a/new\nline =a/\xff\xfe =b =d link>b/c"},
		{"link/key", "=a b/ b/c/ =b/c/other =d link>b/c"},
		{"link", "=a b/ =d"},
		{"later/key", "=a =b =d link>b/c"},
	} {
		parts, _ := gathered(t, dir, hide(c.hidden))
		if got := strings.Join(parts, " "); got != c.want {
			t.Errorf("%s: shown %q, want %q", c.hidden, got, c.want)
		}
	}
	// What is over a hidden name hides it by itself.
	if parts, _ := gathered(t, dir, func(s *Spec) {
		s.Project = filepath.Join(dir, "d")
		write(t, filepath.Join(dir, "d/.env"), "x")
	}); parts != nil {
		t.Errorf("the project's .env is hidden there, and %q are gathered", parts)
	}
	if parts, _ := gathered(t, dir, nothing); parts != nil {
		t.Errorf("nothing is hidden, and %q are gathered", parts)
	}
}

func TestGatherLimit(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "file"), "x")
	top, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer top.Close()
	g := gatherer{host: &Host{}, source: dir, top: int(top.Fd())}
	for _, c := range []struct {
		have int
		want error
	}{{partLimit, nil}, {partLimit + 1, errParts}} {
		g.out.parts = make([]userns.Part, c.have)
		if err := g.list(""); err != c.want {
			t.Errorf("with %d parts: %v, want %v", c.have, err, c.want)
		}
	}
}
