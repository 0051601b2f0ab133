package gitindex

import (
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"hash"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// indexLimit bounds an index: 64 MiB are half a million files.
	indexLimit = 64 << 20
	// fileLimit bounds a file that is compared.
	fileLimit = 1 << 20
	// filesLimit bounds how many are.
	filesLimit = 256
)

// Tracked tells which files below a directory have a content that the index of their
// repository has: the nearest directory above with a .git. The others are those that it
// cannot tell of. Nothing is opened through a link.
func Tracked(dir string, files []string) map[string]bool {
	tracked := map[string]bool{}
	if len(files) > filesLimit {
		return tracked
	}
	top, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return tracked
	}
	defer unix.Close(top)
	repositories := map[string][]string{}
	for _, f := range files {
		if git := repository(dir, path.Dir(f)); git != "" {
			repositories[git] = append(repositories[git], f)
		}
	}
	for git, files := range repositories {
		wanted := map[Hash][]string{}
		for _, f := range files {
			if text, err := read(top, f, fileLimit); err == nil {
				for _, h := range []hash.Hash{sha1.New(), sha256.New()} {
					name := blob(h, text)
					wanted[name] = append(wanted[name], f)
				}
			}
		}
		if len(wanted) == 0 {
			continue
		}
		each(git, func(h []byte) {
			for _, f := range wanted[Hash(h)] {
				tracked[f] = true
			}
		})
	}
	return tracked
}

// Blob is the name that git has for a content, where hashes have a size.
func Blob(text []byte, size int) Hash {
	if size == sha256.Size {
		return blob(sha256.New(), text)
	}
	return blob(sha1.New(), text)
}

// blob is the name that git has for a content.
func blob(h hash.Hash, text []byte) Hash {
	h.Reset()
	h.Write([]byte("blob " + strconv.Itoa(len(text)) + "\x00"))
	h.Write(text)
	return Hash(h.Sum(nil))
}

// repository finds the git directory of a directory below another: in it, or above.
func repository(top, dir string) string {
	for at := path.Join(top, dir); ; at = path.Dir(at) {
		git := at + "/.git"
		var st unix.Stat_t
		if unix.Lstat(git, &st) == nil {
			switch st.Mode & unix.S_IFMT {
			case unix.S_IFDIR:
				return git
			case unix.S_IFREG:
				return gitFile(at, git)
			}
			return ""
		}
		if at == "/" {
			return ""
		}
	}
}

// gitFile is where a .git leads that is a file, as in a worktree.
func gitFile(dir, name string) string {
	text, err := read(unix.AT_FDCWD, name, 8<<10)
	if err != nil {
		return ""
	}
	to, ok := strings.CutPrefix(strings.TrimRight(string(text), "\r\n"), "gitdir: ")
	switch {
	case !ok || to == "" || strings.IndexByte(to, 0) >= 0:
		return ""
	case path.IsAbs(to):
		return path.Clean(to)
	}
	return path.Join(dir, to)
}

// each calls f with the hashes of a repository's index, and of the one that it stands on.
// Which size hashes have the repository's settings say; an index is read as that of the
// other size only if it makes no sense, and what comes of a mistake matches no file.
func each(git string, f func(hash []byte)) {
	index, err := read(unix.AT_FDCWD, git+"/index", indexLimit)
	if err != nil {
		return
	}
	for _, size := range []int{sha1.Size, sha256.Size} {
		base, err := Entries(index, size, f)
		if err != nil {
			continue
		}
		if base != "" {
			if index, err = read(unix.AT_FDCWD, git+"/"+base, indexLimit); err == nil {
				_, _ = Entries(index, size, f) // what can be read of it
			}
		}
		return
	}
}

var errFile = errors.New("no regular file, or too large")

// read reads a regular file, without waiting for a pipe's writer.
func read(at int, name string, limit int64) ([]byte, error) {
	fd, err := unix.Openat2(at, name, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS | resolve(at),
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || st.Size > limit {
		return nil, errFile
	}
	buf := make([]byte, st.Size+1)
	for n := 0; ; {
		got, err := unix.Pread(fd, buf[n:], int64(n))
		if err != nil {
			return nil, err
		}
		if n += got; got == 0 {
			return buf[:n], nil
		}
		if n == len(buf) {
			return nil, errFile // it grows
		}
	}
}

// resolve forbids links in what is below the project.
func resolve(at int) uint64 {
	if at == unix.AT_FDCWD {
		return 0
	}
	return unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_BENEATH
}
