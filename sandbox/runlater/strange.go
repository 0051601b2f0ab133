package runlater

import "golang.org/x/sys/unix"

// The list of names that run later is never complete. So a hidden name that is new
// at a top, and on no list, is reported: it may be the next tool's.

// strangeWhy is for a name that no list has.
const strangeWhy = "no known tool runs it"

// hidden keeps a name of the project's top, for strange.
func (f *finder) hidden(n []byte) {
	if n[0] == '.' {
		f.g.hidden = append(f.g.hidden, string(n))
	}
}

// strange reports a hidden name that is new. In a directory that is new itself, as a
// clone is, nothing stands out.
func (w *walker) strange(f *frame, n []byte, known bool) {
	if n[0] != '.' {
		return
	}
	var room [nameMax]byte
	e := quiet[0].find(fold(room[:0], n))
	if e != nil && e.rule == quietly {
		return
	}
	if w.g.project && w.index == 0 && len(w.path) == 0 {
		if contained(w.g.hidden, string(n)) {
			return
		}
	} else {
		var top unix.Statx_t
		if !known && !w.look(f.fd, n) || w.what(f.fd, n) != Created || statFD(f.fd, &top) != nil || w.bornByClock(&top) {
			return
		}
	}
	why := strangeWhy
	if e != nil {
		why = e.why
	}
	w.unknown(n, why)
}

func (w *walker) unknown(n []byte, why string) {
	if len(w.r.Unknown) >= reportLimit {
		w.overflow = true
		return
	}
	w.r.Unknown = append(w.r.Unknown, Finding{Root: w.roots[w.index].path, Path: w.at(n), What: Created, Why: why})
}
