package runlater

import (
	"crypto/sha256"
	"errors"
	"os"
	"slices"

	"golang.org/x/sys/unix"
)

// A repository without its configuration is no longer one to git, and has lost its remotes
// and branches. What was found are single settings, and perhaps the developer's: while the
// command ran, a git config outside and a write of the command's can look the same.

// create makes a file that is not there.
func create(dir int, name string) (*os.File, error) {
	fd, err := unix.Openat(dir, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	return os.NewFile(uintptr(fd), name), err
}

// fill writes all of a new file, and closes it.
func fill(file *os.File, text []byte, mode uint16) error {
	_, err := file.Write(text)
	return errors.Join(err, file.Chmod(os.FileMode(mode&0o666)), file.Close())
}

// writeNew is both, and leaves no part of a file.
func writeNew(dir int, name string, text []byte, mode uint16) error {
	file, err := create(dir, name)
	if err != nil {
		return err
	}
	if err = fill(file, text, mode); err != nil {
		_ = unix.Unlinkat(dir, name, 0)
	}
	return err
}

// Clean takes out of a guarded configuration what Renew refused, while the command runs, and
// keeps the file as it was in a new directory below state. It holds git's own lock, which
// may be taken: then git, or the command, is at it.
func (g *Guard) Clean(path, state string) (settings []string, kept string, err error) {
	dir, index, rel, err := g.openAbove(path)
	if err != nil {
		return nil, "", err
	}
	defer unix.Close(dir)
	e := g.watch(index, rel)
	if e == nil {
		return nil, "", errConfig
	}
	_, name := parent(rel)
	settings, kept, err = cleanLocked(dir, name, e.allowed, state)
	if kept != "" {
		_ = Index(kept, []Finding{{Root: g.roots[index].path, Path: rel, What: Changed, Why: "the whole file, before settings were taken out", As: name + suffix}})
	}
	return settings, kept, err
}

// openAbove opens the directory that a guarded path is in, and tells of the path in its root.
func (g *Guard) openAbove(path string) (dir, index int, rel string, err error) {
	if index, rel = g.locate(path); index < 0 {
		return -1, index, rel, errConfig
	}
	root, err := openRoot(g.roots[index].path)
	if err != nil {
		return -1, index, rel, err
	}
	defer unix.Close(root)
	dir, err = openDeep(root, up(rel))
	return dir, index, rel, err
}

func cleanLocked(dir int, name string, allowed []setting, state string) (settings []string, kept string, err error) {
	nowhere := func(string) bool { return false }
	err = replaceLocked(dir, name, func(text []byte) ([]byte, error) {
		bad, err := parseConfig(text)
		if err != nil {
			return nil, err
		}
		bad = slices.DeleteFunc(bad, func(s setting) bool { return harmless(s, nowhere) || slices.Contains(allowed, s) })
		less, err := without(text, bad)
		if err != nil {
			return nil, err
		}
		if kept, err = keep(state, name, text); err != nil {
			return nil, err
		}
		for _, s := range bad {
			settings = append(settings, s.String())
		}
		return less, nil
	})
	if err != nil {
		return nil, "", err
	}
	return settings, kept, nil
}

// replaceLocked replaces a configuration in an open directory, as git does: by a new file
// that is its lock, with the mode of the old one.
func replaceLocked(dir int, name string, change func(now []byte) ([]byte, error)) (err error) {
	lock := name + ".lock"
	file, err := create(dir, lock)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			file.Close()
			_ = unix.Unlinkat(dir, lock, 0)
		}
	}()
	now, err := readAt(dir, name, configLimit)
	if err != nil {
		return err
	}
	text, err := change(now)
	if err != nil {
		return err
	}
	var st unix.Statx_t
	if err = statAt(dir, name, &st); err != nil {
		return err
	}
	if err = fill(file, text, st.Mode); err != nil {
		return err
	}
	return unix.Renameat(dir, lock, dir, name)
}

// keep writes a file to a new directory below state.
func keep(state, name string, text []byte) (dir string, err error) {
	q := quarantine{root: -1}
	defer q.close()
	if dir, err = q.open(state); err != nil {
		return "", err
	}
	return dir, writeNew(q.fd, name+suffix, text, 0o600)
}

// clean puts a copy of a configuration that was moved aside in its place, less the settings
// that were found. Where that cannot be done, the configuration is aside as a whole.
func (f *Finding) clean(from int, name string, to int, as string) {
	if len(f.config.bad) == 0 {
		return
	}
	text, err := readAt(to, as, configLimit)
	if err != nil || sha256.Sum256(text) != f.config.sum { // another sandbox writes to it
		return
	}
	var st unix.Statx_t
	if text, err = without(text, f.config.bad); err != nil || statAt(to, as, &st) != nil {
		return
	}
	if writeNew(from, name, text, st.Mode) != nil {
		return
	}
	f.Cleaned = true
	for _, s := range f.config.bad {
		f.Settings = append(f.Settings, s.String())
	}
}
