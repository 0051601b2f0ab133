//go:build amd64 || arm64

package seccomp

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fork is clone(2) with flags, whose child only exits.
func fork(flags uintptr) unix.Errno {
	pid, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD)|flags, 0, 0, 0, 0, 0)
	if errno == 0 && pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return errno
}

func try(nr uintptr, args ...uintptr) unix.Errno {
	var all [6]uintptr
	copy(all[:], args)
	_, _, errno := unix.RawSyscall6(nr, all[0], all[1], all[2], all[3], all[4], all[5])
	return errno
}

// TestKernel gives the programs to the running kernel, in a process of their
// own: this binary again, which says what came of some calls.
func TestKernel(t *testing.T) {
	if variant := os.Getenv("SECCOMP_TEST_VARIANT"); variant != "" {
		confined(variants()[variant])
	}
	for name, o := range variants() {
		if o.Arch != Native() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("/proc/self/exe", "-test.run=^TestKernel$")
			cmd.Env = append(os.Environ(), "SECCOMP_TEST_VARIANT="+name)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			newUser := "operation not permitted"
			if o.UserNS {
				// The process has threads, the kernel refuses it then: the
				// filter let it through.
				newUser = "invalid argument"
			}
			for _, want := range []string{
				"getpid: errno 0", "AF_UNIX: errno 0", "AF_VSOCK: address family not supported by protocol", "raw: operation not permitted",
				"TIOCSTI: operation not permitted", "TIOCSTI and more: operation not permitted", "TCGETS: inappropriate ioctl for device",
				"clone: errno 0", "unshare user: " + newUser, "x32: function not implemented", "new: function not implemented",
				"io_uring: operation not permitted", "F_GETFL: errno 0", "F_SETLEASE: operation not permitted", "F_SETLEASE and more: operation not permitted",
			} {
				if !strings.Contains(string(out), want+"\n") {
					t.Errorf("no %q in\n%s", want, out)
				}
			}
			// Where it is allowed the machine may still say no.
			if !o.UserNS && !strings.Contains(string(out), "clone user: operation not permitted\n") {
				t.Errorf("clone of a user namespace\n%s", out)
			}
		})
	}
}

// confined never returns: with the filter the test could not clean up.
func confined(o DefaultOptions) {
	runtime.LockOSThread()
	fail := func(what string, err error) {
		if err != nil {
			fmt.Println(what, err)
			os.Exit(1)
		}
	}
	f, ok := Default(o)
	if !ok {
		fail("no program for", fmt.Errorf("%+v", o))
	}
	null, err := os.Open("/dev/null")
	fail("open", err)
	fail("no_new_privs", unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
	prog := unix.SockFprog{Len: uint16(len(f.Instructions)), Filter: &f.Instructions[0]}
	if errno := try(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(f.Flags), uintptr(unsafe.Pointer(&prog))); errno != 0 {
		fail("seccomp", errno)
	}
	for _, c := range []struct {
		name  string
		errno unix.Errno
	}{
		{"getpid", try(unix.SYS_GETPID)},
		{"AF_UNIX", try(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM)},
		{"AF_VSOCK", try(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM)},
		{"raw", try(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)},
		{"TIOCSTI", try(unix.SYS_IOCTL, null.Fd(), unix.TIOCSTI)},
		{"TIOCSTI and more", try(unix.SYS_IOCTL, null.Fd(), 1<<32|unix.TIOCSTI)},
		{"TCGETS", try(unix.SYS_IOCTL, null.Fd(), unix.TCGETS)},
		{"clone", fork(0)},
		{"clone user", fork(unix.CLONE_NEWUSER)},
		{"unshare user", try(unix.SYS_UNSHARE, unix.CLONE_NEWUSER)},
		{"x32", x32Getpid()},
		{"new", try(511)},
		{"F_GETFL", try(unix.SYS_FCNTL, null.Fd(), unix.F_GETFL)},
		{"F_SETLEASE", try(unix.SYS_FCNTL, null.Fd(), unix.F_SETLEASE, unix.F_RDLCK)},
		{"F_SETLEASE and more", try(unix.SYS_FCNTL, null.Fd(), 1<<32|unix.F_SETLEASE, unix.F_RDLCK)},
		{"io_uring", try(unix.SYS_IO_URING_SETUP, 1)},
	} {
		fmt.Printf("%s: %v\n", c.name, c.errno)
	}
	os.Exit(0)
}

// x32Getpid fails elsewhere than on amd64 too: no call has such a number.
func x32Getpid() unix.Errno { return try(x32Bit | unix.SYS_GETPID) }
