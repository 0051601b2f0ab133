package sandbox

import (
	"path"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// The watch of masks begins when a command has run for a moment, which a short one does not
// pay. git config is as likely to run in that moment as later, so what happens to read-only
// names is reported from before the command, and the watch begins at once when a mask is
// taken off. It takes some microseconds of each start. Before Linux 6.9 it is not done: the
// end of the reports would take milliseconds, see closeLater.

// earlyLimit bounds the names, and so the time.
const earlyLimit = 16

// AwaitGuard waits until names that the host changes are hidden and read-only again at once,
// or the command has ended. Before that it takes some milliseconds. It is for Started.
func (c *Cmd) AwaitGuard() {
	if c.masks == nil || c.process == nil {
		return
	}
	c.masks.begin(c)
	select {
	case <-c.masks.set:
	case <-c.process.Done():
	case <-time.After(maskLimit):
	}
}

// early begins the reports, or does not: what happens early is doubtful then.
func (w *maskWatch) early(names []string) {
	if len(names) == 0 || len(names) > earlyLimit {
		return
	}
	trails, err := newNameTrails(names)
	if err != nil {
		return
	}
	w.trails = trails
	seen := map[string]bool{}
	for _, p := range names {
		if dir := path.Dir(p); !seen[dir] {
			seen[dir] = true
			if trails.watch(dir, dir) != nil {
				w.endEarly()
				return
			}
		}
	}
	w.alarm = newAlarm(names)
}

// earlyNames are the read-only names in the project.
func (s Spec) earlyNames(h Host) (names []string) {
	if s.Project == "" || h.Guard == nil || s.AllowRunLater {
		return nil
	}
	for _, b := range h.Guard.Binds {
		if b.ReadOnly {
			names = append(names, b.Path)
		}
	}
	return names
}

// An alarm is a queue that has a report when a file has lost a name, whoever took it. What
// is done by the names is not in it.
type alarm struct{ fd int }

// newAlarm gives none where there is nothing to report.
func newAlarm(files []string) *alarm {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil
	}
	for _, file := range files {
		_, _ = unix.InotifyAddWatch(fd, file, unix.IN_ATTRIB|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF|unix.IN_DONT_FOLLOW)
	}
	return &alarm{fd}
}

// urgent has the watch begin at once.
func (w *maskWatch) urgent() *userns.Urgent {
	if w == nil || w.alarm == nil {
		return nil
	}
	return &userns.Urgent{FD: w.alarm.fd, Now: func() bool { return len(w.trails.unsettled()) > 0 || !w.alarm.drain() }}
}

// drain takes what was reported, which was no loss of a name but a change of the mode or the
// times.
func (a *alarm) drain() bool {
	var b [4 << 10]byte
	n, err := unix.Read(a.fd, b[:])
	return err == nil && n > 0
}

// endEarly ends the reports that the watch did not take over.
func (w *maskWatch) endEarly() {
	var fds []int
	if w.alarm != nil {
		fds, w.alarm = append(fds, w.alarm.fd), nil
	}
	if w.trails != nil && !w.queued {
		fds, w.trails = append(fds, w.trails.fd), nil
	}
	if len(fds) > 0 {
		closeLater(fds...)
	}
}
