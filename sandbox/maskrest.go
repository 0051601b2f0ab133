package sandbox

import (
	"path"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/procs"
)

// A mask that is off is a moment in which the command can write to what the host put there.
// A server that waits for requests, or an agent for its model, has done nothing in it: then
// what is there is the host's, however often that replaced it.

// restEvery is how often it is looked whether all sleep, at most.
const restEvery = 20 * time.Millisecond

// watchRest begins to look. Where the command's processes cannot be seen, nothing is known.
func (w *maskWatch) watchRest() {
	w.procs, _ = procs.At(w.root)
	w.takeRest()
}

// takeRest notes how often each thread has run, if all sleep. While it is not known whose a
// file is that came to a name before that, the last note holds: the command may have opened
// it (O_PATH is not reported, inotify(7)), and sleep since. It may have a draft, too, or have
// written to a file that is exposed, which is still to be judged.
func (w *maskWatch) takeRest() {
	if w.procs == nil {
		return
	}
	w.restAt = time.Now()
	rest, ok := w.procs.Resting()
	if !ok {
		return
	}
	if w.rest.Same(rest) {
		return
	}
	if len(w.trails.unsettled()) > 0 || !w.exposedSame() {
		return
	}
	w.trails.rest()
	w.rest = rest
}

// calmTries is how often calm looks, a millisecond apart. A command that has run for
// calmFor is one that works.
const (
	calmTries = 500
	calmFor   = 20 * time.Millisecond
)

// calm waits for the first rest: a command that is just being executed does not sleep, and
// the developer's next command may come at once.
func (w *maskWatch) calm() bool {
	if !w.awaitsRest() {
		return true
	}
	w.calms++
	if w.takeRest(); w.rest == nil && w.procs.Ran() > calmFor {
		w.calms = calmTries
	}
	return !w.awaitsRest()
}

func (w *maskWatch) awaitsRest() bool { return w.rest == nil && w.procs != nil && w.calms < calmTries }

// foresees takes a rest when a file is made beside a read-only name: it may be what will
// replace that.
func (w *maskWatch) foresees(events []nameEvent) {
	if w.procs == nil || time.Since(w.restAt) < restEvery {
		return
	}
	made := func(e nameEvent) bool {
		return e.mask&unix.IN_CREATE != 0 && slices.ContainsFunc(w.masks, func(m mask) bool { return m.how == readOnly && path.Dir(m.outside) == e.dir })
	}
	if slices.ContainsFunc(events, made) {
		w.takeRest()
	}
}

// acceptRested takes what is at names whose masks are off for the host's, if the command has
// slept until now. To mask them takes time, and it may wake meanwhile.
func (w *maskWatch) acceptRested(open []mask) {
	if w.guard == nil || w.rest == nil {
		return
	}
	w.trails.seal()
	if !w.rested() {
		return
	}
	for _, m := range open {
		if m.how == readOnly && !w.trails.early(m.outside) && w.alone(m) && w.sole(m) && w.guard.RenewIf(m.outside, w.rested) {
			w.trails.take(m.outside)
		}
	}
}

// rested tells whether the command has done nothing since takeRest.
func (w *maskWatch) rested() bool {
	if w.rest == nil {
		return false
	}
	now, ok := w.procs.Resting()
	return ok && w.rest.Same(now)
}
