package sandbox

import (
	"path"
	"time"

	"golang.org/x/sys/unix"
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

// early begins the reports, or does not: what happens early is doubtful then. The host's
// paths are those of files that are read-only, and of others that are hidden.
func (w *maskWatch) early(readOnly, hidden []string) {
	if n := len(readOnly) + len(hidden); n == 0 || n > earlyLimit {
		return
	}
	if len(readOnly) > 0 {
		trails, err := newNameTrails(readOnly)
		if err != nil {
			return
		}
		w.trails = trails
		seen := map[string]bool{}
		for _, p := range readOnly {
			if dir := path.Dir(p); !seen[dir] {
				seen[dir] = true
				if trails.watch(dir, dir) != nil {
					w.endEarly()
					return
				}
			}
		}
	}
	w.alarm = newAlarm(append(readOnly, hidden...))
}

// earlyNames are the read-only and the hidden names in the project.
func (s Spec) earlyNames(h Host) (readOnly, hidden []string) {
	if s.Project == "" || h.Guard == nil {
		return nil, nil
	}
	if !s.AllowRunLater {
		for _, b := range h.Guard.Binds {
			if b.ReadOnly {
				readOnly = append(readOnly, b.Path)
			}
		}
	}
	for _, name := range h.ProjectNames {
		hidden = append(hidden, path.Join(s.Project, name))
	}
	return readOnly, hidden
}

// newAlarm opens a queue that has a report when a file loses a name or changes its mode, and
// none when it is read or written. Without inotify instances it returns 0.
func newAlarm(files []string) (fd int) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return 0
	}
	for _, file := range files {
		_, _ = unix.InotifyAddWatch(fd, file, unix.IN_ATTRIB|unix.IN_MOVE_SELF|unix.IN_DELETE_SELF|unix.IN_DONT_FOLLOW) // it may be gone
	}
	return fd
}

// urgent has the watch begin at once.
func (w *maskWatch) urgent() int {
	if w == nil {
		return 0
	}
	return w.alarm
}

// endAlarm gives back what the alarm takes: of its kind a user has 128.
func (w *maskWatch) endAlarm() {
	if w.alarm != 0 {
		closeLater(w.alarm)
		w.alarm = 0
	}
}

// endEarly ends the reports that the watch did not take over.
func (w *maskWatch) endEarly() {
	var fds []int
	if w.alarm != 0 {
		fds, w.alarm = append(fds, w.alarm), 0
	}
	if w.trails != nil && !w.queued {
		fds, w.trails = append(fds, w.trails.fd), nil
	}
	if len(fds) > 0 {
		closeLater(fds...)
	}
}
