package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// absent are the sockets that no sandbox gets because their code is not to be loaded. They fail
// as on a kernel that was built without it, and programs go on with something else: Go without
// multipath TCP, useradd and PAM without auditing, Python without AF_ALG. EPERM they take for a
// refusal. What an ordinary user may not have, raw and packet sockets, stays EPERM.
//
// MPTCP and SMC are among the protocols; Landlock's rights on ports do not know them.
func absent() []specs.LinuxSyscall {
	var out []specs.LinuxSyscall
	say := func(errno unix.Errno, last []specs.LinuxSeccompArg, first ...specs.LinuxSeccompArg) {
		for _, arg := range last {
			out = append(out, fail(errno, "socket", append(first[:len(first):len(first)], arg)...))
		}
	}
	say(unix.EAFNOSUPPORT, absentFamilies())
	for _, inet := range []specs.LinuxSeccompArg{is(0, unix.AF_INET), is(0, unix.AF_INET6)} {
		say(unix.EPROTONOSUPPORT, hasBit(2, 3, 9), inet, masked(1, sockType, unix.SOCK_STREAM))                                 // from 8 on; TCP is 6
		say(unix.EPROTONOSUPPORT, append(hasBit(2, 6, 9), is(2, unix.IPPROTO_TCP)), inet, masked(1, sockType, unix.SOCK_DGRAM)) // from 64 on; ICMPv6 is 58
		for _, kind := range []uint32{unix.SOCK_RDM, unix.SOCK_SEQPACKET, unix.SOCK_DCCP} {
			say(unix.ESOCKTNOSUPPORT, []specs.LinuxSeccompArg{masked(1, sockType, kind)}, inet)
		}
	}
	say(unix.EPROTONOSUPPORT, hasBit(2, 0, 4), is(0, unix.AF_NETLINK)) // all but NETLINK_ROUTE
	return out
}

// absentFamilies are all but AF_UNIX (1), AF_INET (2), AF_INET6 (10), AF_NETLINK (16) and
// AF_PACKET (17).
func absentFamilies() []specs.LinuxSeccompArg {
	out := hasBit(0, 5, 5) // 32 to 63
	for _, block := range [][2]uint32{{0, 1}, {3, 1}, {4, 4}, {8, 2}, {11, 1}, {12, 4}, {18, 2}, {20, 4}, {24, 8}} {
		out = append(out, masked(0, ^(block[1]-1), block[0])) // the first, and how many
	}
	return out
}

// hasBit are the tests of which one holds for a number with one of these bits.
func hasBit(index uint, from, to int) (tests []specs.LinuxSeccompArg) {
	for n := from; n <= to; n++ {
		tests = append(tests, masked(index, 1<<n, 1<<n))
	}
	return tests
}

func fail(errno unix.Errno, names string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	number := uint(errno)
	e := allow(names, args...)
	e.Action, e.ErrnoRet = specs.ActErrno, &number
	return e
}
