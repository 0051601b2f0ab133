package runlater

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// A build can take its own permission off a directory. That hides what is in it
// from a walk, and from nobody who says chmod -R u+rwX then. So such a directory
// gets its owner's permissions back, if the run changed it or could get into it,
// and keeps them.
//
// A command with CAP_DAC_OVERRIDE gets into every directory of its own ids, also one that
// the caller closed and that nothing changed since. That one is opened for the walk, and is
// closed again by Report.Reclose.

// reopenedLimit bounds the descriptors: an earlier command can have left many of those.
const reopenedLimit = 256

// A reopened directory has had another mode.
type reopened struct {
	fd   int
	mode uint32
}

// unlock gives an open directory its owner's permissions, and tells whether it did.
func (w *walker) unlock(dir int, path string) bool {
	var st unix.Statx_t
	if statFD(dir, &st) != nil || st.Uid != w.uid || st.Mode&0o700 == 0o700 {
		return false
	}
	mode := uint32(st.Mode) & 0o7777
	b := w.base()
	recording := b != nil && b.recording
	passed := st.Mode&0o100 != 0 || w.modeTouched(path, &st)
	switch {
	case passed && !recording:
		return chmod(dir, mode|0o700) == nil
	case !w.g.Overrides || len(w.r.reopened) >= reopenedLimit:
		return false
	}
	fd, err := unix.FcntlInt(uintptr(dir), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return false
	}
	if chmod(dir, mode|0o700) != nil {
		unix.Close(fd)
		return false
	}
	w.r.reopened = append(w.r.reopened, reopened{fd, mode})
	return true
}

// Reclose gives the directories that were opened for the walk only their modes back. It is
// for after Move, which goes into them.
func (r *Report) Reclose() {
	for _, o := range r.reopened {
		_ = chmod(o.fd, o.mode) // it could be changed a moment ago
		unix.Close(o.fd)
	}
	r.reopened = nil
}

// openClosed opens a directory that may not be read, or is in one that may not
// be searched.
func (w *walker) openClosed(dir int, name, above string) (int, error) {
	w.unlock(dir, above)
	closed, err := openAt(dir, name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return -1, err
	}
	defer unix.Close(closed)
	var st unix.Statx_t
	if err := statFD(closed, &st); err != nil {
		return -1, err
	}
	if st.Uid == w.uid && st.Mode&0o100 == 0 && !w.g.Overrides && !w.modeTouched(string(w.path), &st) {
		return -1, unix.ENOENT // nobody could get into it without a chmod
	}
	w.unlock(closed, string(w.path))
	return openDir(dir, name)
}

// chmod changes the mode of an open file, which may be open as a path only.
func chmod(fd int, mode uint32) error {
	err := unix.Fchmodat(fd, "", mode, unix.AT_EMPTY_PATH)
	if err == unix.ENOSYS || err == unix.EOPNOTSUPP || err == unix.EINVAL { // before Linux 6.6
		err = unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode)
	}
	return err
}

// writable gives a directory its owner's permissions, and a function that puts
// the mode back.
func writable(dir int) (restore func()) {
	var st unix.Statx_t
	if statFD(dir, &st) != nil || st.Uid != self() || st.Mode&0o700 == 0o700 || chmod(dir, uint32(st.Mode)&0o7777|0o700) != nil {
		return func() {}
	}
	return func() { _ = chmod(dir, uint32(st.Mode)&0o7777) } // it could be changed a moment ago
}
