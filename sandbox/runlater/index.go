package runlater

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"path"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/gitindex"
)

// What is in git's index and not in the files comes with the next git restore or git stash,
// and two marks in it keep git status from telling of changes. The index is the command's to
// write, as git add and git commit do. So an index that it changed is compared with the one
// before, for names that run later and for those marks. A repository has one index for each
// of its worktrees, which are often outside the project, and all are in its git directory.

const (
	restoreWhy = "git restore brings what is not in the file"
	silentWhy  = "git status does not tell of changes to it"
	wholeWhy   = "it cannot be compared"
	namesWhy   = "it has names that run later"
)

// indexFileLimit bounds an index: 64 MiB are half a million files.
const indexFileLimit = 64 << 20

// indexBudget bounds what is read of all indexes and of the files they are compared with.
const indexBudget = 1 << 30

// A gitIndex is the index of a worktree as it was before the run. Git replaces the file, so
// that an open one stays what it was; that nobody wrote to it its end tells, which is its
// checksum.
type gitIndex struct {
	root     int
	path     string
	top      string // of the worktree, or empty where that is not known
	fd       int
	id       identity
	size     uint64
	written  stamp
	checksum [sha256.Size]byte
	late     bool // it was not opened before the run
}

// keepIndex opens the index in a git directory.
func (f *finder) keepIndex(t tree, gitdir, top string) {
	x := &gitIndex{root: t.index, path: join(gitdir, "index"), top: top, fd: -1}
	if len(f.g.indexes) > worktreeLimit || f.g.keepsIndex(x.root, x.path) {
		return
	}
	f.g.indexes = append(f.g.indexes, x)
	fd, err := openAt(t.fd, x.path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return // without one all of it is new
	}
	var st unix.Statx_t
	if statFD(fd, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size < sha256.Size {
		unix.Close(fd)
		return
	}
	x.fd, x.id, x.size, x.written = fd, identify(&st), st.Size, stamp{st.Mtime.Sec, st.Mtime.Nsec}
	_, _ = unix.Pread(fd, x.checksum[:], int64(st.Size)-sha256.Size) // what is missing is not what it was
	runtime.AddCleanup(x, func(fd int) { unix.Close(fd) }, fd)
}

// old is what it was, or an error where that cannot be known.
func (x *gitIndex) old() ([]byte, error) {
	if x.fd < 0 {
		return nil, nil
	}
	var st unix.Statx_t
	if statFD(x.fd, &st) != nil || st.Size != x.size || x.written != (stamp{st.Mtime.Sec, st.Mtime.Nsec}) {
		return nil, errSpecial
	}
	if _, err := unix.Seek(x.fd, 0, unix.SEEK_SET); err != nil {
		return nil, err
	}
	text, err := readFD(x.fd, indexFileLimit)
	if err != nil || !bytes.HasSuffix(text, x.checksum[:]) {
		return nil, errSpecial
	}
	sum := sha1.Sum(text[:len(text)-sha1.Size])
	sum256 := sha256.Sum256(text[:len(text)-sha256.Size])
	none := make([]byte, sha1.Size) // index.skipHash
	if !bytes.HasSuffix(text, sum[:]) && !bytes.HasSuffix(text, sum256[:]) && !bytes.HasSuffix(text, none) {
		return nil, errSpecial
	}
	return text, nil
}

// indexed compares the indexes with what they were.
func (w *walker) indexed() {
	left := int64(indexBudget)
	for _, x := range w.g.indexes {
		w.compareIndex(x, &left)
	}
	for _, x := range w.indexes {
		if !w.r.Moves(w.roots[x.root].path, x.path) {
			w.compareIndex(x, &left)
		}
	}
}

func (w *walker) compareIndex(x *gitIndex, left *int64) {
	root, err := openRoot(w.roots[x.root].path)
	if err != nil {
		return // which is an error already
	}
	defer unix.Close(root)
	w.index = x.root
	if fd, err := openAt(root, x.path, unix.O_PATH); err == nil {
		id, err := identityOf(fd)
		unix.Close(fd)
		if err == nil && id == x.id && w.base() == nil {
			return
		}
	} else if err == unix.ENOENT {
		return
	}
	text, err := readAt(root, x.path, indexFileLimit)
	old, err2 := x.old()
	*left -= int64(len(text) + len(old))
	c := indexChange{w: w, x: x, top: w.topOf(x), left: left, entries: map[string]gitindex.File{}}
	if err != nil || err2 != nil || !c.compare(old, text) || *left < 0 {
		w.inIndex(w.roots[x.root].path, x.path, wholeWhy)
	}
}

func (w *walker) inIndex(root, path, why string) {
	if len(w.r.Index) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.Index = append(w.r.Index, Finding{Root: root, Path: path, What: Changed, Why: why})
}

// An indexChange is a comparison.
type indexChange struct {
	w       *walker
	x       *gitIndex
	top     string                   // of the worktree, or empty
	left    *int64                   // of indexBudget
	entries map[string]gitindex.File // before: what runs later or is marked
	sparse  bool                     // before: it had whole directories
	dir     string                   // of the entry at hand
	in      bool                     // it is in what runs later
	group   bool                     // it may be of a group
	said    bool                     // the index is reported
}

// compare tells whether it could.
func (c *indexChange) compare(old, text []byte) bool {
	size, split, ok := c.files(old, func(e gitindex.File) {
		c.sparse = c.sparse || isSparse(e)
		if e.Unchanged || e.Skipped || c.runsLater(string(e.Path)) {
			e.Hash = bytes.Clone(e.Hash)
			c.entries[string(e.Path)] = e
		}
	})
	if !ok && old != nil {
		return false
	}
	comparable := true
	now, splitNow, ok := c.files(text, func(e gitindex.File) {
		if comparable = comparable && (c.sparse || !isSparse(e)); len(e.Path) > 0 {
			c.entry(e)
		}
	})
	if old == nil { // the shared part of a split index is not read
		return ok && comparable && !splitNow
	}
	return ok && comparable && now == size && split == splitNow
}

// files reads an index with hashes of one size or the other.
func (c *indexChange) files(index []byte, f func(gitindex.File)) (size int, split, ok bool) {
	for _, size := range [...]int{sha1.Size, sha256.Size} {
		if _, err := gitindex.Files(index, size, func(gitindex.File) {}); err == nil {
			base, _ := gitindex.Files(index, size, f)
			return size, base != "", true
		}
	}
	return 0, false, false
}

func isSparse(e gitindex.File) bool { return e.Mode&unix.S_IFMT == unix.S_IFDIR }

// entry judges one. Git leaves an entry with the mark alone whose file is not there.
func (c *indexChange) entry(e gitindex.File) {
	at := string(e.Path)
	was, known := c.entries[at]
	switch {
	case *c.left < 0:
	case e.Unchanged && !was.Unchanged, e.Skipped && !was.Skipped && c.there(at):
		c.add(at, silentWhy)
	case known && bytes.Equal(was.Hash, e.Hash) && was.Mode == e.Mode, e.Mode&unix.S_IFMT == 0o160000:
	case e.Skipped && c.x.late && !c.there(at):
	case c.runsLater(at) && !c.inFile(at, e):
		c.add(at, restoreWhy)
	}
}

// add reports a path of the worktree or, where that is not known, the index once.
func (c *indexChange) add(at, why string) {
	switch {
	case c.top != "":
		c.w.inIndex(c.top, at, why)
	case !c.said:
		c.said = true
		c.w.inIndex(c.w.roots[c.x.root].path, c.x.path, namesWhy)
	}
}

// runsLater tells whether a path of the project is, or is in, what runs later. Entries of one
// directory follow each other.
func (c *indexChange) runsLater(at string) bool {
	dir, name := path.Split(at)
	if dir != c.dir {
		c.dir, c.in = dir, false
		for end, b := range []byte(dir) {
			if b == '/' {
				above, name := path.Split(dir[:end])
				c.in = c.in || c.counts(above, name, groupOf(above))
			}
		}
		c.group = groupOf(dir)
	}
	return c.in || name != "" && c.counts(dir, name, c.group)
}

// counts tells whether a name does in a directory of the project.
func (c *indexChange) counts(dir, n string, group bool) bool {
	var e *name
	if dir == "" || group {
		e = entryOf(join(c.top, strings.TrimSuffix(dir, "/")), n)
	} else {
		e = lookup([]byte(n), false)
	}
	return e != nil && (e.rule == moved || e.rule == judged)
}

// groupOf tells whether a directory may be one of a group.
func groupOf(dir string) bool {
	_, last := split([]byte(strings.TrimSuffix(dir, "/")))
	if len(last) == 0 || !groupLeading(last[0]) {
		return false
	}
	var room [nameMax]byte
	key := fold(room[:0], last)
	for i := 1; i < len(guarded); i++ {
		if guarded[i].last == string(key) {
			return true
		}
	}
	return false
}

// there tells whether a file of the worktree is there.
func (c *indexChange) there(at string) bool {
	_, ok := c.read(at)
	return ok
}

// inFile reports whether the worktree has the content, ignoring line endings.
func (c *indexChange) inFile(at string, e gitindex.File) bool {
	text, ok := c.read(at)
	if !ok {
		return false
	}
	hash := gitindex.Hash(e.Hash)
	return gitindex.Blob(text, len(hash)) == hash || gitindex.Blob(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")), len(hash)) == hash
}

// read reads a file of the worktree, or a link. What is not small has no content.
func (c *indexChange) read(at string) (text []byte, ok bool) {
	root, err := openRoot(c.top)
	if err != nil {
		return nil, false
	}
	defer unix.Close(root)
	t := tree{fd: root}
	var st unix.Statx_t
	if t.stat(at, &st) != nil {
		return nil, false
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		to, err := t.readlink(at)
		return []byte(to), err == nil
	}
	text, _ = readAt(root, at, configLimit)
	*c.left -= int64(len(text))
	return text, true
}
