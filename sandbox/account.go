package sandbox

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/moby/sys/user"
	"golang.org/x/sys/unix"
)

// An Account is a user of the sandbox's root.
type Account struct {
	UID, GID uint32
	Groups   []uint32
	Home     string
}

// maxAccountFile bounds how much of a root's password and group files is read:
// they are whatever an image's maker put there (CVE-2026-47262).
const maxAccountFile = 16 << 20

// account looks Spec.User up in the root that the Spec gives. Without a user it
// is the zero Account.
func (s Spec) account() (Account, error) {
	if s.User == "" {
		return Account{}, nil
	}
	passwd, err := s.openInRoot("/etc/passwd")
	if err != nil {
		return Account{}, err
	}
	defer passwd.Close()
	group, err := s.openInRoot("/etc/group")
	if err != nil {
		return Account{}, err
	}
	defer group.Close()
	return lookUp(s.User, passwd, group)
}

// groups looks Spec.Groups up in the same way.
func (s Spec) groups() (ids []uint32, err error) {
	if len(s.Groups) == 0 {
		return nil, nil
	}
	file, err := s.openInRoot("/etc/group")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	found, err := user.GetAdditionalGroups(s.Groups, io.LimitReader(file, maxAccountFile))
	if err != nil {
		return nil, fmt.Errorf("groups %s: %w", strings.Join(s.Groups, ", "), err)
	}
	for _, id := range found {
		if id < 0 || id >= math.MaxUint32 {
			return nil, fmt.Errorf("group id %d is out of range", id)
		}
		ids = append(ids, uint32(id))
	}
	return ids, nil
}

func lookUp(name string, passwd, group io.Reader) (Account, error) {
	u, err := user.GetExecUser(name, nil, io.LimitReader(passwd, maxAccountFile), io.LimitReader(group, maxAccountFile))
	if err != nil {
		return Account{}, fmt.Errorf("user %q: %w", name, err)
	}
	if u.Uid < 0 || u.Gid < 0 || u.Uid >= math.MaxUint32 || u.Gid >= math.MaxUint32 {
		return Account{}, fmt.Errorf("user %q: ids %d:%d are out of range", name, u.Uid, u.Gid)
	}
	a := Account{UID: uint32(u.Uid), GID: uint32(u.Gid), Home: u.Home}
	for _, g := range u.Sgids {
		if g >= 0 && g < math.MaxUint32 {
			a.Groups = append(a.Groups, uint32(g))
		}
	}
	return a, nil
}

// openInRoot opens a regular file of the root, or an empty one where there is
// none. Of layers it is the topmost that has the name.
func (s Spec) openInRoot(path string) (io.ReadCloser, error) {
	for _, dir := range s.rootDirs() {
		f, err := openIn(dir, path)
		switch {
		case errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR):
			continue
		case err != nil:
			return nil, fmt.Errorf("%s of %s: %w", path, dir, err)
		}
		fi, err := f.Stat()
		if err == nil && fi.Mode().IsRegular() {
			return f, nil
		}
		f.Close()
		break // a whiteout, or something that must not be read
	}
	return io.NopCloser(eof{}), nil
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// rootDirs are the directories of which the root is made, the top one first.
func (s Spec) rootDirs() []string {
	switch s.View {
	case HostView:
		return []string{"/"}
	case Rootfs:
		return []string{s.OCI.Root.Path}
	}
	if s.Upper != "" {
		return append([]string{s.Upper}, s.Layers...)
	}
	return s.Layers
}

// openIn opens a file as a process whose root is dir would, whatever symbolic
// links are on the way. Nonblocking, since a FIFO in its place would wait for
// ever.
func openIn(dir, path string) (*os.File, error) {
	root, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	for range 100 { // EAGAIN: the tree was renamed meanwhile
		var fd int
		if fd, err = unix.Openat2(root, path, &how); err == nil {
			return os.NewFile(uintptr(fd), path), nil
		}
		if err != unix.EAGAIN && err != unix.EINTR {
			break
		}
	}
	return nil, err
}
