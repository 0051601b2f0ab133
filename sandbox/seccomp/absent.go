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
	stream, dgram := masked(1, sockType, unix.SOCK_STREAM), masked(1, sockType, unix.SOCK_DGRAM)
	var out []specs.LinuxSyscall
	for _, family := range absentFamilies.of(0) {
		out = append(out, fail(unix.EAFNOSUPPORT, "socket socketpair", family))
	}
	for _, inet := range []specs.LinuxSeccompArg{is(0, unix.AF_INET), is(0, unix.AF_INET6)} {
		out = append(out, fail(unix.EOPNOTSUPP, "socketpair", inet))
		for _, protocol := range absentStreams.of(2) {
			out = append(out, fail(unix.EPROTONOSUPPORT, "socket", inet, stream, protocol))
		}
		for _, protocol := range absentDatagrams.of(2) {
			out = append(out, fail(unix.EPROTONOSUPPORT, "socket", inet, dgram, protocol))
		}
		for _, kind := range []uint32{unix.SOCK_RDM, unix.SOCK_SEQPACKET, unix.SOCK_DCCP} {
			out = append(out, fail(unix.ESOCKTNOSUPPORT, "socket", inet, masked(1, sockType, kind)))
		}
	}
	for _, protocol := range absentNetlinks.of(2) {
		out = append(out, fail(unix.EPROTONOSUPPORT, "socket", is(0, unix.AF_NETLINK), protocol))
	}
	return out
}

// blocks are numbers, given as the first of each block and how many there are: a power of two
// that divides the first.
type blocks [][2]uint32

// of gives the tests of an argument of which one holds for each of the numbers.
func (b blocks) of(index uint) (tests []specs.LinuxSeccompArg) {
	for _, block := range b {
		tests = append(tests, masked(index, ^(block[1]-1), block[0]))
	}
	return tests
}

var (
	// All but AF_UNIX (1), AF_INET (2), AF_INET6 (10), AF_NETLINK (16) and AF_PACKET (17).
	absentFamilies = blocks{{0, 1}, {3, 1}, {4, 4}, {8, 2}, {11, 1}, {12, 4}, {18, 2}, {20, 4}, {24, 8}, {32, 16}, {48, 16}}
	// Above TCP (6).
	absentStreams = blocks{{8, 8}, {16, 16}, {32, 32}, {64, 64}, {128, 128}, {256, 256}}
	// Above ICMPv6 (58), and TCP.
	absentDatagrams = blocks{{unix.IPPROTO_TCP, 1}, {64, 64}, {128, 128}, {256, 256}}
	// Above NETLINK_ROUTE (0), up to MAX_LINKS.
	absentNetlinks = blocks{{1, 1}, {2, 2}, {4, 4}, {8, 8}, {16, 16}}
)

func fail(errno unix.Errno, names string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	number := uint(errno)
	e := allow(names, args...)
	e.Action, e.ErrnoRet = specs.ActErrno, &number
	return e
}
