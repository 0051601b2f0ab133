package runlater

import (
	"cmp"
	"compress/zlib"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// What is written in place is written to all names of a file. uv, pnpm, cp -al and git clone
// of a path fill a project with hard links into a cache or another project, where the command
// may not write. So the names that the walk sees of each changed file are counted: where it
// has more, they are elsewhere. The command cannot make such a file: link(2) goes across no
// mount, and the project is one.
//
// A rename, a chmod and a link that somebody makes outside meanwhile set the change time as
// well: package managers link the same file into each project. So where the time of writing
// is old, which the command may have put back, the file may have been written to.

// linkedLimit bounds how many names are kept.
const linkedLimit = 200_000

// A linkedFile is a changed file that has several names.
type linkedFile struct {
	names   uint32
	written bool
	seen    []seenName
}

type seenName struct {
	root int
	path string
}

// several counts a name of a file that has several, which w.st is of.
func (w *walker) several(name []byte) {
	if !w.writtenTo(name) {
		return
	}
	key := identify(&w.st).object()
	l := w.linked.files[key]
	if w.linked.names++; w.linked.names > linkedLimit {
		w.linked.more = true
		return
	}
	l.names, l.written = w.st.Nlink, !(stamp{w.st.Mtime.Sec, w.st.Mtime.Nsec}).before(w.since)
	l.seen = append(l.seen, seenName{w.index, w.at(name)})
	if w.linked.files == nil {
		w.linked.files = map[identity]linkedFile{}
	}
	w.linked.files[key] = l
}

// linkCount is what a walker has counted.
type linkCount struct {
	files map[identity]linkedFile
	names int
	more  bool // it was too much
}

func (l *linkCount) merge(other linkCount) {
	if l.files == nil {
		l.files = map[identity]linkedFile{}
	}
	for key, o := range other.files {
		o.seen = append(l.files[key].seen, o.seen...)
		l.files[key] = o
	}
	l.names += other.names
	l.more = l.more || other.more
}

// writtenTo tells whether the run changed a file that was there before. A file that it made
// has no name where the command could not make one.
func (w *walker) writtenTo(name []byte) bool {
	b := w.base()
	if b == nil {
		return w.touchedByClock(&w.st) && !w.bornByClock(&w.st)
	}
	now := content256{mode: w.st.Mode, size: w.st.Size}
	for i, t := range [...]unix.StatxTimestamp{w.st.Ctime, w.st.Mtime} {
		binary.LittleEndian.PutUint64(now.sum[16*i:], uint64(t.Sec))
		binary.LittleEndian.PutUint32(now.sum[16*i+8:], t.Nsec)
	}
	return b.knownDiffers(w.at(name)+"\x00names", now)
}

// knownDiffers is differs, but what was not recorded does not count.
func (b *baseline) knownDiffers(path string, now content256) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	was, ok := b.known[path]
	if b.recording {
		b.known[path] = now
		return false
	}
	return ok && was != now
}

// elsewhere reports the changed files that have names that were not seen.
func (w *walker) elsewhere() {
	left := int64(baselineBudget)
	for _, l := range w.linked.files {
		if len(l.seen) >= int(l.names) || w.intactObject(l.seen[0], &left) {
			continue
		}
		what := Doubtful
		if l.written {
			what = Changed
		}
		for _, s := range l.seen {
			w.r.Linked = append(w.r.Linked, Finding{Root: w.roots[s.root].path, Path: s.path, What: what})
		}
	}
	slices.SortFunc(w.r.Linked, func(a, b Finding) int {
		return cmp.Or(strings.Compare(a.Root, b.Root), strings.Compare(a.Path, b.Path))
	})
	w.r.LinkedMore = w.linked.more
}

// intactObject tells one of git's objects or packs whose name is the hash of what is in it.
// Git sets the time of one that it would write again (freshen_file of object-file.c), and
// git clone of a path makes hard links of them.
func (w *walker) intactObject(s seenName, left *int64) bool {
	dir, name := parent(s.path)
	above, in := parent(dir)
	pack, isPack := strings.CutPrefix(strings.TrimSuffix(name, ".pack"), "pack-")
	isPack = isPack && in == "pack" && strings.HasSuffix(name, ".pack")
	if _, objects := parent(above); objects != "objects" || !isPack && !isObjectID(in+name) {
		return false
	}
	root, err := openRoot(w.roots[s.root].path)
	if err != nil {
		return false
	}
	defer unix.Close(root)
	at, err := openDeep(root, dir)
	if err != nil {
		return false
	}
	defer unix.Close(at)
	fd, err := openAt(at, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	if isPack {
		return hashesTo(f, pack, true, left)
	}
	z, err := zlib.NewReader(io.LimitReader(f, *left))
	return err == nil && hashesTo(z, in+name, false, left)
}

// hashesTo tells whether a text has a hash, or ends with the hash of what is before it.
func hashesTo(r io.Reader, want string, ends bool, left *int64) bool {
	sum, err := hex.DecodeString(want)
	if err != nil {
		return false
	}
	var h hash.Hash = sha1.New()
	if len(sum) == sha256.Size {
		h = sha256.New()
	}
	t := &withoutEnd{h: h}
	if ends {
		t.size = len(sum)
	}
	n, err := io.Copy(t, io.LimitReader(r, *left))
	*left -= n
	return err == nil && *left > 0 && string(h.Sum(nil)) == string(sum) && (!ends || string(t.end) == string(sum))
}

// withoutEnd passes on all but the last bytes.
type withoutEnd struct {
	h    hash.Hash
	size int
	end  []byte
}

func (t *withoutEnd) Write(p []byte) (int, error) {
	t.end = append(t.end, p...)
	n := max(0, len(t.end)-t.size)
	t.h.Write(t.end[:n])
	t.end = append(t.end[:0], t.end[n:]...)
	return len(p), nil
}
