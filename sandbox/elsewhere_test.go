package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/mounttable"
	"github.com/sbxrun/sbx/sandbox/secrets/table"
)

// homeOf makes the caller's home a new directory, by $HOME, with a project in it.
func homeOf(t *testing.T) (home, project string) {
	t.Helper()
	home = filepath.Join(t.TempDir(), "home")
	project = filepath.Join(home, "src/p")
	if err := os.MkdirAll(project, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOME", home)
	return home, project
}

// rw shows a directory as it is: what is shown read-only is gathered.
func rw(path string) func(*Spec) {
	return func(s *Spec) {
		s.OCI.Mounts, s.Writable = []specs.Mount{bind(path, path)}, []string{path}
	}
}

func ro(path string) func(*Spec) {
	return func(s *Spec) { s.OCI.Mounts = append(s.OCI.Mounts, bind(path, path, "ro")) }
}

// link makes a symbolic link, and the directory that it is in.
func link(t *testing.T, to, at string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, at); err != nil {
		t.Fatal(err)
	}
}

// refused is why a Spec cannot be had in that project, or nothing.
func refused(t *testing.T, project string, change func(*Spec)) string {
	t.Helper()
	s := build("true")
	s.Project = project
	change(&s)
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err = Complete(s, h); err != nil {
		return err.Error()
	}
	return ""
}

// TestEveryPlace: each place of the table is found in a directory that is shown, and is a
// file or a directory.
func TestEveryPlace(t *testing.T) {
	text, err := os.ReadFile("secrets/places.toml")
	if err != nil {
		t.Fatal(err)
	}
	all, err := table.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	home, _ := homeOf(t)
	var made []string
	for _, p := range all.Places {
		at := filepath.Join(home, p.Path)
		if _, err := os.Lstat(at); err != nil && os.MkdirAll(filepath.Dir(at), 0o755) == nil && os.WriteFile(at, []byte("x"), 0o600) == nil {
			made = append(made, at)
		}
	}
	if len(made) < 500 {
		t.Fatalf("%d places were made", len(made))
	}
	found := findPlaces([]string{home}, func(string) string { return "" }).found
	for _, at := range made {
		if !slices.ContainsFunc(found, func(p string) bool { return below(at, p) }) {
			t.Errorf("%s is not found", at)
		}
	}
	if len(found) != len(made) {
		t.Errorf("%d are found, of %d", len(found), len(made))
	}
}

// TestLedPlaces: where a place is a link, what it leads to is hidden, and nothing of the
// system is.
func TestLedPlaces(t *testing.T) {
	home, project := homeOf(t)
	outside := t.TempDir()
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(home, n))
		}
		return paths
	}
	write(t, filepath.Join(home, "dotfiles/ssh/id"), "x")
	link(t, "dotfiles/ssh", filepath.Join(home, ".ssh"))
	write(t, filepath.Join(home, "dotfiles/kube/config"), "x")
	link(t, filepath.Join(home, "dotfiles/kube/config"), filepath.Join(home, ".kube/config"))
	write(t, filepath.Join(outside, "config/gh/hosts.yml"), "x")
	write(t, filepath.Join(outside, "npmrc"), "x")
	link(t, filepath.Join(outside, "npmrc"), filepath.Join(outside, "config/chain"))
	link(t, filepath.Join(outside, "config/chain"), filepath.Join(home, ".npmrc"))
	link(t, filepath.Join(outside, "config"), filepath.Join(home, ".config"))
	link(t, "/dev/null", filepath.Join(home, ".bash_history"))
	link(t, "/usr", filepath.Join(home, ".aws"))
	link(t, "/etc/hostname", filepath.Join(home, ".netrc"))
	link(t, ".", filepath.Join(home, ".docker"))
	gpg := filepath.Join(outside, "gpg")
	write(t, filepath.Join(gpg, "key"), "x")
	t.Setenv("GNUPGHOME", gpg)
	for _, c := range []struct {
		name    string
		project string
		change  func(*Spec)
		want    []string
	}{
		{"dotfiles", project, rw(filepath.Join(home, "dotfiles")), in("dotfiles/ssh", "dotfiles/kube/config")},
		{"dotfiles as the project", filepath.Join(home, "dotfiles"), nothing, in("dotfiles/ssh", "dotfiles/kube/config")},
		{"outside", project, rw(outside), []string{gpg, filepath.Join(outside, "config/gh"), filepath.Join(outside, "npmrc")}},
	} {
		s, notes := shown(t, c.project, c.change)
		var got []string
		for _, p := range s.OCI.Linux.MaskedPaths {
			if below(p, home) || below(p, outside) {
				got = append(got, p)
			}
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
		for _, p := range []string{"/dev/null", "/usr", "/etc/hostname", home} {
			if slices.Contains(s.OCI.Linux.MaskedPaths, p) {
				t.Errorf("%s: %s is hidden", c.name, p)
			}
		}
		if !slices.ContainsFunc(notes, func(n string) bool { return strings.Contains(n, home+" is not hidden") }) {
			t.Errorf("%s: nothing is said of the home: %q", c.name, notes)
		}
	}
	for _, path := range []string{filepath.Join(home, "dotfiles/ssh"), filepath.Join(home, ".ssh"), gpg, filepath.Join(outside, "config/gh")} {
		if why := refused(t, project, ro(path)); !strings.Contains(why, "refusing to show") {
			t.Errorf("--ro %s: %q", path, why)
		}
		exposing := func(s *Spec) { ro(path)(s); s.Exposed = []string{path} }
		if why := refused(t, project, exposing); why != "" {
			t.Errorf("--ro %s --unsafe-expose: %q", path, why)
		}
	}
}

