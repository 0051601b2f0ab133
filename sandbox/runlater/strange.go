package runlater

import (
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// The list of names that run later is never complete. So a hidden name that is new
// at a top, and on no list, is reported: it may be the next tool's.

// StrangeWhy is for a name that no list has.
const StrangeWhy = "no known tool runs it"

// changedWhy is for one that was there.
const changedWhy = "it was changed, and may be a tool's settings"

// hidden keeps a name of the project's top, for strange.
func (f *finder) hidden(n []byte) {
	if n[0] == '.' || unguarded(n) != nil {
		f.g.hidden = append(f.g.hidden, string(n))
	}
}

// strange reports a hidden name that is new, and settings of known tools, or that look like
// settings, where they are new or changed. In a directory that is new itself, as a clone is,
// nothing stands out.
func (w *walker) strange(f *frame, n []byte, known bool) {
	e := unguarded(n)
	if e == nil && n[0] != '.' || e != nil && e.rule == quietly {
		return
	}
	what, why := Created, StrangeWhy
	if e != nil {
		why = e.why
	}
	top := w.g.project && w.index == 0 && len(w.path) == 0
	if top && !contained(w.g.hidden, string(n)) {
		w.unknown(n, what, why)
		return
	}
	var dir unix.Statx_t
	if !known && !w.look(f.fd, n) {
		return
	}
	if what = w.what(f.fd, n); what != Created || top {
		if e == nil && !looksSettings(string(n)) || w.st.Mode&unix.S_IFMT == unix.S_IFDIR || !w.touched(f.fd, n, &w.st) {
			return
		}
		if e == nil {
			why = changedWhy
		}
		what = Changed
	}
	if !top && (statFD(f.fd, &dir) != nil || w.bornByClock(&dir)) {
		return
	}
	w.unknown(n, what, why)
}

// unguarded finds the entry of a name that is not moved, or nil.
func unguarded(n []byte) *name {
	var room [nameMax]byte
	return quiet[0].find(fold(room[:0], n))
}

// looksSettings tells hidden settings by their names. Programs keep their state in JSON as
// often, and rewrite it.
func looksSettings(n string) bool {
	ext := filepath.Ext(n[1:])
	return strings.HasSuffix(n, "rc") || ext != ".json" && ext != ".xml" && settingsFile(n) || loadable(n)
}

func (w *walker) unknown(n []byte, what What, why string) {
	if len(w.r.Unknown) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.Unknown = append(w.r.Unknown, Finding{Root: w.roots[w.index].path, Path: w.at(n), What: what, Why: why})
}
