// Package outfile finds and writes files at paths that the user gave, where part of the
// path may be in a directory that an untrusted command writes. Such a command can make a
// link of any name there: a file that is written through it would replace ~/.bashrc.
package outfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// maxLinks is how many symbolic links a path may have (path_resolution(7)).
const maxLinks = 40

type object struct{ dev, ino uint64 }

// Locate goes through a path name by name, until it comes to one of the untrusted
// directories, by whatever names and links it leads there. It gives that directory and
// the rest of the path, which must be opened beneath it. Without one the directory is nil.
// follow says whether a link at the end counts too.
func Locate(path string, follow bool, untrusted ...string) (root *os.File, rest string, err error) {
	roots := map[object]string{}
	for _, dir := range untrusted {
		var st unix.Stat_t
		if dir != "" && unix.Stat(dir, &st) == nil { // what is gone nobody writes in
			roots[object{uint64(st.Dev), st.Ino}] = dir
		}
	}
	if len(roots) == 0 || path == "" {
		return nil, "", nil
	}
	if !filepath.IsAbs(path) {
		dir, err := workingDirectory()
		if err != nil {
			return nil, "", err
		}
		path = dir + "/" + path
	}
	w := walk{roots: roots, fd: -1, names: names(path), follow: follow}
	for _, end := range []string{"/.", "/"} {
		if strings.HasSuffix(path, end) {
			w.end, w.follow = end, true
			break
		}
	}
	defer w.close()
	return w.run()
}

func workingDirectory() (string, error) {
	buf := make([]byte, 2*unix.PathMax)
	n, err := unix.Getcwd(buf)
	if err != nil || n == 0 || buf[0] != '/' {
		return "", errors.New("the current directory was deleted, or is not below the root")
	}
	return string(buf[:n-1]), nil
}

func names(path string) []string {
	return strings.FieldsFunc(filepath.Clean(path), func(r rune) bool { return r == '/' })
}

type walk struct {
	roots  map[object]string
	fd     int
	names  []string
	end    string // what of "/" and "/." is behind the last
	links  int
	follow bool
}

func (w *walk) close() {
	if w.fd >= 0 {
		unix.Close(w.fd)
	}
}

// to goes on from another directory.
func (w *walk) to(at int, name string) error {
	fd, err := unix.Openat(at, name, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	w.close()
	w.fd = fd
	return nil
}

func (w *walk) run() (*os.File, string, error) {
	if err := w.to(unix.AT_FDCWD, "/"); err != nil {
		return nil, "", err
	}
	for {
		var st unix.Stat_t
		if err := unix.Fstat(w.fd, &st); err != nil {
			return nil, "", err
		}
		if dir, ok := w.roots[object{uint64(st.Dev), st.Ino}]; ok {
			rest := "."
			if len(w.names) > 0 {
				rest = strings.Join(w.names, "/") + w.end
			}
			root := os.NewFile(uintptr(w.fd), dir)
			w.fd = -1
			return root, rest, nil
		}
		if len(w.names) == 0 {
			return nil, "", nil
		}
		if err := w.step(w.names[0]); err != nil || w.fd < 0 {
			return nil, "", err
		}
	}
}

// step goes into the first of the names, or to where it leads if it is a link. What
// cannot be gone into ends the walk: it is in no untrusted directory.
func (w *walk) step(name string) error {
	var st unix.Stat_t
	err := unix.Fstatat(w.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if err != nil {
		w.stop()
		return nil // whoever opens the path is told why
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if w.to(w.fd, name) != nil {
			w.stop()
		}
		w.names = w.names[1:]
		return nil
	}
	if len(w.names) == 1 && !w.follow {
		w.stop()
		return nil
	}
	if w.links++; w.links > maxLinks {
		return unix.ELOOP
	}
	b := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(w.fd, name, b)
	if err != nil {
		return err
	}
	target := string(b[:n])
	// Not cleaned: ".." behind a link is above where that leads.
	w.names = append(strings.FieldsFunc(target, func(r rune) bool { return r == '/' }), w.names[1:]...)
	if filepath.IsAbs(target) {
		return w.to(unix.AT_FDCWD, "/")
	}
	return nil
}

func (w *walk) stop() {
	w.close()
	w.fd = -1
}
