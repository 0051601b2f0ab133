package runlater

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// A build can take its own permission off a directory. That hides what is in it
// from a walk, and from nobody who says chmod -R u+rwX then. So such a directory
// gets its owner's permissions back, if the run changed it or could get into it,
// and keeps them.

// unlock does so for an open directory, and tells whether it did.
func (w *walker) unlock(dir int, path string) bool {
	var st unix.Statx_t
	if statFD(dir, &st) != nil || st.Uid != w.uid || st.Mode&0o700 == 0o700 || st.Mode&0o100 == 0 && !w.modeTouched(path, &st) {
		return false
	}
	if b := w.base(); b != nil && b.recording {
		return false
	}
	return chmod(dir, uint32(st.Mode)&0o7777|0o700) == nil
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
	if st.Uid == w.uid && st.Mode&0o100 == 0 && !w.modeTouched(string(w.path), &st) {
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
