// Command manifest prints what is below a directory, a line for each file: all that
// one can see of it but its inode. What is mounted below is left out.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

func main() {
	l := lister{root: filepath.Clean(os.Args[1]), out: bufio.NewWriter(os.Stdout), first: map[inode]string{}}
	err := l.findMounts()
	if err == nil {
		err = filepath.WalkDir(l.root, l.visit)
	}
	if err == nil {
		err = l.out.Flush()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "manifest:", err)
		os.Exit(1)
	}
}

type inode struct{ dev, ino uint64 }

type lister struct {
	root   string
	out    *bufio.Writer
	mounts map[string]bool
	first  map[inode]string // the first name of a file with several
}

func (l *lister) findMounts() error {
	b, err := os.ReadFile("/proc/self/mountinfo")
	l.mounts = map[string]bool{}
	for line := range strings.Lines(string(b)) {
		l.mounts[strings.Fields(line)[4]] = true
	}
	return err
}

func (l *lister) visit(path string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if path != l.root && l.mounts[path] {
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	name, err := filepath.Rel(l.root, path)
	if err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	attributes, err := attributesOf(path)
	if err != nil {
		return fmt.Errorf("attributes of %s: %w", path, err)
	}
	content, err := contentOf(path, d)
	if err != nil {
		return err
	}
	size, link := st.Size, ""
	if d.IsDir() {
		size = 0 // is the file system's affair
	} else if st.Nlink > 1 {
		link = l.linkOf(&st, name)
	}
	_, err = fmt.Fprintf(l.out, "%q mode=%o owner=%d:%d size=%d mtime=%d.%09d same=%q attributes=%s content=%s\n",
		name, st.Mode, st.Uid, st.Gid, size, st.Mtim.Sec, st.Mtim.Nsec, link, attributes, content)
	return err
}

// linkOf names a file that has several names by the first of them that was met. Names
// elsewhere do not count, so its number of links is not told.
func (l *lister) linkOf(st *unix.Stat_t, name string) string {
	i := inode{st.Dev, st.Ino}
	if _, met := l.first[i]; !met {
		l.first[i] = name
		return ""
	}
	return l.first[i]
}

func attributesOf(path string) (string, error) {
	buf := make([]byte, 64<<10) // XATTR_LIST_MAX
	n, err := unix.Llistxattr(path, buf)
	if err == unix.ENOTSUP {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var list []string
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if name == "" || name == "security.selinux" { // the label is the place's
			continue
		}
		n, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return "", fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, fmt.Sprintf("%q:%x", name, value[:n]))
	}
	slices.Sort(list)
	return strings.Join(list, ","), nil
}

func contentOf(path string, d fs.DirEntry) (string, error) {
	switch d.Type() {
	case fs.ModeSymlink:
		to, err := os.Readlink(path)
		return fmt.Sprintf("%q", to), err
	case 0:
		f, err := os.Open(path)
		if err != nil {
			return "", err
		}
		defer f.Close()
		sum := sha256.New()
		_, err = io.Copy(sum, f)
		return hex.EncodeToString(sum.Sum(nil)), err
	}
	return "", nil
}
