package sandbox

import (
	"time"

	"golang.org/x/sys/unix"
)

// A draft is a new file that may come to a name by a rename. What one process makes, and no
// other has written to, is opened once and closed once before that.
type draft struct {
	opened, closed int
	early          bool // it was there when the command was seen to rest
	remade         bool // another of its name was taken away a moment ago
	changes        int  // of names in its directory, when it was made
	alone          bool // and none since
}

func (d draft) whole() bool { return d.opened == 1 && d.closed == 1 && !d.remade }

// drafts are those that are known, by their paths.
//
// The command can take git's config.lock away and make its own in its place, which git
// renames then. So what is made again is not one process's own, for a while. A file that is
// taken away while it is open may be waited for: an open of git's can last, see takeLease.
type drafts struct {
	known    map[string]*draft
	gone     map[string]time.Time // when they were taken away, or zero if they were open
	changes  map[string]int       // how often a name in a directory changed
	lost     time.Time            // when there were too many
	never    bool                 // some of those were open
	leaving  uint32               // the cookie of what is being renamed
	left     draft                // and what it was
	leftFrom string
}

func newDrafts() drafts {
	return drafts{known: map[string]*draft{}, gone: map[string]time.Time{}, changes: map[string]int{}}
}

// draftLimit bounds the new files that are known. The command can make any number.
const draftLimit = 1024

// remadeWithin is how long a name that was taken away is remembered.
const remadeWithin = 2 * time.Second

// count counts a change of a name.
func (d *drafts) count(e nameEvent) {
	if e.mask&(unix.IN_CREATE|unix.IN_MOVED_TO|unix.IN_MOVED_FROM|unix.IN_DELETE) != 0 {
		d.changes[e.dir]++
	}
}

// add adds what was reported of a path.
func (d *drafts) add(e nameEvent, at string, masked bool) {
	is := d.known[at]
	switch {
	case e.mask&unix.IN_CREATE != 0 && !masked && e.mask&unix.IN_ISDIR == 0:
		if len(d.known) >= draftLimit {
			clear(d.known)
		}
		d.known[at] = &draft{remade: d.remade(at), changes: d.changes[e.dir]}
	case e.mask&unix.IN_OPEN != 0 && is != nil:
		is.opened++
	case e.mask&unix.IN_CLOSE_WRITE != 0 && is != nil:
		is.closed++
	case e.mask&unix.IN_MOVED_FROM != 0:
		d.leaving, d.left, d.leftFrom = e.cookie, draft{early: true}, at
		if is != nil {
			d.left = *is
			d.left.alone = d.changes[e.dir] == is.changes+1
		}
		d.takeAway(at, masked)
	case e.mask&unix.IN_MOVED_TO != 0:
		delete(d.known, at)
		if masked && e.cookie == d.leaving {
			delete(d.gone, d.leftFrom) // as git does
		}
	case e.mask&unix.IN_DELETE != 0:
		d.takeAway(at, masked)
	}
}

// came is the draft that a report says to have come to another name. What is not known is
// older, or is from a directory that is not watched.
func (d *drafts) came(e nameEvent) draft {
	switch {
	case e.mask&unix.IN_MOVED_TO == 0:
		return draft{}
	case e.cookie == d.leaving:
		return d.left
	}
	return draft{early: true}
}

func (d *drafts) takeAway(at string, masked bool) {
	is := d.known[at]
	delete(d.known, at)
	if masked {
		return
	}
	if len(d.gone) >= draftLimit {
		d.forget()
	}
	if is != nil && is.opened > is.closed {
		d.gone[at] = time.Time{}
	} else if when, known := d.gone[at]; !known || !when.IsZero() {
		d.gone[at] = time.Now()
	}
}

// forget makes room. Where there is none, all that is made for a while is doubtful.
func (d *drafts) forget() {
	open := false
	for at, when := range d.gone {
		if open = open || when.IsZero(); !when.IsZero() && time.Since(when) > remadeWithin {
			delete(d.gone, at)
		}
	}
	if len(d.gone) >= draftLimit {
		clear(d.gone)
		d.lost, d.never = time.Now(), d.never || open
	}
}

func (d *drafts) remade(at string) bool {
	when, known := d.gone[at]
	return known && (when.IsZero() || time.Since(when) < remadeWithin) || d.never || time.Since(d.lost) < remadeWithin
}

// rested notes that the drafts are older than a rest: the command may have opened them before.
func (d *drafts) rested() {
	for _, is := range d.known {
		is.early = true
	}
}

// lose is for reports that were lost.
func (d *drafts) lose() {
	clear(d.known)
	d.lost = time.Now()
}
