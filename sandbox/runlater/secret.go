package runlater

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A Secret is a file of the project that Guard.Secret takes for one.
type Secret struct {
	Path          string // below the project
	Inode         uint64
	Changed       int64 // when, in nanoseconds
	Made, Touched bool  // by the run, or changed by it
	Alias         bool  // it is a link, or has other names
}

// secretLimit bounds how many are noted, of those that the run made and of others: the run
// may make any number.
const secretLimit = 1024

// next is the reader's, and notes secrets on the way: after a run every directory of the
// project is read anyway, and before one only some can be.
func (w *walker) next(fd int) (name []byte, kind byte, err error) {
	name, kind, err = w.reader.next(fd)
	if w.g.Secret != nil && len(name) > 0 && kind != unix.DT_DIR && w.keepsSecrets() {
		w.noteSecret(fd, name)
	}
	return name, kind, err
}

// keepsSecrets tells whether secrets are noted in the directory at hand, and asks for each
// once.
func (w *walker) keepsSecrets() bool {
	f := &w.frames[len(w.frames)-1]
	if f.secrets == 0 {
		f.secrets = 1
		if w.index == 0 && w.g.project && (len(w.path) == 0 || w.g.Searched(string(w.path))) {
			f.secrets = 2
		}
	}
	return f.secrets == 2
}

// noteSecret makes no copy of a name that is none.
func (w *walker) noteSecret(fd int, name []byte) {
	if !w.g.Secret(unsafe.String(unsafe.SliceData(w.path), len(w.path)), unsafe.String(unsafe.SliceData(name), len(name))) {
		return
	}
	var st unix.Statx_t // w.st is the caller's
	if statEntry(fd, name, &st) != nil || st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return
	}
	// Where times tell nothing it counts as the developer's: no record has it.
	made, changed := w.bornByClock(&st), w.touchedByClock(&st)
	if st.Mask&unix.STATX_BTIME == 0 {
		made = changed // as far as can be told
	}
	alias := st.Mode&unix.S_IFMT != unix.S_IFREG || st.Nlink > 1
	w.addSecret(Secret{w.at(name), st.Ino, st.Ctime.Sec*1e9 + int64(st.Ctime.Nsec), made, changed, alias})
}

func (w *walker) addSecret(s Secret) {
	list := &w.r.Secrets
	if s.Made {
		list = &w.r.made
	}
	if len(*list) < secretLimit {
		*list = append(*list, s)
	}
}
