package runlater

import "golang.org/x/sys/unix"

// A directory is moved aside whole. A shell in it, with git in the prompt or
// with direnv, would run what is in it: a .git below .vscode is a repository wherever that
// is. So the names in it that run later get the suffix as well.

// disarmNames and disarmDepth bound the work: what is moved is the attacker's.
const (
	disarmNames = 100_000
	disarmDepth = 64
)

// disarm does so below a name, if it is a directory, and tells whether it came through. It
// follows no link and enters no mount.
func (q *quarantine) disarm(at int, name string) bool {
	var st unix.Statx_t
	if statAt(at, name, &st) != nil {
		return false
	}
	return st.Mode&unix.S_IFMT != unix.S_IFDIR || q.disarmDir(at, name, disarmDepth)
}

func (q *quarantine) disarmDir(at int, name string, depth int) (all bool) {
	closed, err := openAt(at, name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil || depth == 0 {
		return err == unix.ENOENT
	}
	defer unix.Close(closed)
	defer writable(closed)()
	dir, err := openDir(closed, ".")
	if err != nil {
		return false
	}
	defer unix.Close(dir)
	names, kinds, err := listKinds(dir, &q.names)
	if err != nil {
		return false
	}
	var seen marks
	for _, n := range names {
		seen |= mark([]byte(n))
	}
	all = true
	for i, n := range names {
		if armed(n, seen) {
			n, err = suffixed(dir, n)
			all = all && (err == nil || err == unix.ENOENT)
		}
		if kinds[i] == unix.DT_DIR && !q.disarmDir(dir, n, depth-1) {
			all = false
		}
	}
	return all
}

// armed tells whether a name is run or obeyed in the directory that it is in, or leads to
// such names. Without HEAD git takes no directory for a repository.
func armed(name string, seen marks) bool {
	if m := mark([]byte(name)); m == headMark {
		return seen&(objectsMark|refsMark|commonMark|partMark) != 0
	}
	e := listed([]byte(name))
	return e != nil && (e.rule == moved || e.rule == judged || e.rule == leads)
}

// suffixed gives a name in a directory the suffix.
func suffixed(dir int, name string) (as string, err error) {
	for _, as = range []string{name + suffix, random() + suffix} {
		if err = rename(dir, name, dir, as); err == nil {
			return as, nil
		}
		if err != unix.EEXIST && err != unix.ENAMETOOLONG {
			break
		}
	}
	return name, err
}

// listKinds lists a directory, with the kinds of what is in it.
func listKinds(dir int, left *int) (names []string, kinds []byte, err error) {
	r := reader{buf: make([]byte, 8<<10)}
	for {
		name, kind, err := r.next(dir)
		if err != nil || len(name) == 0 {
			return names, kinds, err
		}
		if *left--; *left < 0 {
			return nil, nil, errBudget
		}
		if kind == unix.DT_UNKNOWN {
			kind = typeOf(dir, name)
		}
		names, kinds = append(names, string(name)), append(kinds, kind)
	}
}
