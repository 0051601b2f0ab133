package runlater

import (
	"errors"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Git replaces its configuration by a rename, which a mount on the file refuses, so git
// switch, git push -u and git remote add failed, some of them in silence. The command gets a
// copy instead, and when it has ended its harmless changes come into the developer's file.

// A Config is the configuration of a repository, of which the command has a copy.
type Config struct {
	Path string
	Text []byte // what the copy was made of: the command's changes are those since
	// First is what it was made of in the beginning, or empty where that is Text.
	First []byte
	Mode  uint32
}

// copiesLimit bounds the texts of all copies. They are in the sandbox's memory.
const copiesLimit = 512 << 10

// outerCopy is where the link of a sandbox around this one leads, which covers a
// configuration. A project cannot have such a link: it is mounted.
func outerCopy(t tree, file string) string {
	dir, name := parent(file)
	fd, err := unix.Openat2(t.fd, dir, &unix.OpenHow{ // .git is a mount there
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS,
	})
	if err != nil {
		return ""
	}
	defer unix.Close(fd)
	var st unix.Statx_t
	if statAt(fd, name, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFLNK || st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0 {
		return ""
	}
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, name, buf)
	if to := string(buf[:max(n, 0)]); err == nil && strings.HasPrefix(to, "/") && strings.Contains(to, CopiesName) && path.Clean(to) == to {
		return to
	}
	return ""
}

// CopiesName begins the name of the directory of all copies.
const CopiesName = "/.sbx-git"

// copyConfig lets the command have a copy, where its changes could be taken over.
func (f *finder) copyConfig(t tree, p place, text []byte) {
	total := len(text)
	for _, c := range f.g.Configs {
		total += len(c.Text)
	}
	if p.st.Uid != self() || p.st.Nlink != 1 || total > copiesLimit {
		return
	}
	f.g.Configs = append(f.g.Configs, Config{Path: join(t.path, p.path), Text: text, Mode: uint32(p.st.Mode & 0o777)})
}

// Config gives the number of the configuration at a path, and it.
func (g *Guard) Config(path string) (n int, c *Config) {
	n, ok := slices.BinarySearchFunc(g.Configs, path, func(c Config, path string) int { return strings.Compare(c.Path, path) })
	if !ok {
		return -1, nil
	}
	return n, &g.Configs[n]
}

// CopyName is the path of a copy in the directory of all copies. Each has a directory of its
// own, in which git makes its lock.
func (g *Guard) CopyName(n int) (dir, name string) {
	_, name = parent(g.Configs[n].Path)
	return strconv.Itoa(n), name
}

var errCopy = errors.New("the command's copy is not a git configuration")

// readCopy reads a copy, which is the command's to write and to replace.
func (g *Guard) readCopy(copies, n int) (text []byte, settings configParser, err error) {
	dir, name := g.CopyName(n)
	if text, err = readAt(copies, dir+"/"+name, configLimit); err == nil {
		settings, err = readConfig(text)
	}
	if err != nil {
		return nil, settings, errCopy
	}
	return text, settings, nil
}

// Adopt takes the harmless changes of a copy over into the configuration, as that is by now,
// and names what it left out. Copies is the directory of all copies. The command must be
// dead.
func (g *Guard) Adopt(copies, n int) (left []string, err error) {
	c := &g.Configs[n]
	text, mine, err := g.readCopy(copies, n)
	if err != nil || string(text) == string(c.Text) {
		return nil, err
	}
	before, err := readConfig(c.Text)
	if err != nil {
		return nil, err
	}
	good, bad := judgeChanges(before.listing(), mine.listing(), func(branch string) bool { return g.branchGone(c.Path, branch) })
	for _, s := range bad {
		left = append(left, s.String())
	}
	if len(good) == 0 {
		return left, nil
	}
	conflicts, err := g.edit(c.Path, func(now []byte) ([]byte, []change, error) {
		if len(bad) == 0 && len(c.First) == 0 && string(now) == string(c.Text) && isPlain(text) && inOrder(before.found, mine.found, good) {
			return text, nil, nil
		}
		good, theirs, err := c.less(good, now)
		if err != nil {
			return nil, nil, err
		}
		text, conflicts, err := merge(now, good, false)
		return text, append(conflicts, theirs...), err
	})
	for _, s := range conflicts {
		left = append(left, s.String())
	}
	return left, err
}

// less parts the changes of what the developer has set since the beginning, which stays.
func (c *Config) less(changes []change, now []byte) (mine, theirs []change, err error) {
	if len(c.First) == 0 {
		return changes, nil, nil // merge compares
	}
	was, err := readConfig(c.First)
	if err != nil {
		return nil, nil, err
	}
	is, err := readConfig(now)
	if err != nil {
		return nil, nil, err
	}
	before, after := was.listing(), is.listing()
	for _, s := range changes {
		n := s.setting()
		if slices.Equal(before.values[n], after.values[n]) {
			mine = append(mine, s)
		} else if !slices.Equal(after.values[n], s.after) {
			theirs = append(theirs, s)
		}
	}
	return mine, theirs, nil
}

// branchGone tells whether the repository of a configuration has no such branch. Where refs are in
// tables it is not known.
func (g *Guard) branchGone(config, branch string) bool {
	dir, _, rel, err := g.openAbove(config)
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	var st unix.Statx_t
	if _, name := parent(rel); name != "config" || statAt(dir, "reftable", &st) != unix.ENOENT || statAt(dir, "refs/heads", &st) != nil {
		return false
	}
	if err := statAt(dir, "refs/heads/"+branch, &st); err != unix.ENOENT && err != unix.ENOTDIR {
		return false
	}
	err = statAt(dir, "packed-refs", &st)
	return err == unix.ENOENT || err == nil && !mentions(dir, "packed-refs", []byte(" refs/heads/"+branch+"\n"))
}

// Refresh brings what the developer has set into a copy, while the command runs. What both
// have set is as the developer has it. Where the command holds the lock, nobody waits for it.
func (g *Guard) Refresh(copies, n int) error {
	c := &g.Configs[n]
	now, err := g.read(c.Path)
	if err != nil || string(now) == string(c.Text) {
		return err
	}
	theirs, err := readConfig(now)
	if err != nil {
		return err
	}
	before, err := readConfig(c.Text)
	if err != nil {
		return err
	}
	dir, name := g.CopyName(n)
	fd, err := openDir(copies, dir)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	err = replaceLocked(fd, name, func(text []byte) ([]byte, error) {
		if string(text) == string(c.Text) {
			return now, nil
		}
		merged, _, err := merge(text, changesOf(before.listing(), theirs.listing()), true)
		return merged, err
	})
	if err == nil {
		if len(c.First) == 0 {
			c.First = c.Text
		}
		c.Text = now
	}
	return err
}

// read reads a guarded configuration. The command may have put links above it, where it has
// the project by another path.
func (g *Guard) read(path string) ([]byte, error) {
	dir, _, rel, err := g.openAbove(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	_, name := parent(rel)
	return readAt(dir, name, configLimit)
}

// edit replaces a guarded configuration.
func (g *Guard) edit(path string, change func(now []byte) ([]byte, []change, error)) (conflicts []change, err error) {
	dir, _, rel, err := g.openAbove(path)
	if err != nil {
		return nil, err
	}
	defer unix.Close(dir)
	_, name := parent(rel)
	err = replaceSoon(dir, name, func(now []byte) (text []byte, err error) {
		text, conflicts, err = change(now)
		return text, err
	})
	return conflicts, err
}

// replaceSoon is replaceLocked, and waits a moment where git holds the lock.
func replaceSoon(dir int, name string, change func(now []byte) ([]byte, error)) (err error) {
	for range lockTries {
		if err = replaceLocked(dir, name, change); err != unix.EEXIST {
			break
		}
		time.Sleep(lockWait)
	}
	return err
}

// lockTries and lockWait are for a configuration that git has locked just now.
const (
	lockTries = 10
	lockWait  = 5 * time.Millisecond
)
