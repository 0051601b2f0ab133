package runlater

import (
	"crypto/sha256"
	"slices"

	"golang.org/x/sys/unix"
)

// A write through a mapping may change no time: the page was written to before, or the file
// is in memory (shmem has no page_mkwrite). So what Renew takes for the host's is compared by
// its content too.

// seen is what a file was when Renew read it.
type seen struct {
	mode uint16
	sum  [sha256.Size]byte
}

// seenLimit bounds the file. Instructions, settings and configurations are far smaller.
const seenLimit = 16 << 20

// see reads a file, or gives nil for what cannot be read or is no file.
func see(dir int, name string, st *unix.Statx_t) *seen {
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil
	}
	text, err := readAt(dir, name, seenLimit)
	if err != nil {
		return nil
	}
	return &seen{st.Mode, sha256.Sum256(text)}
}

// unchanged tells whether a watched path is what it was: by its identity, or, where Renew has
// read it, by what the same file says.
func (e *watched) unchanged(dir int, name string, st *unix.Statx_t) bool {
	if e.seen == nil {
		return e.id == identify(st)
	}
	return e.id.object() == identify(st).object() && e.says(dir, name, st)
}

// says tells whether a watched path says what Renew has read, if it has.
func (e *watched) says(dir int, name string, st *unix.Statx_t) bool {
	if e.seen == nil {
		return true
	}
	now := see(dir, name, st)
	return now != nil && *now == *e.seen
}

// Same tells whether a path is what it was when it was renewed last, or before the run, or is
// not guarded.
func (g *Guard) Same(path string) bool {
	index, rel := g.locate(path)
	if index < 0 || g.watch(index, rel) == nil {
		return true
	}
	e, dir, name, ok := g.openGuarded(index, rel)
	if !ok {
		return false
	}
	defer unix.Close(dir)
	var st unix.Statx_t
	return statAt(dir, name, &st) == nil && e.unchanged(dir, name, &st)
}

// Configuration tells whether a guarded path is a git configuration.
func (g *Guard) Configuration(path string) bool {
	index, rel := g.locate(path)
	if index < 0 {
		return false
	}
	e := g.watch(index, rel)
	return e != nil && e.content == configuration
}

// writerWhy is why a path is reported that stayed open.
const writerWhy = "it was replaced outside while the command ran, and a process kept it open for writing since"

// Doubt has a guarded path reported at the end, whatever it says: a process that the command
// may have started has it open for writing.
func (g *Guard) Doubt(path string) {
	if index, rel := g.locate(path); index >= 0 && g.watch(index, rel) != nil {
		g.doubt(index, rel, writerWhy)
	}
}

// RenewStill is Renew for a file that nobody can write to until it returns. If another file is
// at the path by then, which still tells, nothing is renewed.
func (g *Guard) RenewStill(path string, by By, still func() bool) (bad string) {
	index, rel := g.locate(path)
	if index < 0 {
		return ""
	}
	e, b := g.watch(index, rel), g.roots[index].base
	if e == nil {
		return ""
	}
	before := *e
	before.allowed = slices.Clip(before.allowed)
	var known content256
	if b != nil {
		known = b.known[rel]
	}
	if bad = g.Renew(path, by); still() {
		return bad
	}
	if *e = before; b != nil {
		b.known[rel] = known
	}
	return ""
}
