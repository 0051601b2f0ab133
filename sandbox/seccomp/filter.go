package seccomp

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// A Filter is what seccomp(2) is given. Several may share their instructions.
type Filter struct {
	Instructions []unix.SockFilter
	// Flags are SECCOMP_FILTER_FLAG_*. With SECCOMP_FILTER_FLAG_NEW_LISTENER
	// the call returns a descriptor.
	Flags uint
	// Notify says that some calls wait for the holder of that descriptor.
	Notify bool
	// Unknown are names of the profile that no architecture has, sorted: they
	// are misspelt, newer than this package, or of machines it does not know.
	Unknown []string
}

// Hash names the program: sha256 of its instructions as a little-endian kernel
// reads them, in hexadecimal.
func (f *Filter) Hash() string {
	b := make([]byte, 0, 8*len(f.Instructions))
	for _, i := range f.Instructions {
		b = binary.LittleEndian.AppendUint16(b, i.Code)
		b = append(b, i.Jt, i.Jf)
		b = binary.LittleEndian.AppendUint32(b, i.K)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func flag(name specs.LinuxSeccompFlag) (uint, bool) {
	switch name {
	case specs.LinuxSeccompFlagLog:
		return unix.SECCOMP_FILTER_FLAG_LOG, true
	case specs.LinuxSeccompFlagSpecAllow:
		return unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW, true
	case specs.LinuxSeccompFlagWaitKillableRecv:
		return unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, true
	}
	return 0, false
}

func flags(names []specs.LinuxSeccompFlag) (uint, error) {
	var all uint
	for i, name := range names {
		bit, ok := flag(name)
		if !ok {
			return 0, fmt.Errorf("seccomp profile: flags[%d]: unknown flag %q", i, name)
		}
		all |= bit
	}
	return all, nil
}

// setNotify asks for a listener if an entry needs one. The kernel refuses a
// flag about listeners where there is none.
func (f *Filter) setNotify(list []entry) {
	for _, e := range list {
		f.Notify = f.Notify || notifies(e.ret)
	}
	if f.Notify {
		f.Flags |= unix.SECCOMP_FILTER_FLAG_NEW_LISTENER
	} else {
		f.Flags &^= unix.SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
	}
}
