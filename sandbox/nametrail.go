package sandbox

import (
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// A trail is what happened to a name while its mask was off. It tells what the command can
// have done in that moment.
type trail struct {
	arrivals int  // how often another file came to the name
	renamed  bool // by a rename of a file that one process had made, opened and closed
	alone    bool // and no other name beside it changed meanwhile, and since
	changes  int  // of the names beside it, when it came
	early    bool // which was there when the command was seen to rest
	departed bool
	opened   bool
	written  bool
	slept    bool // every thread of the sandbox slept meanwhile
}

// hosts tells that what is at the name came from the host, whole: while the mask was on the
// command could put nothing there, so the first arrival is not the command's.
func (t trail) hosts() bool { return t.arrivals == 1 && t.renamed && !t.departed && !t.written }

// untouched is a trail that the command has no part in.
var untouched = trail{arrivals: 1, renamed: true, slept: true}

// add adds what was reported, and the draft that came by a rename.
func (t *trail) add(mask uint32, d draft) {
	switch {
	case mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0:
		t.arrivals++
		t.renamed, t.opened, t.written = mask&unix.IN_MOVED_TO != 0 && d.whole(), false, false
		t.early, t.alone = t.early || d.early, d.alone
	case mask&(unix.IN_MOVED_FROM|unix.IN_DELETE) != 0:
		t.departed = true
	case mask&(unix.IN_MODIFY|unix.IN_CLOSE_WRITE) != 0: // by a mapping, only the latter
		t.written = true
	default:
		t.opened = true
	}
}

// nameTrails keeps the trails of names by a second queue of reports. It also has what is
// opened, which is too often to wake anybody: it is read when a name has changed, and now
// and then, so that it does not overflow.
//
// Reports have no times. What came before the mask was back is told by a report of our own,
// which the kernel puts in the same queue: that a watch has ended.
//
// A file that comes to a name by a rename was another name's before: config.lock is no
// mask's, and the command can open it and write to it until git renames it: see drafts.
type nameTrails struct {
	inotify
	drafts
	marker     int32
	now, until map[string]*trail // since the last seal; what it sealed, and nobody took
}

const trailMask = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_OPEN | unix.IN_MODIFY |
	unix.IN_CLOSE_WRITE | unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

func newNameTrails(paths []string) (*nameTrails, error) {
	t := &nameTrails{now: map[string]*trail{}, until: map[string]*trail{}, drafts: newDrafts()}
	t.follow(paths)
	if err := t.open(trailMask); err != nil {
		return nil, err
	}
	return t, nil
}

// follow keeps the trails of more names.
func (t *nameTrails) follow(paths []string) {
	for _, p := range paths {
		if t.now[p] == nil {
			t.now[p], t.until[p] = &trail{}, &trail{}
		}
	}
}

// read takes what was reported until now.
func (t *nameTrails) read() {
	if t == nil {
		return
	}
	t.each(func(e nameEvent) {
		if e.mask&unix.IN_Q_OVERFLOW != 0 {
			t.lose()
		}
		if e.mask&unix.IN_IGNORED != 0 && e.watch == t.marker {
			for p, now := range t.now {
				until := t.until[p]
				until.merge(*now)
				until.alone = until.alone && until.changes == t.changes[path.Dir(p)]
				*now = trail{}
			}
			return
		}
		t.count(e)
		at := e.path()
		now := t.now[at]
		if now != nil {
			now.add(e.mask, t.came(e))
			if e.arrived() {
				now.changes = t.changes[e.dir]
			}
		}
		t.drafts.add(e, at, now != nil)
	})
}

// merge adds what happened later.
func (t *trail) merge(later trail) {
	t.arrivals += later.arrivals
	t.departed = t.departed || later.departed
	if later.arrivals > 0 {
		t.renamed, t.alone, t.changes = later.renamed, later.alone, later.changes
	}
	t.early = t.early || later.early
	t.opened, t.written = t.opened || later.opened, t.written || later.written
}

// lose is for reports that were lost: the command may have done anything.
func (t *nameTrails) lose() {
	t.drafts.lose()
	for _, now := range t.now {
		now.opened, now.written = true, true
	}
}

// seal parts what has happened from what will: masks are on again.
func (t *nameTrails) seal() {
	if t == nil {
		return
	}
	id, err := unix.InotifyAddWatch(t.fd, "/dev/null", unix.IN_DELETE_SELF)
	if err == nil {
		t.marker = int32(id)
		_, err = unix.InotifyRmWatch(t.fd, uint32(id))
	}
	if err != nil {
		t.lose()
	}
	t.read()
}

// unsettled are the names that another file came to, and that nobody took.
func (t *nameTrails) unsettled() (paths []string) {
	if t == nil {
		return nil
	}
	t.read()
	for p, now := range t.now {
		if now.arrivals > 0 || t.until[p].arrivals > 0 {
			paths = append(paths, p)
		}
	}
	return paths
}

// early tells whether what came to a name was there before the command was seen to rest.
func (t *nameTrails) early(at string) bool {
	return t != nil && t.until[at] != nil && (t.until[at].early || t.now[at].early)
}

// rest notes that a rest begins.
func (t *nameTrails) rest() {
	if t != nil {
		t.drafts.rested()
	}
}

// take gives the trail of a path up to the last seal.
func (t *nameTrails) take(path string) trail {
	if t == nil || t.until[path] == nil {
		return trail{opened: true, written: true}
	}
	got := *t.until[path]
	*t.until[path] = trail{}
	return got
}

// onlyName tells whether a file has no name but one.
func onlyName(at string) bool {
	info, err := os.Lstat(at)
	return err == nil && info.Mode().IsRegular() && !severalNames(info)
}
