package userns

import "golang.org/x/sys/unix"

// NewKeyring gives the process, and those it forks, a session keyring of its
// own. A process begins with the caller's, and possesses what is in it: tickets,
// keys of encrypted directories, passwords of mounts (session-keyring(7)).
type NewKeyring struct {
	// Spare says that key calls are refused by a filter too, so that the kernel's
	// quota of keys, 200 for a user, need not stop the two hundred and first
	// sandbox at once.
	Spare bool
}

func (s NewKeyring) String() string { return "new session keyring" }

func (s NewKeyring) lower(a *assembler) {
	c := a.syscall(unix.SYS_KEYCTL, num(unix.KEYCTL_JOIN_SESSION_KEYRING), num(0))
	// A kernel without keys, and a filter outside that refuses them to all within:
	// the call itself wants no permission.
	c.Also = [3]uint16{uint16(unix.ENOSYS), uint16(unix.EPERM)}
	if s.Spare {
		c.Also[2] = uint16(unix.EDQUOT)
	}
}
