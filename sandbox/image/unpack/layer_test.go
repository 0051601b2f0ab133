package unpack

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An item is an entry of a tar.
type item struct {
	tar.Header
	content string
}

var day = time.Unix(86400, 0)

func file(name, content string) item {
	return item{tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: day}, content}
}

func directory(name string) item {
	return item{tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: 0o755, ModTime: day}, ""}
}

func link(name, to string) item {
	return item{tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: to, Mode: 0o777, ModTime: day}, ""}
}

func hard(name, to string) item {
	return item{tar.Header{Typeflag: tar.TypeLink, Name: name, Linkname: to, ModTime: day}, ""}
}

func special(name string, flag byte) item {
	return item{tar.Header{Typeflag: flag, Name: name, Mode: 0o600, ModTime: day}, ""}
}

func (i item) mode(m int64) item { i.Mode = m; return i }

func (i item) owner(uid, gid int) item { i.Uid, i.Gid = uid, gid; return i }

func (i item) attr(name, value string) item {
	records := map[string]string{paxAttribute + name: value}
	for k, v := range i.PAXRecords {
		records[k] = v
	}
	i.PAXRecords = records
	return i
}

// archive writes the tar. What stands for itself is replaced in links.
func archive(t testing.TB, items ...item) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, i := range items {
		if err := w.WriteHeader(&i.Header); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(i.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A yard is a target, and beside it what must not change.
type yard struct {
	top, target, canary string
	before              []string
}

func newYard(t testing.TB) yard {
	t.Helper()
	top, err := os.MkdirTemp("", "unpack-")
	if err != nil {
		t.Fatal(err)
	}
	y := yard{top: top, target: filepath.Join(top, "target"), canary: filepath.Join(top, "canary")}
	for _, err := range []error{
		os.MkdirAll(filepath.Join(y.canary, "dir"), 0o755), os.Mkdir(y.target, 0o755),
		os.WriteFile(filepath.Join(y.canary, "file"), []byte("canary"), 0o644),
		os.WriteFile(filepath.Join(y.canary, "dir/file"), []byte("canary"), 0o644),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	y.before = y.outside(t)
	return y
}

// remove is not for t.Cleanup: fuzzing has thousands in one test.
func (y yard) remove() {
	_ = filepath.WalkDir(y.top, func(path string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() && err == nil {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	os.RemoveAll(y.top)
}

// outside lists all beside the target, with what any change would change.
func (y yard) outside(t testing.TB) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(y.top, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == y.target {
			return fs.SkipDir
		}
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintln(path, st.Ino, st.Mode, st.Uid, st.Gid, st.Nlink, st.Size, st.Mtim, st.Ctim))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func (y yard) check(t testing.TB) {
	t.Helper()
	if after := y.outside(t); !slices.Equal(after, y.before) {
		t.Errorf("outside of the target there is now\n%s\nand was\n%s", after, y.before)
	}
}

func (y yard) unpack(t testing.TB, layer []byte, o Options) (Report, error) {
	t.Helper()
	fd := openAs(t, y.target)
	defer unix.Close(fd)
	return Unpack(fd, bytes.NewReader(layer), o)
}

func openAs(t testing.TB, dir string) int {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return fd
}

// tree describes what is in a directory, a line for each name: its type and mode,
// owner unless root's, content, and attributes.
func tree(t testing.TB, root string) (lines []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		line, err := describe(path)
		rel, _ := filepath.Rel(root, path)
		if line = fmt.Sprintf("%s: %s", rel, line); line != ".: dir 755" {
			lines = append(lines, line)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func describe(path string) (string, error) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return "", err
	}
	line := ""
	switch kind(st) {
	case unix.S_IFDIR:
		line = fmt.Sprintf("dir %o", st.Mode&0o7777)
	case unix.S_IFREG:
		content, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		line = strings.TrimSpace(fmt.Sprintf("file %o %s", st.Mode&0o7777, content))
	case unix.S_IFLNK:
		to, err := os.Readlink(path)
		if err != nil {
			return "", err
		}
		line = "link " + to
	case unix.S_IFIFO:
		line = fmt.Sprintf("fifo %o", st.Mode&0o7777)
	case unix.S_IFCHR:
		line = fmt.Sprintf("char %d", st.Rdev)
		if isWhiteout(st) {
			return "whiteout", nil // of whom does not matter
		}
	default:
		line = fmt.Sprintf("%o", st.Mode)
	}
	mine := int(st.Uid) == os.Getuid() && int(st.Gid) == os.Getgid()
	if !mine {
		line += fmt.Sprintf(" of %d:%d", st.Uid, st.Gid)
	}
	if st.Nlink > 1 && kind(st) != unix.S_IFDIR {
		line += fmt.Sprintf(" names %d", st.Nlink)
	}
	attrs, err := described(path)
	return line + attrs, err
}

func described(path string) (string, error) {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if errors.Is(err, unix.ENOTSUP) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var attrs []string
	for name := range strings.SplitSeq(string(buf[:n]), "\x00") {
		if name == "" || name == "security.selinux" {
			continue
		}
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return "", err
		}
		attrs = append(attrs, fmt.Sprintf(" %s=%s", name, value[:n]))
	}
	slices.Sort(attrs)
	return strings.Join(attrs, ""), nil
}
