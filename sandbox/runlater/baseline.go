package runlater

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// Check tells by change times what the run changed. That takes a file system
// that keeps one for each file, to less than a second, by the machine's clock, and
// lets nobody set it. On any other, Record walks the tree before the run and
// notes what counts, as it is then: a baseline.

var errNoBaseline = errors.New("its file system keeps no change times to go by, and nothing was recorded before the run")

// keepsTimes tells whether a file system's change times can be relied on, by its
// type (statfs(2)). On those that are not in the list they may be the time of the
// last write (vfat, exfat), whatever a server says (FUSE, 9p, SMB, NFS), or
// unknown. st is of the directory: ext4 has room for parts of a second where it
// has room for the time of birth, not with inodes of 128 bytes, as ext3.
func keepsTimes(fs int64, st *unix.Statx_t) bool {
	const (
		zfs      = 0x2fc12fc1
		bcachefs = 0xca451a4e
		jfs      = 0x3153464a
	)
	switch uint32(fs) {
	case unix.EXT4_SUPER_MAGIC:
		return st.Mask&unix.STATX_BTIME != 0
	case unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.TMPFS_MAGIC, unix.F2FS_SUPER_MAGIC, unix.OVERLAYFS_SUPER_MAGIC,
		unix.RAMFS_MAGIC, unix.ECRYPTFS_SUPER_MAGIC, unix.NILFS_SUPER_MAGIC, unix.SQUASHFS_MAGIC, zfs, bcachefs, jfs:
		return true
	}
	return false
}

// reliable is keepsTimes of an open directory.
func reliable(fd int) (bool, error) {
	var fs unix.Statfs_t
	if err := unix.Fstatfs(fd, &fs); err != nil {
		return false, err
	}
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return false, err
	}
	return keepsTimes(int64(fs.Type), &st), nil
}

// A baseline is what counts in a root, as it was before the run. Several walkers
// write to it.
type baseline struct {
	recording bool
	mu        sync.Mutex
	known     map[string]content256
	left      int64 // how much may still be read
}

// content256 is all of a file that counts and can be compared. Inode numbers are
// not: FUSE and FAT make them up.
type content256 struct {
	mode uint16
	size uint64
	sum  [sha256.Size]byte
}

// baselineBudget bounds what is read before a run.
const baselineBudget = 1 << 30

// Record notes before the run what Check compares with after it, in the project
// and in the other directories that the run may write, and in what is mounted
// below them. Where change times can be relied on it is a look at each of them.
func (g *Guard) Record(writable ...string) error {
	g.addRoots(writable)
	if err := g.addMounts(); err != nil {
		return err
	}
	var all *walker
	defer func() {
		if all != nil {
			all.r.Reclose()
		}
	}()
	for i := range g.roots {
		w, err := g.record(i)
		if err != nil {
			if w != nil {
				w.r.Reclose()
			}
			return fmt.Errorf("%s: %w", g.roots[i].path, err)
		}
		switch {
		case all == nil:
			all = w
		case w != nil:
			all.merge(w)
		}
	}
	g.recordLeads(all)
	g.recorded = true
	return nil
}

// record gives the walker that has recorded a root, if that was needed.
func (g *Guard) record(index int) (*walker, error) {
	r := &g.roots[index]
	if index == 0 && r.reliable {
		return nil, nil // Find has asked
	}
	fd, err := openRoot(r.path)
	if err != nil {
		return nil, nil // which is an error of the run, or of Check
	}
	ok, err := reliable(fd)
	var st unix.Statx_t
	if statFD(fd, &st) == nil {
		if r.mode = st.Mode; r.id == (identity{}) {
			r.id = identify(&st)
		}
	}
	if r.reliable = ok; ok || err != nil {
		g.rememberTop(fd, r.path)
		unix.Close(fd)
		return nil, err
	}
	return g.baselineAt(index, fd)
}

// baselineAt closes the directory.
func (g *Guard) baselineAt(index, fd int) (*walker, error) {
	b := &baseline{recording: true, known: map[string]content256{}, left: baselineBudget}
	g.roots[index].base = b
	w := g.walker(&Report{})
	err := w.rootAt(index, fd)
	b.recording = false
	return w, err
}

// recordLeads records what leads lead to from one root into another.
func (g *Guard) recordLeads(w *walker) {
	if w == nil {
		return
	}
	recording := func(on bool) {
		for _, r := range g.roots {
			if r.base != nil {
				r.base.recording = on
			}
		}
	}
	recording(true)
	if g.project {
		w.tops = append(w.tops, lead{root: 0})
	}
	w.again(true)
	w.leadsOfHome()
	w.follow()
	recording(false)
}

// base is the baseline of the root at hand, or nil.
func (w *walker) base() *baseline { return w.roots[w.index].base }

