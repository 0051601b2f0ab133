package seccomp

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// never are calls that no sandbox gets, whatever its capabilities: moby allows
// some with one of them. Behind them are the parts of the kernel that had the
// most holes and that builds do without (io_uring, bpf, userfaultfd, perf, keys,
// modify_ldt), or the machine as a whole (modules, kexec, clocks, swap, quota,
// ports). open_by_handle_at reaches files around all mounts (CVE-2014-3519 and
// the "shocker" exploit).
const never = "acct add_key adjtimex bpf clock_adjtime clock_adjtime64 clock_settime clock_settime64 create_module " +
	"delete_module fanotify_init finit_module get_kernel_syms init_module io_uring_enter io_uring_register " +
	"io_uring_setup ioperm iopl kexec_file_load kexec_load keyctl lookup_dcookie modify_ldt nfsservctl " +
	"open_by_handle_at perf_event_open query_module quotactl quotactl_fd reboot request_key settimeofday stime " +
	"swapoff swapon sysfs syslog uselib userfaultfd vm86 vm86old"

// decided are calls of which moby's word does not count but this file's.
const decided = "clone clone3 fcntl fcntl64 ioctl personality socket socketcall socketpair unshare " + mounts

const mounts = "fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree open_tree_attr pivot_root " +
	"setdomainname sethostname setns umount umount2"

// Flags of new namespaces in clone(2) and unshare(2). CLONE_NEWTIME is not among
// clone's: there its bit is one of the signal number.
const (
	cloneNew   = cloneAdmin | unix.CLONE_NEWUSER
	unshareNew = cloneNew | unix.CLONE_NEWTIME
	cloneAdmin = unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
		unix.CLONE_NEWCGROUP
)

// namespaces are refused, user namespaces above all: in one of its own a process
// has all capabilities, and can reach what the kernel otherwise keeps for root.
// The flags of clone3(2) are in memory, where no filter can look; it says that
// it does not exist, and C libraries go back to clone.
func namespaces(o DefaultOptions) []specs.LinuxSyscall {
	if o.UserNS {
		return []specs.LinuxSyscall{allow("clone clone3 unshare chroot " + mounts)}
	}
	enosys := uint(unix.ENOSYS)
	out := []specs.LinuxSyscall{{Names: []string{"clone3"}, Action: specs.ActErrno, ErrnoRet: &enosys}}
	if holds(o.Caps, "CAP_SYS_ADMIN") {
		return append(out, allow(mounts), allow("clone unshare", without(0, unix.CLONE_NEWUSER)))
	}
	return append(out, allow("clone", without(0, cloneNew)), allow("unshare", without(0, unshareNew)))
}

// terminals allows all of ioctl(2) except what types into the terminal that the
// sandbox was started from, and what sets a terminal's line discipline: the number is
// behind a pointer, and every discipline except the default one is a driver that the
// kernel loads for whoever names it (CVE-2017-2636, CVE-2020-14416, CVE-2023-6546).
// Only slattach, pppd and ldattach use it. The kernel takes 32 bits of the request,
// so that a test of all 64 would let through what has some set above (CVE-2019-10063).
func terminals() []specs.LinuxSyscall {
	var out []specs.LinuxSyscall
	for _, arg := range except(1, unix.TIOCSTI, unix.TIOCLINUX, unix.TIOCSETD) {
		out = append(out, allow("ioctl", arg))
	}
	return out
}

// leases allows all of fcntl(2) except leases and, since Linux 6.19, delegations. With one the
// command has every open of a file that it may read wait for 45 seconds: sbx's own, and those
// of the developer's git while it has config.lock.
func leases() []specs.LinuxSyscall {
	var out []specs.LinuxSyscall
	for _, arg := range except(1, unix.F_SETLEASE, setDelegation) {
		out = append(out, allow("fcntl fcntl64", arg))
	}
	return out
}

const setDelegation = 1024 + 16 // F_SETDELEG

// sockets allows local ones, TCP, UDP and ping, and of netlink what lists
// interfaces. The kernel's events tell of the host's devices. Every other family and protocol is code that
// socket(2) loads as a module when somebody asks for it.
func sockets(o DefaultOptions) []specs.LinuxSyscall {
	kinds := []struct{ kind, protocol uint32 }{
		{unix.SOCK_DGRAM, 0}, {unix.SOCK_DGRAM, unix.IPPROTO_UDP},
		{unix.SOCK_DGRAM, unix.IPPROTO_ICMP}, {unix.SOCK_DGRAM, unix.IPPROTO_ICMPV6},
		{unix.SOCK_STREAM, 0}, {unix.SOCK_STREAM, unix.IPPROTO_TCP},
	}
	if o.NoTCP {
		kinds = kinds[:4]
	}
	out := []specs.LinuxSyscall{allow("socket socketpair", is(0, unix.AF_UNIX))}
	for _, family := range []uint32{unix.AF_INET, unix.AF_INET6} {
		for _, s := range kinds {
			out = append(out, allow("socket", is(0, family), masked(1, sockType, s.kind), is(2, s.protocol)))
		}
	}
	out = append(out, allow("socket", is(0, unix.AF_NETLINK), is(2, unix.NETLINK_ROUTE)))
	out = append(out, absent()...)
	if o.X86_32 {
		out = append(out, socketcall()...)
	}
	return out
}

// sockType is SOCK_TYPE_MASK: above it are flags.
const sockType = 0xf

// memfds makes files that are on no mount that could be noexec.
const memfds = "memfd_create"

// noMemfd fails as a kernel without memfd_create(2) does, and programs take a file in
// /dev/shm. A file with MFD_NOEXEC_SEAL cannot be given to execve(2), but to the dynamic
// loader, which only reads and maps it. (memfd_secret(2) makes files that nothing reads.)
func noMemfd() specs.LinuxSyscall {
	enosys := uint(unix.ENOSYS)
	return specs.LinuxSyscall{Names: []string{memfds}, Action: specs.ActErrno, ErrnoRet: &enosys}
}

// socketcall makes no sockets, since what kind is asked for cannot be seen. C
// libraries use the calls that stand for themselves since Linux 4.3.
func socketcall() []specs.LinuxSyscall {
	var out []specs.LinuxSyscall
	for _, part := range muxes[0].parts {
		if part.name != "socket" && part.name != "socketpair" {
			out = append(out, allow("socketcall", is(0, part.nr)))
		}
	}
	return out
}

// personalities are those that moby has, the question for the present one, and those without
// randomness of addresses: debuggers and sanitizers ask for it, and it weakens only the programs
// of the process that asks. Others turn off what mmap(2) protects.
func personalities() []specs.LinuxSyscall {
	var out []specs.LinuxSyscall
	for _, v := range []uint64{0, perLinux32, uname26, perLinux32 | uname26, noRandomize, perLinux32 | noRandomize, 0xffffffff} {
		out = append(out, allow("personality", specs.LinuxSeccompArg{Index: 0, Value: v, Op: specs.OpEqualTo}))
	}
	return out
}

const (
	perLinux32  = 0x0008
	uname26     = 0x20000
	noRandomize = 0x40000
)
