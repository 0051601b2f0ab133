package sandbox

import (
	"errors"
	"maps"
	"path"
	"time"

	"golang.org/x/sys/unix"
)

// The kernel reports the names in a directory only to a process that may read it
// (inotify_add_watch(2)). The command has the supervisor's own user id, so it can take that
// away from a directory of its own.

// A closedError is a directory to which the command has closed the supervisor.
type closedError struct{ dir string }

func (e closedError) Error() string {
	return e.dir + " may not be read any more, so the names in it cannot be watched"
}

// watchTries is how often a directory is watched that may be read, if its mode is true. A
// security module may still forbid it.
const watchTries = 10

// watchDirectory has the names of one directory reported. If the command can have closed
// it, that ends the sandbox.
func (w *maskWatch) watchDirectory(events *nameEvents, dir string) (err error) {
	for range watchTries {
		if err = errors.Join(events.watch(dir, w.at(dir)), w.trails.watch(dir, w.at(dir))); !errors.Is(err, unix.EACCES) {
			return err
		}
		switch closed, commands := w.closed(dir); {
		case closed && commands:
			return closedError{dir}
		case closed:
			w.unreported = append(w.unreported, dir)
			return nil
		}
	}
	return err
}

// closed tells whether permissions keep the supervisor from reading a directory, and whether
// the command can change those.
func (w *maskWatch) closed(dir string) (closed, commands bool) {
	for at, below := w.at(dir), false; ; at, below = path.Dir(at), true {
		var st unix.Stat_t
		switch err := unix.Stat(at, &st); {
		case err == unix.EACCES && at != "/":
			continue
		case err != nil:
			return false, false
		}
		need := uint32(unix.R_OK)
		if below { // it may not be entered
			need = unix.X_OK
		}
		return unix.Faccessat(unix.AT_FDCWD, at, need, unix.AT_EACCESS) == unix.EACCES, w.host.commands(st.Uid)
	}
}

// idle is how long the watch waits when nothing changes.
const idle = 10 * time.Second

func (w *maskWatch) patience() time.Duration {
	most := idle
	switch {
	case w.awaitsRest():
		most = time.Millisecond
	case len(w.unreported) > 0:
		most = lookEvery
	}
	return min(most, w.untilAsked())
}

// lookAtUnreported restores masks where only times tell of changes.
func (w *maskWatch) lookAtUnreported() {
	if len(w.unreported) == 0 {
		return
	}
	if now := w.changes(w.unreported); !maps.Equal(now, w.unreportedTimes) {
		w.unreportedTimes = now
		w.restoreAll()
	}
}
