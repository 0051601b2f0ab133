package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// call tries one system call that no build needs. Arguments are such that it
// does nothing where it is allowed.
func call(args []string) {
	runtime.LockOSThread() // keyrings are a thread's
	try := calls[args[0]]
	if try == nil {
		try = machineCalls[args[0]]
	}
	if try == nil {
		wrong("no call %s", args[0])
	}
	judge(args[0], try())
}

func raw(nr uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	_, _, e := syscall.Syscall6(nr, a[0], a[1], a[2], a[3], a[4], a[5])
	return errnoOf(e)
}

func name(s string) uintptr {
	b := append([]byte(s), 0)
	return uintptr(unsafe.Pointer(&b[0]))
}

var calls = map[string]func() error{
	"init_module":       func() error { return raw(unix.SYS_INIT_MODULE, name("none"), 4, name("")) },
	"finit_module":      func() error { return raw(unix.SYS_FINIT_MODULE, ^uintptr(0), name(""), 0) },
	"delete_module":     func() error { return raw(unix.SYS_DELETE_MODULE, name("sbx_has_none"), unix.O_NONBLOCK) },
	"kexec_load":        func() error { return raw(unix.SYS_KEXEC_LOAD, 0, 0, 0, 0) },
	"kexec_file_load":   func() error { return raw(unix.SYS_KEXEC_FILE_LOAD, ^uintptr(0), ^uintptr(0), 0, 0, 0) },
	"reboot":            func() error { return unix.Reboot(unix.LINUX_REBOOT_CMD_CAD_ON) },
	"swapon":            func() error { return raw(unix.SYS_SWAPON, name("/sbx-has-none"), 0) },
	"swapoff":           func() error { return raw(unix.SYS_SWAPOFF, name("/sbx-has-none")) },
	"acct":              func() error { return unix.Acct("/sbx-has-none") },
	"quotactl":          func() error { return raw(unix.SYS_QUOTACTL, 0x800001<<8, name("/sbx-has-none"), 0, 0) },
	"sethostname":       func() error { return unix.Sethostname([]byte("owned")) },
	"setdomainname":     func() error { return unix.Setdomainname([]byte("owned")) },
	"settime":           settime,
	"adjtime":           func() error { _, err := unix.Adjtimex(&unix.Timex{Modes: unix.ADJ_TICK, Tick: 10000}); return err },
	"syslog":            func() error { _, err := unix.Klogctl(3, make([]byte, 100)); return err },
	"vhangup":           func() error { return raw(unix.SYS_VHANGUP) },
	"bpf-map":           bpfMap,
	"bpf-prog":          bpfProgram,
	"perf":              perf,
	"io_uring":          ioUring,
	"io_uring_enter":    func() error { return raw(unix.SYS_IO_URING_ENTER, ^uintptr(0), 0, 0, 0, 0, 0) },
	"io_uring_register": func() error { return raw(unix.SYS_IO_URING_REGISTER, ^uintptr(0), 0, 0, 0) },
	"userfaultfd":       func() error { return raw(unix.SYS_USERFAULTFD, unix.O_CLOEXEC|1) },
	"add_key":           addKey,
	"request_key":       func() error { return raw(unix.SYS_REQUEST_KEY, name("user"), name("sbx-has-none"), 0, 0) },
	"keyctl":            func() error { _, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_USER_KEYRING, true); return err },
	"join-keyring":      func() error { return raw(unix.SYS_KEYCTL, unix.KEYCTL_JOIN_SESSION_KEYRING, 0) },
	"fanotify":          func() error { _, err := unix.FanotifyInit(unix.FAN_CLASS_CONTENT, 0); return err },
	"unshare-mount":     func() error { return unix.Unshare(unix.CLONE_NEWNS) },
	"unshare-net":       func() error { return unix.Unshare(unix.CLONE_NEWNET) },
	"setns-none":        func() error { return unix.Setns(-1, 0) },
	"handle":            func() error { _, err := unix.OpenByHandleAt(-1, unix.NewFileHandle(1, make([]byte, 8)), 0); return err },
}

// settime sets the clock to what it is.
func settime() error {
	var now unix.Timespec
	must(unix.ClockGettime(unix.CLOCK_REALTIME, &now))
	return unix.ClockSettime(unix.CLOCK_REALTIME, &now)
}