// TestSecretProject: a place of secrets is no project and no root, by whatever path, but
// for where a tool keeps projects in one.
func TestSecretProject(t *testing.T) {
	home, project := homeOf(t)
	write(t, filepath.Join(home, ".ssh/keys/id"), "x")
	write(t, filepath.Join(home, "dotfiles/kube/config"), "x")
	link(t, "dotfiles/kube", filepath.Join(home, ".kube"))
	write(t, filepath.Join(home, ".codex/worktrees/1/p/file"), "x")
	write(t, filepath.Join(home, ".config/nvim/init.lua"), "x")
	for path, want := range map[string]bool{
		".ssh": true, ".ssh/keys": true, "dotfiles/kube": true, "dotfiles": false, "src/p": false,
		".codex": true, ".codex/worktrees": true, ".codex/worktrees/1/p": false, ".config/nvim": false,
	} {
		at := filepath.Join(home, path)
		if why := refused(t, at, nothing); strings.Contains(why, "secrets are kept in") != want {
			t.Errorf("%s as the project: %q", path, why)
		}
		if why := refused(t, at, func(s *Spec) { s.Exposed, s.AllowRunLater = []string{at}, true }); why != "" {
			t.Errorf("%s, exposed: %q", path, why)
		}
	}
	for name, change := range map[string]func(*Spec){
		"layer":  func(s *Spec) { s.View, s.Layers = Union, []string{filepath.Join(home, ".ssh")} },
		"linked": func(s *Spec) { s.View, s.Layers = Union, []string{filepath.Join(home, ".kube")} },
		"upper":  func(s *Spec) { s.View, s.Layers, s.Upper = Union, []string{project}, filepath.Join(home, ".ssh/keys") },
		"rootfs": func(s *Spec) { s.View, s.OCI.Root = Rootfs, &specs.Root{Path: filepath.Join(home, ".ssh")} },
		"rw":     func(s *Spec) { s.OCI.Mounts = []specs.Mount{bind(filepath.Join(home, ".kube"), "/tmp/k")} },
	} {
		if why := refused(t, project, change); !strings.Contains(why, "secrets are kept") {
			t.Errorf("%s: %q", name, why)
		}
	}
	s, _ := shown(t, project, func(s *Spec) { s.View, s.OCI.Root = Rootfs, &specs.Root{Path: home} })
	if !slices.Contains(s.OCI.Linux.MaskedPaths, "/.ssh") || !slices.Contains(s.OCI.Linux.MaskedPaths, "/dotfiles/kube") {
		t.Errorf("the home as the root shows what is not in %q", s.OCI.Linux.MaskedPaths)
	}
}

