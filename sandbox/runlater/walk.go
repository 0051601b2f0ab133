package runlater

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// kind says what names mean in a directory.
type kind uint8

const (
	plain        kind = iota
	topKind           // plain, and a root
	gitdirKind        // git obeys what is in it
	innerKind         // in a git directory, or another version control's
	hooksKind         // its files are hooks
	worktrees         // in a git directory
	worktreeKind      // one of those
	modulesKind       // in a git directory
	moduleKind        // below that
	refsKind          // in a git directory: names are those of branches
	refsTop           // the top of those
	replaceKind       // refs/replace
	hgKind            // .hg
	oldKind           // in a directory such as .vscode that was there before: what changed counts
	profilesKind      // where profiles of sbx are kept to be linked from a home
	quietKind         // in a finding: setuid only
	unset             // it follows from the parent's
	configKind        // of a lead: a git configuration
)

// held is how many directories on the way down stay open. Below that, the way up
// is "..", and proven: a build can make a tree deeper than any number of
// descriptors.
const held = 128

var (
	errMoved     = errors.New("a directory was moved while it was looked at")
	errOtherRoot = errors.New("it is walked on its own")
)

// A walker goes through trees with one stack of its own: neither depth nor width
// costs more than memory in proportion.
type walker struct {
	g     *Guard
	r     *Report
	since stamp
	uid   uint32
	roots []root
	index int

	reader
	path     []byte // of the directory at hand, below the root
	todo     []byte // names of directories to go into, of all frames
	frames   []frame
	st       unix.Statx_t
	pointers []pointer
	leads    []lead
	tops     []lead          // repositories below the project, by root and path
	inTops   []lead          // relative to each of tops
	words    int             // that were looked for as paths
	told     []Finding       // that stay where they are, if they are not found as well
	indexes  []*gitIndex     // that the run changed and Find has not kept
	doubted  map[string]bool // directories that came, see addCame
	linked   linkCount
	overflow bool
	shared   bool // it is one of several, or may not be
}

// A frame is a directory whose subdirectories are being walked.
type frame struct {
	fd      int // or -1
	id      identity
	path    int // how much of path is its own
	todo    int // where its names begin
	kind    kind
	fresh   bool  // all in it counts as new
	moved   bool  // all in it may have been moved in, see movedIn
	group   uint8 // of names, or 0
	asked   bool  // came is known
	secrets uint8 // whether they are noted in it, see keepsSecrets
	came    string
}

// walk takes over the descriptor.
func (w *walker) walk(fd int, k kind) error {
	w.path, w.todo, w.frames = w.path[:0], w.todo[:0], w.frames[:0]
	w.enter(fd, entered{kind: k})
	return w.run()
}

// run walks what the frames have left to walk.
func (w *walker) run() (err error) {
	for len(w.frames) > 0 && err == nil {
		f := &w.frames[len(w.frames)-1]
		switch {
		case len(w.todo) == f.todo:
			err = w.up()
		case !w.shared && w.wide(f):
			err = w.fan(f)
		default:
			w.down(f)
		}
	}
	for _, f := range w.frames {
		if f.fd >= 0 {
			unix.Close(f.fd)
		}
	}
	return err
}

// wide tells whether a frame has enough directories for several walkers.
func (w *walker) wide(f *frame) bool {
	n := 0
	for end := len(w.todo); end > f.todo && n < fanWidth; n++ {
		end -= 3 + int(binary.LittleEndian.Uint16(w.todo[end-2:]))
	}
	return n == fanWidth
}

// entered is what is known of a directory before it is read.
type entered struct {
	kind         kind
	fresh, moved bool // as in a frame
}

func (e entered) pack() byte {
	b := byte(e.kind) << 2
	if e.fresh {
		b |= 1
	}
	if e.moved {
		b |= 2
	}
	return b
}

func unpack(b byte) entered { return entered{kind(b >> 2), b&1 != 0, b&2 != 0} }

// push keeps a directory for later: its name, what is known of it, its length.
func (w *walker) push(name []byte, e entered) {
	w.todo = append(append(w.todo, name...), e.pack())
	w.todo = binary.LittleEndian.AppendUint16(w.todo, uint16(len(name)))
}

