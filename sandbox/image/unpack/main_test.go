package unpack

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"syscall"
	"testing"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns"
)

// inside marks the run of this program in a user namespace: "many" has the
// subordinate ids, "one" has one id.
const inside = "SBX_UNPACK_INSIDE"

// TestMain runs all tests as root of a user namespace with a mount namespace, as
// the helper process will be.
func TestMain(m *testing.M) {
	if os.Getenv(inside) != "" {
		os.Exit(m.Run())
	}
	status, err := again()
	switch {
	case err == nil:
		os.Exit(status)
	case os.Getenv("SBX_MUST_WORK") == "1":
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "as an ordinary user:", err)
	os.Exit(m.Run())
}

func again() (status int, err error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	if os.Geteuid() == 0 {
		cmd := exec.Command(self, os.Args[1:]...)
		cmd.Env = append(os.Environ(), inside+"=many")
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
		all := []syscall.SysProcIDMap{{Size: 65536}}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: all, GidMappings: all}
		if err := cmd.Run(); cmd.ProcessState == nil {
			return 0, err
		}
		return cmd.ProcessState.ExitCode(), nil
	}
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	me, err := user.Current()
	if err != nil {
		return 0, err
	}
	uids, gids, err := idmap.Granted(uid, me.Username)
	if err != nil {
		return 0, err
	}
	plan := userns.Plan{Namespaces: userns.User | userns.Mounts, Steps: []userns.Step{
		userns.DieWithSupervisor{},
		userns.AwaitMaps{UID: idmap.Root(uid, uids), GID: idmap.Root(gid, gids), Helpers: idmap.FindHelpers()},
		userns.Seal{}, userns.AwaitSupervisor{}, userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.Exec{Paths: []string{self}, Argv: os.Args, Env: append(os.Environ(), inside+"=many")},
	}}
	child, err := plan.Start(userns.Input{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		return 0, err
	}
	end, err := child.Wait()
	if err != nil || !end.Exited() {
		return 1, err
	}
	return end.ExitStatus(), nil
}

// needRoot skips without a user namespace.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("not root of a user namespace")
	}
}

// withOneID runs a test in another user namespace, of one id. It tells whether
// this is where it runs.
func withOneID(t *testing.T) bool {
	t.Helper()
	needRoot(t)
	if os.Getenv(inside) == "one" {
		return true
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inside+"=one")
	one := []syscall.SysProcIDMap{{Size: 1}}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: one, GidMappings: one}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("with one id: %v\n%s", err, out)
	}
	return false
}
