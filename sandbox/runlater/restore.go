package runlater

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// indexSuffix is that of the file beside a directory of moved files that says what they are.
const indexSuffix = ".json"

// An indexed finding is one of that file. Paths are bytes: JSON's strings would change those
// that are not UTF-8.
type indexed struct {
	Root, Path, As []byte
	What, Why      string
}

// Moved is something that was moved aside.
type Moved struct {
	ID        string // of the directory that it is in, and its number there
	Dir, As   string // where it is now, and below that
	Root      string // the directory that was walked, or "" if that is not known
	Path      string // where it was, below Root
	What, Why string
	When      time.Time
}

// Index writes beside a directory of Move's what is in it.
func Index(dir string, moved []Finding) error {
	list := []indexed{}
	for _, f := range moved {
		as := f.As
		if as == "" {
			as = movedTo(f.Root, f.Path)
		}
		list = append(list, indexed{[]byte(f.Root), []byte(f.Path), []byte(as), f.What.String(), f.Why})
	}
	text, err := json.Marshal(list)
	if err == nil {
		err = os.WriteFile(dir+indexSuffix, text, 0o600)
	}
	return err
}

// movedTo is where Move puts a finding whose name is not too long.
func movedTo(root, path string) string { return join(strings.Trim(root, "/"), path) + suffix }

// ListMoved lists what was moved to directories below state, the newest last, and is still
// there. Of directories without an index only the time is known.
func ListMoved(state string) (all []Moved, err error) {
	at, err := openRoot(state)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(at)
	names, err := list(at, unix.DT_DIR)
	slices.Sort(names)
	for _, name := range names {
		stamp, random, ok := strings.Cut(name, "-")
		when, wrong := time.Parse("20060102T150405Z", stamp)
		if !ok || wrong != nil || len(random) < 8 {
			continue
		}
		known, e := movedIn(at, join(state, name), name, Moved{ID: random, When: when})
		err = errors.Join(err, e)
		all = append(all, known...)
	}
	return all, err
}

// mostIndex bounds an index: 10,000 findings of 4 KiB and more, in base64.
const mostIndex = 128 << 20

func movedIn(at int, dir, name string, m Moved) (all []Moved, err error) {
	m.Dir = dir
	text, err := readAt(at, name+indexSuffix, mostIndex)
	if err == unix.ENOENT {
		return []Moved{m}, nil
	}
	var found []indexed
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir+indexSuffix, err)
	}
	inside, leave, err := enterMoved(at, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	defer leave()
	id := m.ID[:8]
	for i, f := range found {
		if m.ID = id; len(found) > 1 {
			m.ID = fmt.Sprintf("%s.%d", id, i+1)
		}
		m.Root, m.Path, m.As, m.What, m.Why = string(f.Root), string(f.Path), string(f.As), f.What, f.Why
		if from, err := openDeep(inside, up(m.As)); err == nil {
			var st unix.Statx_t
			_, base := parent(m.As)
			if statAt(from, base, &st) == nil {
				all = append(all, m)
			}
			unix.Close(from)
		}
	}
	return all, nil
}

// enterMoved opens a directory of moved files. One with names in it that run later cannot be
// entered, and can meanwhile.
func enterMoved(at int, name string) (fd int, leave func(), err error) {
	if fd, err = openDir(at, name); err != nil {
		return -1, nil, err
	}
	closeAgain := writable(fd)
	return fd, func() { closeAgain(); unix.Close(fd) }, nil
}

// open opens the directory in which it is now.
func (m Moved) open() (from int, name string, leave func(), err error) {
	state, dir := parent(m.Dir)
	at, err := openRoot(state)
	if err != nil {
		return -1, "", nil, err
	}
	defer unix.Close(at)
	inside, done, err := enterMoved(at, dir)
	if err != nil {
		return -1, "", nil, err
	}
	if from, err = openDeep(inside, up(m.As)); err != nil {
		done()
		return -1, "", nil, err
	}
	_, name = parent(m.As)
	return from, name, func() { unix.Close(from); done() }, nil
}

// errUnindexed is of what an earlier version moved.
var errUnindexed = errors.New("where it was is not known")

// Restore puts it back where it was, and replaces nothing. No link below Root is followed,
// nor one where it is now. Names below a directory that were disarmed stay so, and are
// returned.
func (m Moved) Restore() (disarmed []string, err error) {
	if m.Root == "" {
		return nil, errUnindexed
	}
	from, name, leave, err := m.open()
	if err != nil {
		return nil, err
	}
	defer leave()
	// It was a real path: a link above it is a later command's.
	root, err := unix.Openat2(unix.AT_FDCWD, m.Root, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Root, err)
	}
	defer unix.Close(root)
	dir, as := parent(m.Path)
	to, err := openDeep(root, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", join(m.Root, dir), err)
	}
	defer unix.Close(to)
	disarmed = stillDisarmed(from, name)
	var st unix.Statx_t
	if statAt(to, as, &st) == nil {
		return nil, unix.EEXIST
	}
	if err = rename(from, name, to, as); err != unix.EXDEV {
		return disarmed, err
	}
	left := copyBudget
	if err = left.copy(from, name, to, as, copyDepth); err != nil {
		_ = remove(to, as, copyDepth+1) // it was not there before
		return nil, err
	}
	return disarmed, remove(from, name, copyDepth+1)
}

// mostShown bounds what is listed of a directory.
const mostShown = 1000

// stillDisarmed are the names below a directory that have the suffix.
func stillDisarmed(at int, name string) (names []string) {
	below(at, name, "", func(path string, _ byte) {
		if strings.HasSuffix(path, suffix) {
			names = append(names, path)
		}
	}, disarmDepth, new(int))
	return names
}

// below calls for each name below a directory, and follows no link.
func below(at int, name, path string, do func(path string, kind byte), depth int, count *int) {
	dir, err := openDir(at, name)
	if err != nil || depth == 0 {
		return
	}
	defer unix.Close(dir)
	left := mostShown
	names, kinds, _ := listKinds(dir, &left)
	for i, n := range names {
		if *count++; *count > mostShown {
			return
		}
		do(join(path, n), kinds[i])
		if kinds[i] == unix.DT_DIR {
			below(dir, n, join(path, n), do, depth-1, count)
		}
	}
}

// Content is what was moved aside: the bytes of a file, at most limit, where a link leads, or
// the names below a directory.
func (m Moved) Content(limit int) (kind string, text []byte, names []string, err error) {
	from, name, leave, err := m.open()
	if err != nil {
		return "", nil, nil, err
	}
	defer leave()
	var st unix.Statx_t
	if err = statAt(from, name, &st); err != nil {
		return "", nil, nil, err
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		text, err = readAt(from, name, limit)
		return "file", text, nil, err
	case unix.S_IFLNK:
		target, err := tree{fd: from}.readlink(name)
		return "link", []byte(target), nil, err
	case unix.S_IFDIR:
		below(from, name, "", func(path string, kind byte) {
			if kind == unix.DT_DIR {
				path += "/"
			}
			names = append(names, path)
		}, disarmDepth, new(int))
		return "directory", nil, names, nil
	}
	return "special file", nil, nil, nil
}
