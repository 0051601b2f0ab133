package landlock

import (
	"strings"

	"golang.org/x/sys/unix"
)

// Rights are access rights on files, LANDLOCK_ACCESS_FS_*.
type Rights uint64

// Ports are access rights on ports, LANDLOCK_ACCESS_NET_*.
type Ports uint64

// Scopes are kinds of peers that must be within, LANDLOCK_SCOPE_*.
type Scopes uint64

// The rights on files that belong together.
const (
	Read    Rights = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	Execute Rights = unix.LANDLOCK_ACCESS_FS_EXECUTE
	// Write is all that changes files and directories. Making device nodes is
	// not among it: the kernel lets no user namespace make any.
	Write Rights = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REFER |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
		unix.LANDLOCK_ACCESS_FS_MAKE_SYM
	// WriteFiles changes files that are there, and makes none.
	WriteFiles Rights = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	// Devices lets ioctl(2) speak to devices.
	Devices Rights = unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	// Sockets lets connect(2) go to named sockets.
	Sockets Rights = unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX

	makeDevices Rights = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK

	// AllFiles is every right on files that this package knows.
	AllFiles = Read | Execute | Write | Devices | Sockets | makeDevices
	// onFiles are those that a rule on something else than a directory may have.
	onFiles = unix.LANDLOCK_ACCESS_FS_READ_FILE | Execute | WriteFiles | Devices | Sockets
)

// The rights on ports, and the scopes.
const (
	BindTCP    Ports = unix.LANDLOCK_ACCESS_NET_BIND_TCP
	ConnectTCP Ports = unix.LANDLOCK_ACCESS_NET_CONNECT_TCP

	Signals         Scopes = unix.LANDLOCK_SCOPE_SIGNAL
	AbstractSockets Scopes = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
)

// since is what an ABI version brought. The versions that are not here brought
// no right (landlock(7), "VERSIONS").
type since struct {
	abi    int
	linux  string
	files  Rights
	ports  Ports
	scopes Scopes
	what   string
}

var versions = []since{
	{1, "5.13", AllFiles &^ (unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE | Devices | Sockets), 0, 0, "files"},
	{2, "5.19", unix.LANDLOCK_ACCESS_FS_REFER, 0, 0, "renames between directories"},
	{3, "6.2", unix.LANDLOCK_ACCESS_FS_TRUNCATE, 0, 0, "truncation"},
	{4, "6.7", 0, BindTCP | ConnectTCP, 0, "TCP ports"},
	{5, "6.10", Devices, 0, 0, "device control"},
	{6, "6.12", 0, 0, Signals | AbstractSockets, "signals and abstract sockets"},
	{9, "7.1", Sockets, 0, 0, "named sockets"},
}

var fileWords = []struct {
	rights Rights
	word   string
}{
	{Read, "read"}, {Execute, "execute"}, {Write, "write"}, {WriteFiles, "write files"}, {Devices, "control devices"}, {Sockets, "connect"},
}

// String gives the rights in words: "read,execute". Of a group of rights that is
// not whole, as on an older kernel, the word stands for what there is.
func (r Rights) String() string {
	var words []string
	for _, w := range fileWords {
		if r&w.rights == 0 || w.rights == WriteFiles && r&^WriteFiles&Write != 0 || w.rights == Write && r&Write&^WriteFiles == 0 {
			continue
		}
		words = append(words, w.word)
	}
	return strings.Join(words, ",")
}
