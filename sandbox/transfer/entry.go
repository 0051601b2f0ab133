package transfer

import (
	"time"

	"golang.org/x/sys/unix"
)

// A Head is what a stream begins with.
type Head struct {
	// Base is the last name of the source's path. Contents says that what is in the
	// source is wanted, and not itself.
	Base     []byte
	Contents bool
	// Implied says that directories may come without an entry of their own, as in a tar.
	Implied bool
	// Directory says that the source is one.
	Directory bool
}

// An Entry is a file of any type. Names are bytes: JSON's strings would change those that
// are no UTF-8.
type Entry struct {
	Path     []byte // below the source, which itself is empty
	Type     uint32 // as in stat(2): unix.S_IFREG and so on
	Mode     uint32 // the lower twelve bits
	UID, GID uint32
	Modified time.Time
	Size     int64  // of a regular file, as it was when it was opened
	Link     []byte // where a symbolic link leads
	Same     []byte // the path of an entry before that is the same file
	Several  bool   // it has other names too
}

func entryOf(path []byte, st *unix.Stat_t) Entry {
	return Entry{
		Path: path, Type: st.Mode & unix.S_IFMT, Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid,
		Modified: time.Unix(st.Mtim.Unix()), Several: st.Nlink > 1,
	}
}

// A Sink takes what a source gives.
type Sink interface {
	Begin(Head) error
	// Entry begins a file. The content of a regular one follows, unless it is the same
	// as another: parts with ascending offsets, and then its end, which is its size.
	Entry(Entry) error
	Part(at int64, b []byte) error
	EndFile(size int64) error
	// End says that all was given.
	End() error
}

// partSize is how much is read at once, and the largest part.
const partSize = 256 << 10
