package child

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestNumbers(t *testing.T) {
	for name, n := range map[string][2]uint64{
		"clone": {sysClone, unix.SYS_CLONE}, "clone3": {sysClone3, unix.SYS_CLONE3}, "ppoll": {sysPpoll, unix.SYS_PPOLL},
		"read": {sysRead, unix.SYS_READ}, "write": {sysWrite, unix.SYS_WRITE}, "close": {sysClose, unix.SYS_CLOSE},
		"prctl": {sysPrctl, unix.SYS_PRCTL}, "execve": {sysExecve, unix.SYS_EXECVE}, "faccessat": {sysFaccessat, unix.SYS_FACCESSAT},
		"openat2": {sysOpenat2, unix.SYS_OPENAT2}, "exit_group": {sysExitGroup, unix.SYS_EXIT_GROUP}, "wait4": {sysWait4, unix.SYS_WAIT4},
		"rt_sigaction": {sysRtSigaction, unix.SYS_RT_SIGACTION},
		"EPERM":        {eperm, uint64(unix.EPERM)}, "ENOENT": {enoent, uint64(unix.ENOENT)}, "EINTR": {eintr, uint64(unix.EINTR)}, "EACCES": {eacces, uint64(unix.EACCES)},
		"ENOTDIR": {enotdir, uint64(unix.ENOTDIR)}, "EINVAL": {einval, uint64(unix.EINVAL)}, "ENOSYS": {enosys, uint64(unix.ENOSYS)},
		"ELOOP": {eloop, uint64(unix.ELOOP)}, "SIGCHLD": {sigchld, uint64(unix.SIGCHLD)}, "CLONE_VM": {cloneVM, unix.CLONE_VM},
		"CLONE_PIDFD": {clonePidfd, unix.CLONE_PIDFD}, "CLONE_CLEAR_SIGHAND": {cloneClearSighand, unix.CLONE_CLEAR_SIGHAND},
		"CLONE_INTO_CGROUP": {cloneIntoCgroup, unix.CLONE_INTO_CGROUP},
		"O_PATH":            {oPath, unix.O_PATH}, "O_CLOEXEC": {oCloexec, unix.O_CLOEXEC}, "PR_CAPBSET_DROP": {prCapbsetDrop, unix.PR_CAPBSET_DROP},
		"RESOLVE_NO_MAGICLINKS": {resolveNoMagiclinks, unix.RESOLVE_NO_MAGICLINKS},
	} {
		if n[0] != n[1] {
			t.Errorf("%s is %d, not %d", name, n[1], n[0])
		}
	}
}
