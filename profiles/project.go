package profiles

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ProjectFile is the name of the file that a project brings, at its top.
const ProjectFile = ".sbx.toml"

// ReadProject reads the project's file, from a descriptor of the project's
// directory, or unix.AT_FDCWD. Where there is none the text is nil, and that took
// one system call.
//
// The file is the attacker's. It may not be a link, or its errors would show the
// lines of another file; nor a pipe or a device, which would be waited for. What
// is read here is what is to be parsed, judged and trusted: no one reads twice.
func ReadProject(dir int) ([]byte, error) {
	text, err := readAt(dir, ProjectFile, ProjectFile, unix.O_NOFOLLOW)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case errors.Is(err, unix.ELOOP):
		return nil, fmt.Errorf("%s: a symbolic link, want a file", ProjectFile)
	}
	return text, err
}

// Project parses the text of a project's file, with all that it extends, and
// lists what it widens. With such a list it counts only if it is trusted.
func (u *User) Project(text []byte) (p Profile, widens []string, err error) {
	if p, err = Parse(ProjectFile, text); err != nil {
		return p, nil, err
	}
	if len(p.Commands) > 0 {
		return p, nil, fmt.Errorf("%s: commands: a project's file holds for every command in the project", p.Commands[0].From)
	}
	p, err = u.Extended(p)
	return p, Widens(p), err
}

// Below has the paths of a file that is in a directory of the project, which begin with
// "./", mean what is in that directory.
func (p Profile) Below(dir string) Profile {
	for _, list := range []*[]Value{&p.Files.Show, &p.Files.Write, &p.Files.Hide, &p.Files.Tmpfs, &p.Files.Expose, &p.Cache.Private} {
		moved := slices.Clone(*list)
		for i, v := range moved {
			if rest, ok := strings.CutPrefix(v.Text, "./"); ok {
				moved[i].Text = "./" + dir + "/" + rest
			}
		}
		*list = moved
	}
	return p
}

// ProjectID tells a project from all others that were at its path. What the build
// of a repository has left in its caches must not meet the next one that is
// cloned to the same place, and file systems give an inode number again at once:
// the time of birth is what they do not give again.
func ProjectID(dir string) (string, error) {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, dir, 0, unix.STATX_INO|unix.STATX_BTIME, &st)
	if err != nil {
		return "", &os.PathError{Op: "statx", Path: dir, Err: err}
	}
	id := strconv.AppendUint(append([]byte(dir), 0), st.Ino, 10)
	if st.Mask&unix.STATX_BTIME != 0 {
		id = strconv.AppendInt(append(id, 0), st.Btime.Sec, 10)
		id = strconv.AppendUint(append(id, 0), uint64(st.Btime.Nsec), 10)
	}
	return digest(id)[:projectIDLength], nil
}

const projectIDLength = 32

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