// TestAliases: another path of the home is replaced by an empty directory, with what is
// asked for in it, and is no project.
func TestAliases(t *testing.T) {
	h := laptop()
	h.aliases = []alias{{path: "/data/home/ada", whole: true, home: true}, {path: "/srv/w"}}
	h.disks = []privateDir{{"/mnt", "755"}}
	for _, dir := range []string{"/data", "/data/home/ada", "/data/home/ada/p", "/srv", "/srv/w", "/srv/w/p", "/mnt", "/mnt/p"} {
		h.Files[dir] = fs.ModeDir | 0o755
	}
	for _, c := range []struct {
		project string
		mounts  []specs.Mount
		want    []string
		err     string
	}{
		{project: "/home/ada/p", want: []string{"mount tmpfs -> /mnt ", "mount tmpfs -> /data/home/ada ", "mount tmpfs -> /srv/w "}},
		{project: "/data/home/ada/p", want: []string{"mount tmpfs -> /data/home/ada ", "mkdir /data/home/ada/p ", "bind /data/home/ada/p -> /data/home/ada/p "}},
		{project: "/mnt/p", want: []string{"mount tmpfs -> /mnt ", "mkdir /mnt/p ", "bind /mnt/p -> /mnt/p "}},
		{project: "/mnt", want: []string{"bind /mnt -> /mnt "}},
		{project: "/srv/w/p", want: []string{"mount tmpfs -> /srv/w ", "mkdir /srv/w/p "}},
		{project: "/data", err: "your home is in it"},
		{project: "/data/home/ada", err: "your home is in it"},
		{project: "/home/ada/p", mounts: []specs.Mount{bind("/data", "/tmp/d", "ro")}, want: []string{"bind /data -> /tmp/d ", "mount tmpfs -> /tmp/d/home/ada "}},
		{project: "/home/ada/p", mounts: []specs.Mount{bind("/srv", "/srv", "ro")}, want: []string{"bind /srv -> /srv ", "mount tmpfs -> /srv/w "}},
		{project: "/home/ada/p", mounts: []specs.Mount{bind("/srv/w", "/srv/w", "ro")}, want: []string{"bind /srv/w -> /srv/w "}},
		{project: "/home/ada/p", mounts: []specs.Mount{bind("/srv/a", "/mnt/new/place", "ro")}, want: []string{"mkdir /mnt/new/place "}},
	} {
		s := build("true")
		s.Project, s.OCI.Mounts = c.project, c.mounts
		done, _, err := Complete(s, h)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", c.project, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.project, err)
			continue
		}
		p, err := Compile(done, h)
		if err != nil {
			t.Fatal(err)
		}
		text, at := p.String(), 0
		for _, want := range c.want {
			i := strings.Index(text[at:], want)
			if i < 0 {
				t.Errorf("%s, %v: no %q behind the others in\n%s", c.project, c.mounts, want, text)
				break
			}
			at += i
		}
	}
	if h.private("/data/home/ada/x") != true || h.private("/data/x") {
		t.Error("what is in an alias is not private, or what is beside it is")
	}
}

// TestWatchedSecrets: what is missing in a directory that is shown is told, and what is
// there is not.
func TestWatchedSecrets(t *testing.T) {
	home, project := homeOf(t)
	write(t, filepath.Join(home, ".config/gh/hosts.yml"), "x")
	s := build("true")
	s.Project = project
	s.OCI.Mounts = []specs.Mount{bind(filepath.Join(home, ".config"), "/tmp/c")}
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	got := h.watchedSecrets(s)
	if len(got) != 1 || got[0].Dir != filepath.Join(home, ".config") || got[0].Inside != "/tmp/c" {
		t.Fatalf("%+v", got)
	}
	if !slices.Contains(got[0].Places, "glab-cli") || slices.Contains(got[0].Places, "gh") || !slices.Contains(got[0].Ways, "Code") {
		t.Errorf("%+v", got[0])
	}
	s.OCI.Mounts = nil
	if got := h.watchedSecrets(s); got != nil {
		t.Errorf("a project has %+v", got)
	}
}

// mounted is a table in which the root is one disk, and these lines are mounts on it:
// device, root, mount point, type, options.
func mounted(lines ...string) mounttable.Table {
	text := "10 1 8:1 / / rw - ext4 /dev/a rw\n"
	for i, line := range lines {
		f := strings.Fields(line)
		text += fmt.Sprintf("%d 10 %s %s %s rw - %s /dev/b %s\n", 11+i, f[0], f[1], f[2], f[3], f[4])
	}
	return mounttable.Parse(text)
}

// TestOtherDisks: what looks like the home on another disk is hidden, and so are
// snapshots, Windows' drives and the kernel's file systems; other directories are not.
func TestOtherDisks(t *testing.T) {
	_, project := homeOf(t)
	disk := t.TempDir()
	for _, file := range []string{
		"copy/home/.ssh/id", "copy/tools/bin/x", "copy/.snapshots/1/x", "chroot/proc/1", "memory/home/.ssh/id", "plain/home/tools/x",
	} {
		write(t, filepath.Join(disk, file), "x")
	}
	at := func(name string) string { return filepath.Join(disk, name) }
	table := mounted(
		"8:2 / "+at("copy")+" ext4 rw", "0:5 / "+at("chroot/proc")+" proc rw", "0:9 / /c 9p rw,aname=drvfs;path=C",
		"0:7 / "+at("memory")+" tmpfs rw", "8:3 / "+at("plain")+" ext4 rw",
	)
	s := build("true")
	s.Project = project
	s.OCI.Mounts = []specs.Mount{bind(disk, disk, "ro")}
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	h.aliases, h.places = nil, nil
	if err := h.probeElsewhere(s, surrounding{table: table}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range h.aliases {
		got = append(got, strings.TrimPrefix(a.path, disk+"/"))
	}
	slices.Sort(got)
	if want := []string{"chroot/proc", "copy/.snapshots", "copy/home"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if !slices.Contains(h.disks, privateDir{"/c", "755"}) || !h.drives {
		t.Errorf("Windows' drive is not among %v", h.disks)
	}
	if err := h.probeElsewhere(s, surrounding{err: fs.ErrPermission}); err == nil {
		t.Error("mounts that cannot be read are no error")
	}
}