// repack changes what is known of a directory that is kept for later.
func (w *walker) repack(f *frame, name []byte, e entered) {
	for end := len(w.todo) - 3; end > f.todo; {
		begin := end - int(binary.LittleEndian.Uint16(w.todo[end+1:]))
		if string(w.todo[begin:end]) == string(name) {
			w.todo[end] = e.pack()
			return
		}
		end = begin - 3
	}
}

// down goes into the next directory of a frame. A directory that went away
// meanwhile is passed over, and a mount is a root of its own. A directory that
// cannot be opened is reported.
func (w *walker) down(f *frame) {
	end := len(w.todo) - 3
	flags, size := w.todo[end], int(binary.LittleEndian.Uint16(w.todo[end+1:]))
	name := string(w.todo[end-size : end])
	w.todo = w.todo[:end-size]
	next := unpack(flags)
	switch {
	case f.kind == quietKind: // perhaps since this name was read
		next = entered{kind: quietKind}
	case next.kind == unset:
		next = entered{kind: f.kind.child(name)}
		if f.kind != plain && f.kind != topKind {
			next.fresh, next.moved = f.fresh, f.moved
		}
	}
	if len(w.path) > 0 {
		w.path = append(w.path, '/')
	}
	w.path = append(w.path, name...)
	if next.kind == plain && isProfiles(w.path) {
		next.kind = profilesKind
	}
	back := f.path
	fd, err := openDir(f.fd, name)
	if err == unix.EACCES {
		fd, err = w.openClosed(f.fd, name, string(w.path[:back]))
	}
	if err == nil && w.otherRoot() {
		unix.Close(fd)
		err = errOtherRoot
	}
	if err == nil && len(w.frames) >= held {
		if f.id, err = identityOf(f.fd); err == nil {
			unix.Close(f.fd)
			f.fd = -1
		} else {
			unix.Close(fd)
		}
	}
	switch {
	case err == nil:
		w.opened(fd)
		w.enter(fd, next)
	case err == unix.ENOENT || err == errOtherRoot:
		w.path = w.path[:back]
	case err == unix.EXDEV:
		w.mount()
		w.path = w.path[:back]
	default:
		if err != unix.EACCES || !w.shutAt(f.fd, name, string(w.path)) {
			w.unseen(string(w.path), err)
		}
		w.path = w.path[:back]
	}
}

// up leaves a directory for the one above. Between the two it may have been
// moved elsewhere, and ".." with it; the walk ends then.
func (w *walker) up() error {
	last := w.frames[len(w.frames)-1]
	w.frames = w.frames[:len(w.frames)-1]
	defer unix.Close(last.fd)
	if len(w.frames) == 0 {
		return nil
	}
	f := &w.frames[len(w.frames)-1]
	w.path = w.path[:f.path]
	if f.fd >= 0 {
		return nil
	}
	fd, err := unix.Openat(last.fd, "..", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if id, err := identityOf(fd); err != nil || id.object() != f.id.object() {
		unix.Close(fd)
		return errMoved
	}
	f.fd = fd
	return nil
}

// open tells whether names of the table are looked for in a directory, whoever's
// it is: a link may lead there, and a rename.
func (k kind) open() bool { return k != quietKind && k != oldKind }

// otherRoot tells whether the directory at hand is walked on its own.
func (w *walker) otherRoot() bool {
	here := w.roots[w.index].path
	for i, r := range w.roots {
		if i != w.index && len(r.path) == len(here)+1+len(w.path) && r.path[:len(here)] == here && r.path[len(here)+1:] == string(w.path) {
			return true
		}
	}
	return false
}

// child is what a directory is because of the one it is in.
func (k kind) child(name string) kind {
	switch k {
	case plain, topKind, profilesKind:
		switch name {
		case ".sl", ".jj", ".svn", ".bzr", ".pijul", "_darcs":
			return innerKind
		}
		return plain
	case gitdirKind, worktreeKind:
		switch name {
		case "hooks":
			return hooksKind
		case "worktrees":
			return worktrees
		case "modules":
			return modulesKind
		case "refs":
			return refsTop
		case "logs":
			return refsKind
		}
		return innerKind
	case refsTop:
		return refsKind
	case modulesKind:
		return moduleKind
	case worktrees:
		return worktreeKind
	case hooksKind, hgKind:
		return innerKind
	}
	return k
}
