package runlater

import (
	"encoding/binary"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// What is in a directory keeps its times when the directory is renamed, or one above it:
// mv app old; mv examples/x app puts another app/mise.toml where the tool trusts the path.
// A rename sets the change time of the directory that is renamed and of those that it
// leaves and comes to, but so does a file that is made in them. What was where before the
// run is known of the directories that were listed at its start; elsewhere the three times
// together tell that it may have been.

// inodes are the directories that were listed at the start, by path below the project.
type inodes struct {
	raw  []byte
	once sync.Once
	at   map[string]uint64
}

// Remember keeps which directory was in another before the run, which is given by its path
// below the project, or by an absolute one. ino is that of readdir(3).
func (g *Guard) Remember(dir, name string, ino uint64) {
	if g.inodes == nil {
		g.inodes = &inodes{raw: make([]byte, 0, 4<<10)}
	}
	raw := g.inodes.raw
	if dir != "" {
		raw = append(append(raw, dir...), '/')
	}
	g.inodes.raw = binary.LittleEndian.AppendUint64(append(append(raw, name...), 0), ino)
}

// find gives the inode that was at a path, if it is known. Most runs never ask.
func (i *inodes) find(path string) (ino uint64, known bool) {
	if i == nil {
		return 0, false
	}
	i.once.Do(func() {
		i.at = map[string]uint64{}
		for raw := string(i.raw); raw != ""; {
			name, rest, _ := strings.Cut(raw, "\x00")
			i.at[name] = binary.LittleEndian.Uint64([]byte(rest[:8]))
			raw = rest[8:]
		}
	})
	ino, known = i.at[path]
	return ino, known
}

// came tells whether the directory at hand is, or is below, one that came to its path
// during the run, or may have, and which.
func (w *walker) came(f *frame) (dir string, came bool) {
	if !f.asked {
		f.asked = true
		f.came, _ = w.cameBy(f.fd, string(w.path))
	}
	return f.came, f.came != ""
}

// cameBy does so for an open directory, and a path below the root.
func (w *walker) cameBy(fd int, path string) (dir string, came bool) {
	if w.base() != nil {
		return "", false // a record knows each file by its path
	}
	above, st := unix.Statx_t{}, unix.Statx_t{}
	at := "."
	for ; path != "" && path != "."; path, at = up(path), at+"/.." {
		if statAt(fd, at, &st) != nil || !w.touchedByClock(&st) {
			continue
		}
		if ino, known := w.g.inodes.find(w.inodePath(path)); known && ino == st.Ino {
			return "", false // what is in it is where it was
		} else if known && !w.bornByClock(&st) && !changesInodes(fd) {
			return path, true
		}
		if !w.bornByClock(&st) && statAt(fd, at+"/..", &above) == nil && w.touchedByClock(&above) {
			return path, true
		}
	}
	return "", false
}

// inodePath is the path by which a directory of the root at hand was remembered: below the
// project, or absolute.
func (w *walker) inodePath(path string) string {
	if w.index == 0 && w.g.project {
		return path
	}
	return join(w.roots[w.index].path, path)
}

// rememberTop does so for the directories at the top of another root.
func (g *Guard) rememberTop(fd int, path string) {
	r := reader{buf: make([]byte, 8<<10)}
	for range rememberLimit {
		name, typ, err := r.next(fd)
		if err != nil || len(name) == 0 {
			return
		}
		if typ == unix.DT_DIR {
			g.Remember(path, string(name), r.ino)
		}
	}
}

// doubtCame reports the directory that came, for a name in it that is as it was.
func (w *walker) doubtCame(f *frame, why string) {
	if dir, came := w.came(f); came {
		w.addCame(dir, why)
	}
}

// addCame does so once for each directory.
func (w *walker) addCame(dir, why string) {
	if at := w.roots[w.index].path + "/" + dir; !w.doubted[at] {
		if w.doubted == nil {
			w.doubted = map[string]bool{}
		}
		w.doubted[at] = true
		w.add(dir, Doubtful, cameWhy+": "+why)
	}
}

const cameWhy = "it may be another directory than before the run"

// changesInodes tells the file systems that give a directory another inode, or another in
// readdir(3), when it is written to: an overlay copies it up (Documentation/filesystems/
// overlayfs.rst, "Inode properties").
func changesInodes(fd int) bool {
	var fs unix.Statfs_t
	return unix.Fstatfs(fd, &fs) != nil || fs.Type == unix.OVERLAYFS_SUPER_MAGIC || fs.Type == unix.FUSE_SUPER_MAGIC
}
