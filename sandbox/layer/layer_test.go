package layer

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNames: what a directory is called must not be another option.
func TestNames(t *testing.T) {
	u := Union{Lower: []string{"/a:b", "/c,d", `/e\f`}, Upper: `/up:per,x\y`}
	steps, root := u.Steps("/proc", Kernel, true)
	if root != "/proc/root" {
		t.Errorf("root %s", root)
	}
	text := ""
	for _, s := range steps {
		text += s.String() + "\n"
	}
	for _, want := range []string{
		`lowerdir+=/a:b,lowerdir+=/c,d,lowerdir+=/e\f`, `upperdir=/up:per,x\\y`, `workdir=/.up:per,x\\y.sbx-work`, "userxattr",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is not in\n%s", want, text)
		}
	}
	// Before Linux 6.5 it is one list: lower directories have short names, and
	// what is left is escaped.
	steps, _ = u.Steps("/proc", Kernel, false)
	last := steps[len(steps)-1].String()
	if !strings.Contains(last, `lowerdir=0:1:2,upperdir=/up:per\,x\\y,workdir=/.up:per\,x\\y.sbx-work`) {
		t.Errorf("got %s", last)
	}
}

// TestDaemon: fuse-overlayfs gets names that need no quoting, and no directory
// of the host by its own name.
func TestDaemon(t *testing.T) {
	p := Union{Lower: []string{"/a:b", "/c,d"}, Upper: "/dir,x/upper"}.Daemon("/usr/bin/fuse-overlayfs", true)
	lines := p.Lines()
	last := lines[len(lines)-1]
	if want := "exec fuse-overlayfs -f -o lowerdir=/sys/0:/sys/1,upperdir=/sys/kept/upper,workdir=/sys/kept/.upper.sbx-work /dev/fd/255"; last != want {
		t.Errorf("got  %s\nwant %s", last, want)
	}
	text := strings.Join(lines, "\n")
	join, die := strings.Index(text, "join user"), strings.Index(text, "die with")
	if become := strings.Index(text, "become user 0:0"); join < 0 || become < join || die < become {
		t.Errorf("a change of credentials clears the parent-death signal, so it must be set after:\n%s", text)
	}
	for name, want := range map[string]bool{"/x/plain": true, "/x/a,b": false, "/x/a:b": false, `/x/a\b`: false, "/a,b/plain": true} {
		if Plain(name) != want {
			t.Errorf("%s: plain is %v", name, !want)
		}
	}
}

func TestKeep(t *testing.T) {
	upper := filepath.Join(t.TempDir(), "upper")
	if _, err := Keep(upper); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an upper that is not there: %v", err)
	}
	if err := os.Mkdir(upper, 0o755); err != nil {
		t.Fatal(err)
	}
	kept, err := Keep(upper)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Keep(upper); !errors.Is(err, ErrBusy) {
		t.Errorf("kept twice: %v", err)
	}
	// What overlayfs leaves: a directory that its owner cannot even read.
	if err := os.MkdirAll(filepath.Join(Work(upper), "work"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(Work(upper), "work"), 0); err != nil {
		t.Fatal(err)
	}
	if err := kept.Release(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(Work(upper)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the work directory is left: %v", err)
	}
	again, err := Keep(upper)
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Release(); err != nil {
		t.Errorf("nothing to remove: %v", err)
	}
}
