package sandbox

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// settle judges what the host put in the place of read-only files, now that they are
// masked again. A git configuration that the command could write to, and that is not
// harmless, ends the sandbox: the caller's prompt would obey it before the command ends.
//
// The leases come first. What was open for writing before has been reported when it was
// closed, and what says so by the seal.
func (w *maskWatch) settle(masks []mask) {
	leases := w.takeLeases(masks)
	defer leases.release()
	w.trails.seal()
	rested := w.rested()
	defer w.takeRest()
	for _, m := range masks {
		off := w.loose[m.inside]
		delete(w.loose, m.inside)
		if m.how != readOnly || w.guard == nil {
			continue
		}
		trail := w.trails.take(m.outside)
		slept := rested && !trail.early
		if slept {
			trail = untouched
		}
		if off && (!slept || w.isDir(m)) {
			w.expose(m)
		}
		w.judge(m, trail, leases)
		w.refresh(m)
	}
}

// whose tells who can have put there what is at the name of a read-only mask that was off.
func (w *maskWatch) whose(m mask, t trail) runlater.By {
	switch {
	case !w.alone(m):
		return runlater.Anyones
	case t.hosts() && w.sole(m):
		return runlater.Hosts
	}
	return runlater.Perhaps
}

// settleAll takes what is read-only as it is now for the host's, when the command has
// ended: it could not write there. What changed last was perhaps not masked again.
func (w *maskWatch) settleAll(last []nameEvent) {
	w.tellArrived()
	last = append(w.drained, last...)
	for _, m := range w.masks {
		open := !w.isReported(path.Dir(m.outside)) || slices.ContainsFunc(last, func(e nameEvent) bool { return e.all() || below(m.outside, e.path()) })
		switch held := m.how == readOnly && w.guard != nil && !open && !w.loose[m.inside] && w.exposed[m.inside] == nil; {
		case held && w.isDir(m) && w.alone(m):
			w.guard.Hold(m.outside)
		case held && w.sole(m):
			w.guard.Renew(m.outside, runlater.Hosts)
			w.guard.Settle(m.outside)
		case !held && m.how == readOnly && w.guard != nil && !w.isDir(m):
			w.settleLate(w.guard, m)
		}
	}
}

// settleLate is settle for a mask that was perhaps off when the command ended. What Renew
// refuses Check finds.
func (w *maskWatch) settleLate(guard *runlater.Guard, m mask) {
	w.trails.seal()
	t := w.trails.take(m.outside)
	by := w.whose(m, t)
	if w.renew(guard, m, by, t, func() bool { return true }) == "" && by != runlater.Anyones && w.sole(m) {
		guard.Settle(m.outside)
	}
}

// isReported tells whether each change of a name in a directory was seen.
func (w *maskWatch) isReported(dir string) bool {
	if w.events == nil {
		return true // its times were looked at
	}
	for _, reported := range w.events.dirs {
		if reported == dir {
			return true
		}
	}
	return false
}

// arrivedTold is how many names are told that appeared.
const arrivedTold = 3

// tellArrived says what was hidden that was not there. An editor's own is gone by now.
func (w *maskWatch) tellArrived() {
	there := slices.DeleteFunc(w.arrived, func(at string) bool {
		_, err := os.Lstat(w.at(at))
		return err != nil
	})
	if len(there) == 0 {
		return
	}
	told, more := []string{}, ""
	for _, at := range there[:min(len(there), arrivedTold)] {
		told = append(told, hint.Short(at))
	}
	if len(told) < len(there) {
		more = fmt.Sprintf(" and %d more", len(there)-len(told))
	}
	were := "was"
	if len(there) > 1 {
		were = "were"
	}
	next := ""
	if time.Since(w.started) < briefRun && !slices.ContainsFunc(there, func(at string) bool { return slices.Contains(w.outsiders, at) }) {
		next = ", not from the next one (--hide NAME)" // see isCommands
	}
	w.note("%s%s appeared while the command ran, and %s hidden from it%s; --unsafe-expose NAME shows one", strings.Join(told, ", "), more, were, next)
}

// sole tells whether the masked name is the only one by which the command could write to
// the file.
func (w *maskWatch) sole(m mask) bool { return w.alone(m) && onlyName(w.at(m.outside)) }

// alone tells whether no other mount shows the masked name, and the command has no mount
// namespaces of its own, in which masks are not put back. Where it is not alone, the command
// can replace the file as anybody outside can.
func (w *maskWatch) alone(m mask) bool {
	elsewhere := slices.ContainsFunc(w.spec.OCI.Mounts, func(o specs.Mount) bool {
		return isBind(o) && o.Destination != o.Source && below(m.outside, w.host.real(o.Source)) && !slices.Contains(o.Options, "ro")
	})
	return !w.spec.UserNS && !elsewhere
}
