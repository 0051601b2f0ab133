package seccomp

import (
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

const (
	maxErrno = 4095   // MAX_ERRNO; the kernel would cut what is above
	maxTrace = 0xffff // SECCOMP_RET_DATA

	nosys = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
)

// action gives what the program returns to the kernel. A number where the
// action has no use for one is an error: the OCI specification demands it.
func action(act specs.LinuxSeccompAction, errno *uint) (uint32, error) {
	data, most := uint(unix.EPERM), uint(0)
	var ret uint32
	switch act {
	case specs.ActErrno:
		ret, most = unix.SECCOMP_RET_ERRNO, maxErrno
	case specs.ActTrace:
		ret, most = unix.SECCOMP_RET_TRACE, maxTrace
	case specs.ActKill, specs.ActKillThread:
		ret = unix.SECCOMP_RET_KILL_THREAD
	case specs.ActKillProcess:
		ret = unix.SECCOMP_RET_KILL_PROCESS
	case specs.ActTrap:
		ret = unix.SECCOMP_RET_TRAP
	case specs.ActAllow:
		ret = unix.SECCOMP_RET_ALLOW
	case specs.ActLog:
		ret = unix.SECCOMP_RET_LOG
	case specs.ActNotify:
		ret = unix.SECCOMP_RET_USER_NOTIF
	case "":
		return 0, fmt.Errorf("no action")
	default:
		return 0, fmt.Errorf("unknown action %q", act)
	}
	if errno != nil {
		data = *errno
	}
	switch {
	case most == 0 && errno != nil:
		return 0, fmt.Errorf("action %s takes no errnoRet", act)
	case most == 0:
		return ret, nil
	case data > most:
		return 0, fmt.Errorf("errnoRet %d is above %d", data, most)
	}
	return ret | uint32(data), nil
}

// refuses tells whether the call is not made, whoever else may watch.
func refuses(ret uint32) bool {
	switch ret & unix.SECCOMP_RET_ACTION_FULL {
	case unix.SECCOMP_RET_ERRNO, unix.SECCOMP_RET_TRAP:
		return true
	}
	return kills(ret)
}

func kills(ret uint32) bool {
	ret &= unix.SECCOMP_RET_ACTION_FULL
	return ret == unix.SECCOMP_RET_KILL_THREAD || ret == unix.SECCOMP_RET_KILL_PROCESS
}

// hidesNew tells whether calls that are newer than the profile fail with
// ENOSYS. Where the default lets calls through, or hands them to somebody who
// knows what to do, new ones are no exception.
func hidesNew(ret uint32) bool {
	return kills(ret) || ret&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_ERRNO
}

func notifies(ret uint32) bool {
	return ret&unix.SECCOMP_RET_ACTION_FULL == unix.SECCOMP_RET_USER_NOTIF
}
