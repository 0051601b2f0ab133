package unpack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"strconv"

	"golang.org/x/sys/unix"
)

// Options say how; the zero value is sensible.
type Options struct {
	// Squash is for a namespace with one id: files belong to it, and who owns
	// them in the image is in their attribute user.sbx.owner, as "uid:gid", where
	// it is not 0:0. Only regular files and directories can have it.
	Squash bool
	// Lowers are the directories of the layers below, the nearest first. Parents
	// that the tar does not name are made as they have them, or as root's with mode
	// 0755; where they have a link it is followed. Nil says nothing of the layers
	// below; otherwise what they do not have is not whited out, since overlayfs
	// lists a whiteout where it has nothing to hide.
	Lowers []int
	// MaxBytes is the size of all files, and MaxEntries their number with the
	// parents that the tar does not name. Zero is 16 GiB and 1,000,000.
	MaxBytes, MaxEntries int64
	// MaxPath is the length of a name. Zero is 4096.
	MaxPath int
}

// A Report says what was done.
type Report struct {
	Entries, Bytes int64
	Skipped        int  // names of device nodes, which a user namespace cannot make
	Squashed       bool // an owner other than 0:0 was not kept
	// Opaque says that the layer hides all layers below it. Overlayfs does not look
	// for that at the root of a layer: leave them out of the union.
	Opaque bool
}

// Unpack reads the tar to the end of the stream, what is behind the archive too,
// and writes it to an empty directory. What it wrote before an error is left.
func Unpack(target int, from io.Reader, o Options) (Report, error) {
	u, err := begin(target, from, o)
	defer u.end()
	if err != nil {
		return u.report, err
	}
	for err == nil {
		err = u.next()
	}
	if err == io.EOF {
		err = u.walk.keep(0)
	}
	return u.report, err
}

// An unpacker is one layer on its way.
type unpacker struct {
	Options
	report Report
	stream *stream
	tar    *tar.Reader
	walk   walk          // to where entries are made
	links  walk          // to where hard links lead
	latest unix.Timespec // of the entry that is being made
	// skipped are the names of devices: another name of one is one too.
	skipped map[string]bool
	buf     []byte
}

const (
	readSize = 256 << 10
	copySize = 1 << 20

	maxBytes   = 16 << 30
	maxEntries = 1_000_000
)

func begin(target int, from io.Reader, o Options) (*unpacker, error) {
	byDefault(&o.MaxBytes, maxBytes)
	byDefault(&o.MaxEntries, maxEntries)
	byDefault(&o.MaxPath, 4096)
	u := &unpacker{Options: o, stream: newStream(from, o), buf: make([]byte, copySize)}
	u.tar = tar.NewReader(u.stream)
	u.walk.absent, u.links.absent = u.imply, u.elsewhere
	for _, w := range []*walk{&u.walk, &u.links} {
		if err := w.begin(target); err != nil {
			return u, fmt.Errorf("target: %w", err)
		}
	}
	return u, u.rootLikeBelow()
}

// rootLikeBelow begins with the root that the layers below have: a tar need not name
// its own.
func (u *unpacker) rootLikeBelow() error {
	if len(u.Lowers) == 0 {
		return nil
	}
	below, err := openDir(u.Lowers[0], ".")
	if err != nil {
		return wrap("layer below", err)
	}
	defer unix.Close(below)
	return u.likeBelow(u.walk.here(), below)
}

func byDefault[N int | int64](n *N, value N) {
	if *n <= 0 {
		*n = value
	}
}

func (u *unpacker) end() {
	u.walk.end()
	u.links.end()
}

// next does one entry; io.EOF is the end of the stream.
func (u *unpacker) next() error {
	u.stream.zeros = false
	h, err := u.tar.Next()
	switch {
	case err == io.EOF:
		return u.stream.finish(u.buf)
	case errors.Is(err, tar.ErrInsecurePath): // GODEBUG; names are looked at here
	case err != nil:
		return fmt.Errorf("tar after %d entries: %w", u.report.Entries, early(err))
	}
	u.latest = timeOf(h)
	if root := &u.walk.dirs[0]; !root.touched {
		root.mtime, root.touched = u.latest, true
	}
	if err := u.entry(h); err != nil {
		return fmt.Errorf("entry %s: %w", quote(h.Name), early(err))
	}
	return nil
}

// count makes room for one more entry. Parents that the tar does not name count
// too: one long name could have thousands.
func (u *unpacker) count() error {
	if u.report.Entries >= u.MaxEntries {
		return fmt.Errorf("more than %d entries", u.MaxEntries)
	}
	u.report.Entries++
	return nil
}

// quote shows a name, which may be long and is not to be written to a terminal
// as it is.
func quote(name string) string {
	const most = 200
	if len(name) > most {
		return strconv.Quote(name[:most]) + "..."
	}
	return strconv.Quote(name)
}
