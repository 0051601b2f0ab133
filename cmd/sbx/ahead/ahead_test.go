package ahead

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWants(t *testing.T) {
	for line, want := range map[string]bool{
		"sbx run -- make": true, "sbx run make --help": true, "sbx run --ro /x make": true, "sbx run --rootfs /r -- sh": true,
		"sbx": false, "sbx version": false, "sbx run": false, "sbx run -q": false, "sbx run --dry-run -- make": false,
		"sbx run -q --net=host make": false, "sbx run --network host make": false, "sbx run -h": false, "sbx run -m2g -- make": false, "sbx run --cpuset=0 make": false, "sbx run --pids-limit 9 make": false,
		"sbx run --io-max=/:rbps=1 make": false, "sbx profile run": false,
	} {
		if got := wants([]byte(strings.ReplaceAll(line, " ", "\x00") + "\x00")); got != want {
			t.Errorf("%s: %v", line, got)
		}
	}
	if wants([]byte("sbx\x00run\x00--ro\x00/a/name/that/is/cut")) {
		t.Error("arguments that were not seen to their end were taken for flags without more")
	}
	if _, ok := Take(); ok {
		t.Error("a test has begun a child")
	}
}

func TestNumbers(t *testing.T) {
	for name, n := range map[string][2]uint64{
		"openat": {sysOpenat, unix.SYS_OPENAT}, "read": {sysRead, unix.SYS_READ}, "write": {sysWrite, unix.SYS_WRITE},
		"close": {sysClose, unix.SYS_CLOSE}, "pipe2": {sysPipe2, unix.SYS_PIPE2}, "socketpair": {sysSocketpair, unix.SYS_SOCKETPAIR},
		"prctl": {sysPrctl, unix.SYS_PRCTL}, "unshare": {sysUnshare, unix.SYS_UNSHARE}, "getuid": {sysGetuid, unix.SYS_GETUID},
		"geteuid": {sysGeteuid, unix.SYS_GETEUID}, "getgid": {sysGetgid, unix.SYS_GETGID}, "getegid": {sysGetegid, unix.SYS_GETEGID},
		"getcpu": {sysGetcpu, unix.SYS_GETCPU}, "sched_getaffinity": {sysSchedGetaffinity, unix.SYS_SCHED_GETAFFINITY},
		"sched_setaffinity": {sysSchedSetaffinity, unix.SYS_SCHED_SETAFFINITY}, "O_CLOEXEC": {cloexec, unix.O_CLOEXEC}, "O_NONBLOCK": {nonblock, unix.O_NONBLOCK},
		"namespaces": {Namespaces, unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWCGROUP | unix.CLONE_NEWNET},
	} {
		if n[0] != n[1] {
			t.Errorf("%s is %d, not %d", name, n[1], n[0])
		}
	}
}
