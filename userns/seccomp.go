package userns

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Seccomp has the kernel check every later system call of the process, and of
// all it starts, by a filter (seccomp(2)). It comes last but for the Exec: what
// it refuses, later steps cannot do either. NoNewPrivs must have come before, or
// the kernel says EACCES.
type Seccomp struct {
	// Name says which filter it is, for people.
	Name   string
	Filter []unix.SockFilter `json:"-"`
	// Flags are SECCOMP_FILTER_FLAG_*.
	Flags uint
	// Listener names the descriptor that filters with notifications give; empty
	// for the others. A Send hands it to the supervisor.
	Listener FD `json:",omitempty"`
}

func (s Seccomp) String() string {
	return fmt.Sprintf("seccomp filter %s, %d instructions", s.Name, len(s.Filter))
}

// Hash is the SHA-256 of the filter, as the kernel gets it.
func (s Seccomp) Hash() string {
	h := sha256.New()
	var b [8]byte
	for _, i := range s.Filter {
		binary.LittleEndian.PutUint16(b[:], i.Code)
		b[2], b[3] = i.Jt, i.Jf
		binary.LittleEndian.PutUint32(b[4:], i.K)
		h.Write(b[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (s Seccomp) lower(a *assembler) {
	if len(s.Filter) == 0 || len(s.Filter) > unix.BPF_MAXINSNS {
		a.fail("a seccomp filter of %d instructions", len(s.Filter))
		return
	}
	first := unsafe.Pointer(&s.Filter[0])
	a.prog.pinned.Pin(first)
	prog := a.bytes(16) // struct sock_fprog
	binary.NativeEndian.PutUint16(prog, uint16(len(s.Filter)))
	binary.NativeEndian.PutUint64(prog[8:], uint64(uintptr(first)))
	c := a.syscall(unix.SYS_SECCOMP, num(unix.SECCOMP_SET_MODE_FILTER), num(s.Flags), a.at(prog))
	if s.Listener != "" {
		a.keep(c, s.Listener)
	}
}
