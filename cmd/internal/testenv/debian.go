package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

var debianRoot struct {
	once sync.Once
	dir  string
	err  error
}

// Debian unpacks the Debian root file system once, owned by the ids that the
// sandbox will have, and keeps it for later runs.
func Debian(t testing.TB) string {
	t.Helper()
	debianRoot.once.Do(func() { debianRoot.dir, debianRoot.err = unpackDebian() })
	if debianRoot.err != nil {
		t.Fatal(debianRoot.err)
	}
	return debianRoot.dir
}

func unpackDebian() (root string, err error) {
	dir := filepath.Join(tools.home, ".cache", "sbx-test", "debian")
	root, complete := filepath.Join(dir, "root"), filepath.Join(dir, "complete")
	if err := os.MkdirAll(root, 0o755); err != nil {
		return "", err
	}
	// The tests of another package may be at it.
	lock, err := os.Open(dir)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return "", err
	}
	if _, err := os.Stat(complete); err == nil {
		return root, nil
	}
	// sbx itself has the ids: a root of its own whose files tar writes.
	unpack := exec.Command("unshare", "--user", "--map-root-user", "--map-auto",
		"tar", "-C", root, "-xpf", os.Getenv("SBX_TEST_DEBIAN"))
	if out, err := unpack.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%s: %v\n%s", unpack, err, out)
	}
	return root, os.WriteFile(complete, nil, 0o644)
}
