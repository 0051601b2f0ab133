package runlater

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// inMounts runs a test again in a mount namespace of its own, where it may mount,
// and tells whether this is that run.
func inMounts(t *testing.T) bool {
	t.Helper()
	if os.Getenv("SBX_TEST_MOUNTS") == t.Name() {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), "SBX_TEST_MOUNTS="+t.Name())
	ids := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: ids(os.Getuid()), GidMappings: ids(os.Getgid()),
		AmbientCaps: []uintptr{unix.CAP_SYS_ADMIN},
	}
	out, err := cmd.CombinedOutput()
	switch {
	case err != nil && cmd.ProcessState == nil:
		skip(t, err)
	case err != nil:
		t.Fatalf("%v\n%s", err, out)
	}
	return false
}

func mountTmpfs(t *testing.T, dir string, flags uintptr) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	must(t, unix.Mount("none", dir, "tmpfs", flags, ""))
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) }) // some tests do it
	return dir
}

// TestMounts: file systems below a root are looked at, and those that cannot be are named.
func TestMounts(t *testing.T) {
	if !inMounts(t) {
		return
	}
	dir := tempDir(t)
	old := mountTmpfs(t, filepath.Join(dir, "a b\n\\"), 0)
	write(t, old, ".envrc", "mine")
	write(t, old, "lib/.envrc", "mine")
	mountTmpfs(t, filepath.Join(old, "deep"), 0)
	mountTmpfs(t, filepath.Join(dir, "gone"), 0)
	readOnly := mountTmpfs(t, filepath.Join(dir, "ro"), unix.MS_RDONLY)
	must(t, os.MkdirAll(filepath.Join(dir, "proc"), 0o755))
	write(t, dir, "plain/x", "")
	g := find(t, dir)
	must(t, g.Record())
	want(t, found(check(t, g)))
	var roots []string
	for _, r := range g.roots {
		roots = append(roots, r.path)
	}
	if slices.Contains(roots, readOnly) || len(roots) != 4 {
		t.Errorf("%q", roots)
	}

	write(t, old, "CLAUDE.md", "") // not at a top
	write(t, old, "lib/.envrc", "evil")
	write(t, old, "deep/.vscode/x", "")
	write(t, old, "setuid", "")
	must(t, os.Chmod(filepath.Join(old, "setuid"), 0o755|os.ModeSetuid))
	must(t, unix.Unmount(filepath.Join(dir, "gone"), 0))
	mountTmpfs(t, filepath.Join(dir, "plain"), 0)
	r, err := g.Check()
	if err == nil {
		t.Error("nothing is said of the mount that is gone")
	}
	want(t, found(r), ".vscode", "lib/.envrc")
	if len(r.SetIDs) != 1 || r.SetIDs[0].Path != "setuid" {
		t.Errorf("%v", r.SetIDs)
	}
	if len(r.Unseen) != 1 || r.Unseen[0].Path != "plain" || r.Unseen[0].Err != errAppeared {
		t.Errorf("%v", r.Unseen)
	}
	if _, err := r.Quarantine(tempDir(t)); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"lib/.envrc", "deep/.vscode"} {
		if _, err := os.Lstat(filepath.Join(old, name)); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
}