// touchedByClock and bornByClock are for what is not compared with a baseline: where there
// is one they tell no. Outside of this file nothing asks the times themselves.
func (w *walker) touchedByClock(st *unix.Statx_t) bool {
	return w.base() == nil && touched(st, w.since)
}
func (w *walker) bornByClock(st *unix.Statx_t) bool { return w.base() == nil && born(st, w.since) }

// touchedByClock is for what is a hint only: where the clock does not tell, it is untouched.
func (r *root) touchedByClock(st *unix.Statx_t, since stamp) bool {
	return r.base == nil && touched(st, since)
}

// touched tells whether the run changed a file, which is a name in the directory
// at hand or a path below it. Recording, it takes the file down.
func (w *walker) touched(dir int, name []byte, st *unix.Statx_t) bool {
	b := w.base()
	if b == nil {
		return touched(st, w.since)
	}
	return b.differs(w.at(name), b.read(dir, string(name), st))
}

// modeTouched is for the mode of a directory by its path.
func (w *walker) modeTouched(path string, st *unix.Statx_t) bool {
	b := w.base()
	if b == nil {
		return touched(st, w.since)
	}
	return b.differs(path+"\x00mode", content256{mode: st.Mode})
}

// born tells whether the run made a file, where the file system knows.
func (w *walker) born(dir int, name []byte, st *unix.Statx_t) bool {
	b := w.base()
	if b == nil {
		return born(st, w.since)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	path := w.at(name)
	_, known := b.known[path]
	if b.recording && !known {
		b.known[path] = content256{} // it is there, and no more is known
	}
	return !known && !b.recording
}

// same tells whether a file is the watched one, unchanged.
func (w *walker) same(e *watched, dir int, name []byte, st *unix.Statx_t) bool {
	if e.settled {
		return true
	}
	if w.base() == nil {
		return e.unchanged(dir, string(name), st)
	}
	return w.sameObject(e, st) && !w.touched(dir, name, st) && e.says(dir, string(name), st)
}

// sameObject tells whether a file is the watched one, changed or not.
func (w *walker) sameObject(e *watched, st *unix.Statx_t) bool {
	if w.base() == nil {
		return e.id.object() == identify(st).object()
	}
	return e.id != (identity{}) && e.id.kind == st.Mode&unix.S_IFMT
}

func (b *baseline) differs(path string, now content256) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.recording {
		b.known[path] = now
		return false
	}
	was, ok := b.known[path]
	return !ok || was != now
}

// read takes down a file. What cannot be read, or is too much to read, goes by its
// size and the time of its last write.
func (b *baseline) read(dir int, name string, st *unix.Statx_t) content256 {
	c := content256{mode: st.Mode}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		c.mode &= unix.S_IFMT // what is in it counts
	case unix.S_IFLNK:
		to, _ := tree{fd: dir}.readlink(name)
		c.sum = sha256.Sum256([]byte(to))
	case unix.S_IFREG:
		c.size = st.Size
		if !b.sum(dir, name, &c) {
			c.sum = sha256.Sum256(fmt.Append(nil, "unread ", st.Mtime.Sec, st.Mtime.Nsec))
		}
	}
	return c
}

func (b *baseline) sum(dir int, name string, c *content256) bool {
	if b.mu.Lock(); int64(c.size) > b.left {
		b.mu.Unlock()
		return false
	}
	b.left -= int64(c.size)
	b.mu.Unlock()
	fd, err := openAt(dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		return false
	}
	f := os.NewFile(uintptr(fd), name)
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(f, int64(c.size)+1)); err != nil {
		return false
	}
	h.Sum(c.sum[:0])
	return true
}

// clock gives the baseline for an open directory that a variable leads to, or nil where its
// change times can be relied on. It may be in no root, or on another file system.
func (s *search) clock(fd int, real string) *baseline {
	blind := func(r root) bool { _, in := (tree{path: r.path}).within(real); return in && r.base != nil }
	if ok, err := reliable(fd); ok && err == nil && !slices.ContainsFunc(s.roots, blind) {
		return nil
	}
	return s.base
}

// touched tells whether the run changed a name in a directory that a variable leads to.
// Before the run it takes the file down where it must be.
func (s *search) touched(at spot, n string, st *unix.Statx_t) bool {
	if at.base == nil {
		return !s.base.recording && touched(st, s.since)
	}
	return at.base.differs(join(at.path(), n), at.base.read(at.fd, n, st))
}

// born tells whether the run made one.
func (s *search) born(at spot, n string, st *unix.Statx_t) bool {
	if at.base == nil {
		return born(st, s.since)
	}
	_, known := at.base.known[join(at.path(), n)]
	return !known
}
