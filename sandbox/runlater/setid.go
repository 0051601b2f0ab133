package runlater

import (
	"errors"

	"golang.org/x/sys/unix"
)

var errOwner = errors.New("it is somebody else's")

// clear takes setuid and setgid off a file that the run changed. Inside, the
// project is mounted nosuid; outside it is not, and any user of the machine who
// can reach the file would run it as its owner. The file may have other names
// outside the project (a package manager's store): the bits are the file's, and
// go from all of them.
//
// What is changed is what was looked at: the file is open, as a path only, since
// one that may not be read has the bits as well.
func (w *walker) clear(dir int, name []byte) {
	path := w.at(name)
	fd, err := openAt(dir, string(name), unix.O_PATH)
	if err == unix.ENOENT {
		return
	}
	found := SetID{Root: w.roots[w.index].path, Path: path, Mode: uint32(w.st.Mode) & 0o7777, Err: err}
	if err == nil {
		defer unix.Close(fd)
		found.Mode, found.Err = w.clearFD(fd, dir, name)
	}
	if found.Mode&(unix.S_ISUID|unix.S_ISGID) == 0 && found.Err == nil {
		return
	}
	w.addSetID(found)
}

func (w *walker) addSetID(s SetID) {
	if len(w.r.SetIDs) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.SetIDs = append(w.r.SetIDs, s)
}

// clearFD gives the mode as it was.
func (w *walker) clearFD(fd, dir int, name []byte) (uint32, error) {
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return 0, err
	}
	mode := uint32(st.Mode) & 0o7777
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG || mode&(unix.S_ISUID|unix.S_ISGID) == 0 || !w.touched(dir, name, &st):
		return 0, nil
	case st.Uid != w.uid:
		return mode, errOwner
	}
	return mode, chmod(fd, mode&^(unix.S_ISUID|unix.S_ISGID))
}

// clearRoot takes the bits off a directory that the run could write, if it set them. Setgid
// is often the caller's own there: what is made in it gets its group.
func (w *walker) clearRoot(fd int, r root) {
	var st unix.Statx_t
	if r.mode == 0 || statFD(fd, &st) != nil {
		return
	}
	set := st.Mode &^ r.mode & (unix.S_ISUID | unix.S_ISGID)
	if set == 0 {
		return
	}
	found := SetID{Root: r.path, Path: ".", Mode: uint32(st.Mode) & 0o7777, Err: errOwner}
	if st.Uid == w.uid {
		found.Err = chmod(fd, found.Mode&^uint32(set))
	}
	w.addSetID(found)
}
