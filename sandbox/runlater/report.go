package runlater

import "strings"

// What happened to a path during the run.
type What uint8

const (
	// Created: it is there since.
	Created What = iota
	// Changed: it was there, and is another or was written to.
	Changed
	// Doubtful: it is as it was, but the run put it into effect, or may have. It
	// stays where it is, since it may as well be the developer's.
	Doubtful
	// Gone: it was there, and is not now.
	Gone
)

func (w What) String() string {
	switch w {
	case Created:
		return "created"
	case Changed:
		return "changed"
	case Gone:
		return "there before, now gone"
	}
	return "there before, perhaps put into effect"
}

// Stays tells whether Quarantine leaves it where it is.
func (w What) Stays() bool { return w == Doubtful || w == Gone }

// A Finding is something that the run left and that would run later. Path is as
// the file system has it, with whatever bytes: it is to be escaped when shown.
type Finding struct {
	Root string // the directory that was walked
	Path string // below it
	What What
	Why  string

	// As is where Move put it, below the directory that Move returns.
	As string

	// Cleaned says that Move left a copy in its place that has all of the git configuration
	// but the settings that were found, which are Settings.
	Cleaned  bool
	Settings []string

	config verdict
}

// A SetID is a file that the run made setuid or setgid.
type SetID struct {
	Root, Path string
	Mode       uint32
	Err        error // why the bits are still set, or nil
}

// An Unseen is a directory that could not be looked into.
type Unseen struct {
	Root, Path string
	Err        error
}

// A Report is what Check found. Anything unseen, and any SetID with an error,
// means that there may be more.
type Report struct {
	Findings []Finding
	Unknown  []Finding // new hidden names at a top that no list has: they stay
	Programs []Finding // new or changed, in the caller's PATH: they stay
	SetIDs   []SetID
	Unseen   []Unseen
	Shut     []Shut   // of which nothing runs as long as they are as they are
	Secrets  []Secret // some of them twice

	// Index are paths of the worktree for which git's index has, since the run, what the
	// file has not, or a mark by which git status is silent.
	Index []Finding

	// Linked are the seen names of changed files that have others which were not seen,
	// doubtful where the time of writing is old. LinkedMore says that there were too many
	// names to count.
	Linked     []Finding
	LinkedMore bool

	made     []Secret   // they are behind the others in the end
	reopened []reopened // see Reclose
}

// reportLimit bounds each list: names are the attacker's, and so is their number.
const reportLimit = 10000

// Moves reports whether a path is a finding that is moved aside, or is in one.
func (r *Report) Moves(root, path string) bool {
	for _, f := range r.Findings {
		if f.Root == root && f.What != Doubtful && (f.Path == path || strings.HasPrefix(path, f.Path+"/")) {
			return true
		}
	}
	return false
}
