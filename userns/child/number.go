package child

// What the kernel's headers say, on both architectures. A test compares it with
// golang.org/x/sys/unix.
const (
	eperm   = 1
	enoent  = 2
	eintr   = 4
	eacces  = 13
	enotdir = 20
	einval  = 22
	enosys  = 38
	eloop   = 40

	sigchld = 17

	cloneVM           = 0x100
	clonePidfd        = 0x1000
	cloneClearSighand = 0x100000000
	cloneIntoCgroup   = 0x200000000

	oPath               = 0x200000
	oCloexec            = 0x80000
	resolveNoMagiclinks = 0x2
	prCapbsetDrop       = 24
)
