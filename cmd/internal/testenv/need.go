package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

// Skip skips a test that misses something, unless all must work.
func Skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatalf("SBX_MUST_WORK: "+format, args...)
	}
	t.Skipf(format, args...)
}

// NeedNamespaces skips where user namespaces are forbidden.
func NeedNamespaces(t testing.TB) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	if err := cmd.Run(); err != nil {
		Skip(t, "no user namespaces: %v", err)
	}
}

// MissingHelpers says why several ids cannot be mapped, or nothing.
func MissingHelpers(t testing.TB) error {
	t.Helper()
	out, err := exec.Command(Tool(t, "sbx"), "run", "--rootfs", "/", "--userns", "root", "--dry-run", "--no-project", "--", "true").CombinedOutput()
	if err != nil {
		return fmt.Errorf("no subordinate ids: %s", out)
	}
	return nil
}

// MissingFuse says why fuse-overlayfs cannot be run, or nothing.
func MissingFuse() error {
	if _, err := exec.LookPath("fuse-overlayfs"); err != nil {
		return err
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// MissingDebian says why there is no Debian root file system, or nothing.
func MissingDebian(t testing.TB) error {
	t.Helper()
	if os.Getenv("SBX_TEST_DEBIAN") == "" {
		return errors.New("SBX_TEST_DEBIAN names no Debian root file system")
	}
	return MissingHelpers(t)
}

// NeedDebian skips where there is no Debian root file system, and gives it.
func NeedDebian(t testing.TB) string {
	t.Helper()
	if err := MissingDebian(t); err != nil {
		Skip(t, "%v", err)
	}
	return Debian(t)
}
