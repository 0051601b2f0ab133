package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

const rootPlace userns.FD = "sandbox's root"

// killAllPlan sends a signal from within: only there is it one call for all. The child
// has every capability, so it reaches whoever the processes are, and executes nothing.
func killAllPlan(sig syscall.Signal) userns.Plan {
	return userns.Plan{Steps: []userns.Step{
		userns.CloseMemory{}, userns.Join{Of: enteredPID, Namespaces: userns.User | userns.PID},
		// One that is given up must not send it later, behind another signal.
		userns.DieWithSupervisor{Later: true}, userns.ForkInto{}, userns.DieWithInit{}, userns.AwaitSupervisor{},
		userns.SignalAll{Signal: sig}, userns.Exit{},
	}}
}

// KillAll sends a signal to all processes of a sandbox but the first, at once: none of
// them can fork one that does not get it. The pidfd is that of the first process.
func KillAll(pidfd *os.File, sig syscall.Signal) error {
	var err error
	for range killTries {
		var status syscall.WaitStatus
		status, err = killAllPlan(sig).Run(userns.Input{Files: map[userns.FD]*os.File{enteredPID: pidfd}, Limit: killLimit}, nil)
		if err == nil && status == 0 {
			return nil
		}
		if ended(pidfd, err) {
			return os.ErrProcessDone
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err == nil {
			err = fmt.Errorf("it ended with %d", status)
		}
	}
	return fmt.Errorf("send all processes of the sandbox %s: %w", unix.SignalName(sig), err)
}

// One within who is the same user may be quicker, and kill the one that sends or stop
// it, where Landlock does not keep signals from it. It is tried that often, and given
// that long.
const (
	killTries = 100
	killLimit = 100 * time.Millisecond
)

// rootPlan needs no memory of its own: nobody inside sees who is in no pid namespace of
// theirs.
func rootPlan() userns.Plan {
	return userns.Plan{Steps: []userns.Step{
		userns.Join{Of: enteredPID, Namespaces: userns.User | userns.Mounts},
		userns.OpenPlace{Path: "/", As: rootPlace}, userns.Send{FD: rootPlace}, userns.Exit{},
	}}
}

// RootFD is the sandbox's root directory, as a place to look up others from (O_PATH). A
// link in there leads where it would from outside, so look up with RESOLVE_IN_ROOT.
// The pidfd is that of the sandbox's first process.
func RootFD(pidfd *os.File) (*os.File, error) {
	root, err := sent(rootPlan(), pidfd)
	if err != nil {
		return nil, fmt.Errorf("the sandbox's root: %w", err)
	}
	return root, nil
}

// sent is the descriptor that a plan within sends.
func sent(p userns.Plan, pidfd *os.File) (got *os.File, err error) {
	status, err := p.Run(userns.Input{
		Files: map[userns.FD]*os.File{enteredPID: pidfd},
		Receive: func(_ userns.FD, f *os.File, _ *userns.Process) error {
			got = f
			return nil
		},
	}, nil)
	switch {
	case err == nil && status == 0 && got != nil:
		return got, nil
	case ended(pidfd, err):
		err = os.ErrProcessDone
	case err == nil:
		err = fmt.Errorf("it ended with %d", status)
	}
	if got != nil {
		got.Close()
	}
	return nil, err
}

// filePlan opens a file from within: what fuse-overlayfs serves, the kernel shows to nobody
// outside of the user namespace (fs/fuse/dir.c, fuse_allow_current_process).
func filePlan(path string) userns.Plan {
	const file userns.FD = "file"
	return userns.Plan{Steps: []userns.Step{
		userns.Join{Of: enteredPID, Namespaces: userns.User | userns.Mounts},
		userns.OpenFile{Path: path, As: file}, userns.Send{FD: file}, userns.Exit{},
	}}
}

// openWithin opens a regular file of the sandbox, or an empty one where there is none. What
// it is cannot be looked at from here, for the same reason; but of files that are not
// regular nothing is read ahead (readahead(2)).
func openWithin(pidfd *os.File, path string) (io.ReadCloser, error) {
	f, err := sent(filePlan(path), pidfd)
	switch {
	case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP): // by a link of /proc
		return io.NopCloser(eof{}), nil
	case err != nil:
		return nil, fmt.Errorf("%s of the sandbox: %w", path, err)
	}
	if _, _, errno := unix.Syscall(unix.SYS_READAHEAD, f.Fd(), 0, 1); errno != 0 {
		f.Close()
		return io.NopCloser(eof{}), nil
	}
	return f, nil
}

// ended tells whether the process of a pidfd has, which is then the cause of an error:
// one that ends has no namespaces to join, and nothing can be forked into its own.
func ended(pidfd *os.File, err error) bool {
	set := []unix.PollFd{{Fd: int32(pidfd.Fd()), Events: unix.POLLIN}}
	wait := 0
	if errors.Is(err, unix.ENOMEM) {
		wait = 1000 // it is as good as gone, unless it was really the memory
	}
	n, e := unix.Poll(set, wait)
	return errors.Is(err, unix.ESRCH) || e == nil && n == 1
}
