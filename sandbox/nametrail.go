package sandbox

import (
	"os"

	"golang.org/x/sys/unix"
)

// A trail is what happened to a name since it was last known to be masked. It tells whether
// anybody opened the file that the host put there before the mask was back.
type trail struct {
	arrivals int // how often another file came to the name
	renamed  bool
	departed bool
	opened   bool
}

// clean tells that the name got one whole file, by rename, and that nobody opened it
// since: so the command did not.
func (t trail) clean() bool { return t.arrivals == 1 && t.renamed && !t.departed && !t.opened }

func (t *trail) add(mask uint32) {
	switch {
	case mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0:
		t.arrivals++
		t.renamed, t.opened = mask&unix.IN_MOVED_TO != 0, false
	case mask&(unix.IN_MOVED_FROM|unix.IN_DELETE) != 0:
		t.departed = true
	default:
		t.opened = true
	}
}

// nameTrails keeps the trails of names by a second queue of reports. It also has what is
// opened, which is too often to wake anybody: it is read when a name has changed, and now
// and then, so that it does not overflow.
type nameTrails struct {
	inotify
	trails map[string]*trail // by path; the names of interest
	lost   bool
}

const trailMask = unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE | unix.IN_OPEN | unix.IN_MODIFY |
	unix.IN_ONLYDIR | unix.IN_EXCL_UNLINK

func newNameTrails(paths []string) (*nameTrails, error) {
	t := &nameTrails{trails: map[string]*trail{}}
	for _, p := range paths {
		t.trails[p] = &trail{}
	}
	return t, t.open(trailMask)
}

// read takes what was reported until now.
func (t *nameTrails) read() {
	t.each(func(e nameEvent) {
		if e.mask&unix.IN_Q_OVERFLOW != 0 {
			t.lost = true
		}
		if trail := t.trails[e.path()]; trail != nil {
			trail.add(e.mask)
		}
	})
}

// take gives the trail of a path and begins a new one.
func (t *nameTrails) take(path string) trail {
	if t == nil || t.trails[path] == nil {
		return trail{opened: true}
	}
	t.read()
	got := *t.trails[path]
	*t.trails[path] = trail{}
	got.opened = got.opened || t.lost
	return got
}

// onlyName tells whether a file has no name but one.
func onlyName(at string) bool {
	info, err := os.Lstat(at)
	return err == nil && info.Mode().IsRegular() && !severalNames(info)
}
