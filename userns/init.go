package userns

import (
	"encoding/binary"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// sbx-init is what PID 1 becomes when it has forked the command: a few hundred bytes
// of machine code (init_*.s), in a file in memory. The child shares the supervisor's
// memory, and nothing that lives beside untrusted code may. An image of the
// supervisor, which PID 1 could also be, costs more to make than this costs to
// execute, and would have all that the supervisor knows in it.
const (
	initName    = "sbx-init"
	initFD   FD = initName
	readyFD  FD = "readiness of " + initName
)

// loadInit makes the file.
func (a *assembler) loadInit() {
	const flags = unix.MFD_CLOEXEC | unix.MFD_ALLOW_SEALING
	name := a.str(initName)
	c := a.syscall(unix.SYS_MEMFD_CREATE, name, num(flags|unix.MFD_EXEC))
	c.Also[0], c.Skip = uint16(unix.EINVAL), 1 // before Linux 6.3
	a.keep(c, initFD)
	a.keep(a.syscall(unix.SYS_MEMFD_CREATE, name, num(flags)), initFD)
	image := initImage()
	a.syscall(unix.SYS_WRITE, a.fd(initFD), a.text(string(image)), num(len(image)))
}

// The places in the image. What initPatch has is known when the command is there:
// its process id, the numbers of two descriptors, and the signal that says to kill it.
const (
	initBase  = 0x400000
	initPatch = 0xc0
	initAll   = 0xd0 // a set of all signals
	initOne   = 0xd8 // the number 1, which makes an eventfd readable
	initTitle = 0xe0
	initProg  = 0xf0 // struct sock_fprog
	initRules = 0x100
	initText  = 0x180
)

// initCalls is all that sbx-init may do once it is at work. It has no filter of the
// command's, and a command that was given CAP_SYS_PTRACE could have it act.
func initCalls() []unix.SockFilter {
	arch := map[string]uint32{"amd64": unix.AUDIT_ARCH_X86_64, "arm64": unix.AUDIT_ARCH_AARCH64}[runtime.GOARCH]
	calls := []uint32{unix.SYS_RT_SIGTIMEDWAIT, unix.SYS_WAIT4, unix.SYS_KILL, unix.SYS_WRITE, unix.SYS_CLOSE, unix.SYS_EXIT_GROUP}
	const load, equal, give = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	n := uint8(len(calls))
	rules := []unix.SockFilter{{Code: load, K: 4}, {Code: equal, K: arch, Jf: n + 1}, {Code: load, K: 0}}
	for i, nr := range calls {
		rules = append(rules, unix.SockFilter{Code: equal, K: nr, Jt: n - uint8(i)})
	}
	return append(rules, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_KILL_PROCESS}, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW})
}

// initImage is the ELF file: one segment, which is header, constants and code.
// It writes to its stack alone.
func initImage() []byte {
	code := initCode()
	b := make([]byte, initText+len(code))
	le := binary.LittleEndian
	copy(b, "\x7fELF\x02\x01\x01")
	le.PutUint16(b[16:], 2) // ET_EXEC
	le.PutUint16(b[18:], map[string]uint16{"amd64": 62, "arm64": 183}[runtime.GOARCH])
	le.PutUint32(b[20:], 1)
	le.PutUint64(b[24:], initBase+initText)
	le.PutUint64(b[32:], 64) // the program headers follow
	le.PutUint16(b[52:], 64)
	le.PutUint16(b[54:], 56)
	le.PutUint16(b[56:], 2)
	const r, w, x = 4, 2, 1
	segment := func(at int, kind, flags uint32, base, size, align uint64) {
		le.PutUint32(b[at:], kind)
		le.PutUint32(b[at+4:], flags)
		le.PutUint64(b[at+16:], base)
		le.PutUint64(b[at+24:], base)
		le.PutUint64(b[at+32:], size)
		le.PutUint64(b[at+40:], size)
		le.PutUint64(b[at+48:], align)
	}
	segment(64, 1, r|x, initBase, uint64(len(b)), 0x10000) // PT_LOAD
	segment(120, 0x6474e551, r|w, 0, 0, 16)                // PT_GNU_STACK: not executable
	le.PutUint64(b[initAll:], ^uint64(0))
	le.PutUint64(b[initOne:], 1)
	copy(b[initTitle:], initName)
	rules := initCalls()
	le.PutUint16(b[initProg:], uint16(len(rules)))
	le.PutUint64(b[initProg+8:], initBase+initRules)
	for i, r := range rules {
		at := b[initRules+8*i:]
		le.PutUint16(at, r.Code)
		at[2], at[3] = r.Jt, r.Jf
		le.PutUint32(at[4:], r.K)
	}
	copy(b[initText:], code)
	return b
}

// initCode is the machine code, up to the mark that ends it.
func initCode() []byte {
	const mark = "sbx-end."
	s := unsafe.String((*byte)(unsafe.Add(nil, initStart())), 4096)
	return []byte(s[:strings.Index(s, mark)])
}

// initStart is the address of the code.
func initStart() uintptr

// becomeInit has PID 1 execute sbx-init, which tells the command by an eventfd
// when its memory is closed to others.
func (a *assembler) becomeInit(command FD, fatal unix.Signal) {
	a.loadInit()
	status := a.given[status]
	patch, b := a.words(0, uint32(status), 0, uint32(fatal))
	for i, fd := range map[int]FD{0: command, 8: readyFD} {
		store := a.add(child.Store)
		store.Args[0], store.Word = a.fd(fd).value, word32(b[i:])
	}
	const sealed = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE
	a.syscall(unix.SYS_PWRITE64, a.fd(initFD), patch, num(16), num(initPatch))
	a.syscall(unix.SYS_FCNTL, a.fd(initFD), num(unix.F_ADD_SEALS), num(sealed))
	a.syscall(unix.SYS_CLOSE_RANGE, num(0), num(2), num(0))
	a.syscall(unix.SYS_CLOSE_RANGE, num(3), num(^uint32(0)), num(unix.CLOSE_RANGE_CLOEXEC))
	a.syscall(unix.SYS_FCNTL, num(status), num(unix.F_SETFD), num(0))
	a.syscall(unix.SYS_FCNTL, a.fd(readyFD), num(unix.F_SETFD), num(0))
	argv := a.longs(uint64(a.str(initName).value), 0)
	a.syscall(unix.SYS_EXECVEAT, a.fd(initFD), a.str(""), argv, a.longs(0), num(unix.AT_EMPTY_PATH))
}

// AwaitInit waits until PID 1 is sbx-init, and its memory closed. Nothing that is
// not sbx's own may run before that.
type AwaitInit struct{}

func (AwaitInit) String() string { return "wait for " + initName }

func (AwaitInit) lower(a *assembler) {
	a.syscall(unix.SYS_READ, a.fd(readyFD), a.at(a.bytes(8)), num(8))
}