// bpfMap makes an array of one number.
func bpfMap() error {
	attr := [16]uint32{2, 4, 4, 1}
	return raw(unix.SYS_BPF, 0, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
}

// bpfProgram loads a socket filter that returns 0.
func bpfProgram() error {
	code := [2]uint64{0xb7, 0x95}
	license := []byte("GPL\x00")
	attr := struct {
		kind, count    uint32
		code, license  uint64
		level, logSize uint32
		log            uint64
		version, flags uint32
	}{kind: 1, count: 2, code: uint64(uintptr(unsafe.Pointer(&code))), license: uint64(uintptr(unsafe.Pointer(&license[0])))}
	err := raw(unix.SYS_BPF, 5, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	runtime.KeepAlive(&code)
	return err
}

// perf counts this process's own page faults.
func perf() error {
	attr := unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_PAGE_FAULTS, Bits: unix.PerfBitExcludeKernel | unix.PerfBitExcludeHv}
	attr.Size = uint32(unsafe.Sizeof(attr))
	_, err := unix.PerfEventOpen(&attr, 0, -1, -1, 0)
	return err
}

func ioUring() error {
	var params [120]byte
	return raw(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)))
}

func addKey() error {
	id, err := unix.AddKey("user", "sbx-attack", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
	if err == nil {
		_, err = unix.KeyctlInt(unix.KEYCTL_REVOKE, id, 0, 0, 0)
	}
	return err
}

// keyring reads a key that the caller's session has. With "give" it is the
// caller, who makes a session with the key and goes on as another command.
func keyring(args []string) {
	runtime.LockOSThread()
	if args[0] == "give" {
		_, err := unix.KeyctlJoinSessionKeyring("sbx-bait")
		must(err)
		_, err = unix.AddKey("user", "sbx-bait", []byte(args[1]), unix.KEY_SPEC_SESSION_KEYRING)
		must(err)
		path, err := exec.LookPath(args[2])
		must(err)
		must(syscall.Exec(path, args[2:], os.Environ()))
	}
	id, err := unix.KeyctlSearch(unix.KEY_SPEC_SESSION_KEYRING, "user", "sbx-bait", 0)
	if err != nil {
		held("%v", err)
	}
	b := make([]byte, 100)
	n, err := unix.KeyctlBuffer(unix.KEYCTL_READ, id, b, 0)
	if err == nil && bytes.Contains(b[:min(n, len(b))], []byte(args[0])) {
		broke("read the caller's key %d", id)
	}
	held("%v", err)
}

// i386 makes a call by the 32-bit gate, whose numbers are others, in a child: a
// filter kills who does.
func i386(args []string) {
	out, err := exec.Command("/proc/self/exe", append([]string{"i386-child"}, args...)...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		broke("it answered %s", bytes.TrimSpace(out))
	case errors.As(err, &exit) && exit.Sys().(syscall.WaitStatus).Signaled():
		held("killed: %v", err)
	case errors.As(err, &exit) && exit.ExitCode() == 3:
		held("refused: %s", bytes.TrimSpace(out))
	case bytes.Contains(out, []byte("SIGSEGV")), bytes.Contains(out, []byte("SIGSYS")):
		held("no such gate")
	}
	wrong("%v: %s", err, out)
}

func i386Child(args []string) {
	var n [4]uint32
	for i, arg := range args {
		if list, ok := strings.CutPrefix(arg, "@"); ok {
			n[i] = lowMemory(strings.Split(list, ","))
			continue
		}
		v, err := strconv.ParseInt(arg, 0, 64)
		must(err)
		n[i] = uint32(v)
	}
	answer := int80(n[0], n[1], n[2], n[3])
	println(answer)
	if e := syscall.Errno(-answer); answer < 0 && (refused(e) || e == syscall.EPROTONOSUPPORT) {
		os.Exit(3)
	}
	os.Exit(0)
}

// lowMemory puts numbers where a pointer of 32 bits leads.
func lowMemory(list []string) uint32 {
	const map32Bit = 0x40
	at, _, e := syscall.Syscall6(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|map32Bit, ^uintptr(0), 0)
	must(errnoOf(e))
	for i, text := range list {
		v, err := strconv.ParseInt(text, 0, 64)
		must(err)
		*(*uint32)(unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&at)), 4*i)) = uint32(v)
	}
	return uint32(at)
}

// x32 makes a call by a number with the bit that x32 programs set, which a
// filter of plain numbers does not know.
func x32(args []string) {
	nr, err := strconv.ParseUint(args[0], 0, 32)
	must(err)
	answer, _, e := syscall.RawSyscall(uintptr(nr)|0x40000000, 0, 0, 0)
	if e == 0 {
		broke("it answered %d", answer)
	}
	if e == syscall.ENOSYS || e == syscall.EPERM {
		held("%v", e)
	}
	broke("it was reached: %v", e)
}
