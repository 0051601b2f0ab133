package sandbox

import (
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/runlater"
)

// What is done to a draft by another name is not reported: the command links config.lock into
// a directory that is not watched, opens it there, writes behind what git writes, and removes
// the name. The directory tells that one was made and removed, by its time. A link cannot lead
// to another mount (link(2)), and the directory of a configuration is one.

// renew is Guard.RenewStill. Settings that git runs something for are the host's only if the
// draft had no other name, which is looked at when there are some.
func (w *maskWatch) renew(guard *runlater.Guard, m mask, by runlater.By, t trail, still func() bool) (bad string) {
	if by != runlater.Hosts || t.slept || !guard.Configuration(m.outside) {
		return guard.RenewStill(m.outside, by, still)
	}
	bad = guard.RenewStill(m.outside, runlater.Perhaps, still)
	if bad != "" && t.alone && w.hadOneName(guard, m) {
		bad = guard.RenewStill(m.outside, runlater.Hosts, still)
	}
	return bad
}

// placesLimit bounds the directories that are looked at, and so the time.
const placesLimit = 4096

// hadOneName tells whether no directory that could have had another name of a new file was
// changed since the file was made. What happened in its own is reported.
func (w *maskWatch) hadOneName(guard *runlater.Guard, m mask) bool {
	var st unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, w.at(m.outside), unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BTIME, &st)
	if err != nil || st.Mask&unix.STATX_BTIME == 0 {
		return false
	}
	mount := ""
	for _, b := range slices.Concat(guard.Binds, guard.Shown) {
		if !b.ReadOnly && b.Path != m.outside && below(m.outside, b.Path) && len(b.Path) > len(mount) {
			mount = b.Path
		}
	}
	apart := func(dir string) bool {
		return dir != mount && slices.ContainsFunc(guard.Binds, func(b runlater.Bind) bool { return b.Path == dir })
	}
	q := quiet{since: st.Btime, except: path.Dir(m.outside), left: placesLimit}
	return mount != "" && q.below(w, mount, apart)
}

// quiet tells whether directories were changed.
type quiet struct {
	since  unix.StatxTimestamp
	except string
	left   int
}

// below looks at a directory when its names are known: one that is moved before its turn is
// missing then, or has changed this one before.
func (q *quiet) below(w *maskWatch, dir string, apart func(string) bool) bool {
	fd, err := unix.Open(w.at(dir), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if q.left--; err != nil || q.left < 0 {
		return false
	}
	all := listed(fd)
	var st unix.Statx_t
	err = unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_CTIME, &st)
	unix.Close(fd)
	if err != nil || dir != q.except && !earlier(st.Ctime, q.since) {
		return false
	}
	for _, e := range all {
		at := path.Join(dir, e.name)
		if e.kind == unix.DT_UNKNOWN || e.kind == unix.DT_DIR && !apart(at) && !q.below(w, at, apart) {
			return false
		}
	}
	return true
}

func earlier(a, b unix.StatxTimestamp) bool {
	return a.Sec < b.Sec || a.Sec == b.Sec && a.Nsec < b.Nsec
}
