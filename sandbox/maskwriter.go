package sandbox

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// In the moment in which a mask is off the command can open the file. A descriptor outlives
// the moment, and so does a mapping, which writes without a report (inotify(7), mmap(2)). One
// with O_PATH opens the file again, past the mask, whenever the command wants.
//
// So a file whose mask was off is the host's only if nobody has it open for writing when the
// mask is back, and from then on all that is written to it is doubtful.

// An exposure is a read-only name whose mask was off while the command did not sleep.
type exposure struct {
	blind bool          // its use is not reported, or leases are not to be had
	at    time.Time     // when it was last looked whether it is open
	next  time.Time     // when that is looked at again, or zero
	wait  time.Duration // between the last two
	since time.Time     // since when it is open for writing, or zero
	told  bool          // for so long that it is reported
}

// An open file is looked at every 10 ms, and later every 50. A git configuration that is open
// for writing longer than heldLimit ends the sandbox: git closes before it renames.
const (
	askFirst  = 10 * time.Millisecond
	askLast   = 50 * time.Millisecond
	askBlind  = 100 * time.Millisecond
	heldLimit = 2 * time.Second
)

// useMask are the uses of a file that are reported. A mapping is told by the open before it.
const useMask = unix.IN_MODIFY | unix.IN_OPEN | unix.IN_CLOSE_WRITE

func (w *maskWatch) expose(m mask) {
	if w.exposed[m.inside] == nil {
		w.exposed[m.inside] = &exposure{}
	}
}

// leases are on read-only files, by their paths inside.
type leases map[string]asking

type asking struct {
	lease
	err error
}

// takeLeases has nobody write to files while they are judged.
func (w *maskWatch) takeLeases(masks []mask) leases {
	all := leases{}
	for _, m := range masks {
		if m.how != readOnly || w.guard == nil || !w.loose[m.inside] && w.exposed[m.inside] == nil || w.isDir(m) {
			continue
		}
		if _, asked := all[m.inside]; !asked {
			l, err := takeLease(w.at(m.outside))
			all[m.inside] = asking{l, err}
		}
	}
	return all
}

func (l leases) release() {
	for _, is := range l {
		if is.err == nil {
			is.release()
		}
	}
}

// judge tells the guard whose doing it is that a file is at a name.
func (w *maskWatch) judge(m mask, t trail, all leases) {
	by, e := w.whose(m, t), w.exposed[m.inside]
	is, asked := all[m.inside]
	still := func() bool { return true }
	if e != nil && asked {
		if is.err != nil && by == runlater.Hosts {
			by = runlater.Perhaps
		}
		if is.err == nil {
			still = func() bool { return is.at(w.at(m.outside)) }
		}
		w.useReported(m, e, is.err == nil || is.err == errWriter)
	}
	bad := w.renew(w.guard, m, by, t, still)
	if e != nil && asked {
		w.asked(m, e, is.err)
	}
	if bad != "" && !w.clean(m) {
		w.fail(fmt.Errorf("%s was replaced outside, and changed while the command could write to it for a moment: %s", m.outside, bad), w.kill)
	}
}

// useReported has the use of an exposed file reported from now on. Where no lease is to be
// had, every look would be reported as a use that may be a writer's.
func (w *maskWatch) useReported(m mask, e *exposure, leased bool) {
	uses := uint32(unix.IN_MODIFY)
	if leased {
		uses = useMask
	}
	e.blind = w.events == nil || !w.events.watchFor(m.outside, w.at(m.outside), uses) || !leased
}

// drain drops the reports of our own reading. Nobody could open the file for writing
// meanwhile, and who had it open before has closed it, which is reported.
func (w *maskWatch) drain(m mask) {
	if w.events == nil {
		return
	}
	for _, c := range w.events.read() {
		if c.path() != m.outside || c.mask != unix.IN_OPEN {
			w.drained = append(w.drained, c)
		}
	}
}

// asked notes what a lease has told of an exposed file, and when to look again.
func (w *maskWatch) asked(m mask, e *exposure, err error) {
	e.at, e.next = time.Now(), time.Time{}
	if e.blind {
		e.next = e.at.Add(askBlind)
	}
	switch {
	case errors.Is(err, unix.ENOENT):
		e.next = time.Time{} // what comes there is reported
	case err == nil:
		e.since, e.wait = time.Time{}, 0
		w.drain(m)
	case err == errWriter:
		if e.since.IsZero() {
			e.since = e.at
		}
		e.wait = min(max(askFirst, e.wait*3/2), askLast)
		e.next = e.at.Add(e.wait)
		if e.at.Sub(e.since) > heldLimit {
			w.heldTooLong(m, e)
		}
	}
}

func (w *maskWatch) heldTooLong(m mask, e *exposure) {
	switch {
	case w.guard.Configuration(m.outside):
		w.fail(fmt.Errorf("a process of the sandbox keeps %s open for writing", hint.Short(m.outside)), w.kill)
	case !e.told:
		e.told = true
		w.guard.Doubt(m.outside)
	}
	e.next = e.at.Add(askBlind)
}

// usedExposed tells whether a report is of the use of an exposed file, which is looked at
// soon: the command may open it any number of times.
func (w *maskWatch) usedExposed(c nameEvent, at string) bool {
	if c.mask&useMask == 0 || len(w.exposed) == 0 {
		return false
	}
	used := false
	for _, m := range w.masks {
		if e := w.exposed[m.inside]; e != nil && m.outside == at {
			if used = true; e.next.IsZero() {
				e.next = e.at.Add(askFirst)
			}
		}
	}
	return used
}

// untilAsked is how long nothing is to be looked at.
func (w *maskWatch) untilAsked() time.Duration {
	first := time.Now().Add(idle)
	for _, e := range w.exposed {
		if !e.next.IsZero() && e.next.Before(first) {
			first = e.next
		}
	}
	if len(w.drained) > 0 {
		return 0
	}
	return max(0, time.Until(first)) + time.Millisecond // it is cut to milliseconds
}

// askAgain judges the exposed files that are due. Most were only read.
func (w *maskWatch) askAgain() {
	now := time.Now()
	var due []mask
	for _, m := range w.masks {
		e := w.exposed[m.inside]
		if e == nil || e.next.After(now) || e.next.IsZero() && w.events != nil || w.isDir(m) {
			continue
		}
		if !w.unchanged(m, e) {
			due = append(due, m)
		}
	}
	if len(due) > 0 {
		w.settle(due)
	}
}

// exposedSame tells whether all exposed files are as they were judged.
func (w *maskWatch) exposedSame() bool {
	return len(w.exposed) == 0 || !slices.ContainsFunc(w.masks, func(m mask) bool {
		return w.exposed[m.inside] != nil && !w.isDir(m) && !w.guard.Same(m.outside)
	})
}

// unchanged tells whether an exposed file is as it was judged, which most are: they were read.
func (w *maskWatch) unchanged(m mask, e *exposure) bool {
	l, err := takeLease(w.at(m.outside))
	if err == nil {
		defer l.release()
	}
	if !w.guard.Same(m.outside) {
		return false
	}
	w.asked(m, e, err)
	return true
}
