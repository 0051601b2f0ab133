package userns

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
)

// stay makes a sandbox of a user and a mount namespace, and a child that stays in it.
func stay(t *testing.T) *Resident {
	t.Helper()
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	r, err := Plan{Namespaces: User | Mounts, Steps: []Step{MapSelf{idmap.Single(uid, uid), idmap.Single(gid, gid)}, Seal{}}}.Stay(Input{Limit: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.End() })
	return r
}

// TestResidentGoesOn has one child cover files again and again, and ends it.
func TestResidentGoesOn(t *testing.T) {
	needNamespaces(t)
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	if err := os.WriteFile(secret, []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	r := stay(t)
	inside := "/proc/" + strconv.Itoa(r.c.pid) + "/root" + secret
	for n := 0; !r.Spent(); n++ {
		if _, err := os.ReadFile(inside); err != nil {
			t.Fatalf("before it is covered: %v", err)
		}
		err := r.Do(Input{}, Blank{Path: dir + "/blank", As: "b"}, Attach{From: "b", Target: secret, Exact: true}, Close{FD: "b"}, Remove{Path: dir + "/blank"})
		if err != nil {
			t.Fatalf("the %dth time: %v", n, err)
		}
		var st unix.Stat_t
		if err := unix.Stat(inside, &st); err != nil || st.Size != 0 {
			t.Fatalf("covered, it has mode %o and %d bytes: %v", st.Mode, st.Size, err)
		}
		if err := r.Do(Input{}, Unmount{Target: secret}); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := filepath.Glob(dir + "/blank*"); left != nil {
		t.Errorf("left: %v", left)
	}
}

// TestResidentFails has a step fail, and says which.
func TestResidentFails(t *testing.T) {
	needNamespaces(t)
	r := stay(t)
	if err := r.Do(Input{}, Chdir{Path: "/"}); err != nil {
		t.Fatal(err)
	}
	var step *StepError
	err := r.Do(Input{}, Chdir{Path: "/nothing here"})
	if !errors.As(err, &step) || step.Err != unix.ENOENT || step.Step != (Chdir{Path: "/nothing here"}) {
		t.Errorf("got %v", err)
	}
	if err := r.Do(Input{}, Chdir{Path: "/"}); err == nil {
		t.Error("the child goes on after a step has failed")
	}
}

// TestResidentEndsWithItsHolder closes the pipe that a supervisor holds, as its death does.
func TestResidentEndsWithItsHolder(t *testing.T) {
	needNamespaces(t)
	r := stay(t)
	shut(&r.leash)
	if !comes(int(r.c.prog.Pidfd), 30*time.Second) {
		t.Error("it goes on")
	}
}

// TestBlankRefusesWhatIsThere has the name of an empty file taken by somebody's link.
func TestBlankRefusesWhatIsThere(t *testing.T) {
	needNamespaces(t)
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "blank", "x"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := stay(t).Do(Input{}, Blank{Path: dir + "/blank", As: "b"}); err == nil {
		t.Error("a directory was taken for an empty file")
	}
}
