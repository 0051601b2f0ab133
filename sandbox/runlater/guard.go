package runlater

import (
	"slices"
	"strings"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// A Bind is a path that is to be bound over itself.
type Bind struct {
	Path     string
	ReadOnly bool
	Why      string
}

// A Guard is what has to be done for a project, and what was there before the
// run.
type Guard struct {
	Binds []Bind   // parents before what is in them; nothing is below a read-only one
	Shown []Bind   // directories outside the project that git needs, at their own path
	Notes []string // what was left undone, and why

	// Configs are those of the binds that the command gets a copy of; sorted by path.
	Configs []Config

	// Place is what Place says of the project.
	Place Bind

	// Private are directories that the run can write and that nobody enters, and so
	// are not looked through: a link that leads to one is a finding.
	Private []string

	// Overrides says that the command may have CAP_DAC_OVERRIDE or its like, so that no
	// mode keeps it out of a directory of its own ids.
	Overrides bool

	// Commands tells whether a user of the host is one of the command's. Nil is any.
	Commands func(uid uint32) bool

	// WereShut are the inodes of directories of the project that were Shut after an earlier
	// run: one that is open now is named.
	WereShut map[uint64]bool

	// Secret tells whether a file of the project is to be in Report.Secrets, by the path
	// of its directory below the project and its name, which it must not keep. It is asked
	// in the directories that are Searched.
	Secret   func(dir, name string) bool
	Searched func(dir string) bool

	project    bool // the first root is one
	own        GitConfig
	began      start
	roots      []root
	watched    []watched // sorted by root and path
	mounts     map[string]bool
	readMounts func() (mounttable.Table, error)
	recorded   bool
	indexes    []*gitIndex // of the project's repository
	hidden     []string    // names at the project's top, sorted
	inodes     *inodes     // of its directories, or nil
	search     *search     // or nil
	doubts     []watched   // see Renew
	held       []watched   // see Hold
}

// Project is the directory that Find looked at.
func (g *Guard) Project() string { return g.roots[0].path }

// A root is a directory that is walked at the end.
type root struct {
	path     string
	id       identity
	mode     uint16 // with the type, or 0 where it was not looked at
	kind     kind
	mount    bool      // it was mounted below another root before the run
	reliable bool      // its change times can be relied on
	base     *baseline // where they cannot
}

// A watched path must be after the run what it was before.
type watched struct {
	root    int
	path    string // below the root
	id      identity
	content content
	why     string
	allowed []setting  // for a configuration: what it said that is not harmless
	text    content256 // for what is transient
	settled bool       // see Settle
	seen    *seen      // what Renew read, or nil
}

// content says how a watched path is judged.
type content uint8

const (
	anything      content = iota // any change counts
	pinned                       // only another file in its place
	configuration                // what it says now
	transient                    // nothing: it is judged where it is walked
)

func compareWatched(a, b watched) int {
	if a.root != b.root {
		return a.root - b.root
	}
	return strings.Compare(a.path, b.path)
}

// watch finds the record of a path, or nil.
func (g *Guard) watch(root int, path string) *watched {
	i, ok := slices.BinarySearchFunc(g.watched, watched{root: root, path: path}, compareWatched)
	if !ok {
		return nil
	}
	return &g.watched[i]
}

// settle puts the binds and the records in order. A bind below a read-only one is
// dropped: a writable one would be a hole in it.
func (g *Guard) settle() {
	slices.SortStableFunc(g.Binds, func(a, b Bind) int {
		if c := comparePaths(a.Path, b.Path); c != 0 {
			return c
		}
		switch {
		case a.ReadOnly && !b.ReadOnly:
			return -1
		case b.ReadOnly && !a.ReadOnly:
			return 1
		}
		return 0
	})
	kept, last, sealed := g.Binds[:0], "", ""
	for _, b := range g.Binds {
		if b.Path == last || sealed != "" && strings.HasPrefix(b.Path, sealed) {
			continue
		}
		if b.ReadOnly {
			sealed = b.Path + "/"
		}
		last, kept = b.Path, append(kept, b)
	}
	g.Binds = kept
	slices.SortFunc(g.Configs, func(a, b Config) int { return strings.Compare(a.Path, b.Path) })
	// Of two records of a path the one that says more is kept.
	slices.SortStableFunc(g.watched, func(a, b watched) int {
		if c := compareWatched(a, b); c != 0 {
			return c
		}
		return rank(a.content) - rank(b.content)
	})
	g.watched = slices.CompactFunc(g.watched, func(a, b watched) bool { return compareWatched(a, b) == 0 })
}

func rank(c content) int {
	switch c {
	case configuration:
		return 0
	case anything:
		return 1
	}
	return 2
}

// comparePaths sorts what is in a directory right behind it.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			switch {
			case a[i] == '/':
				return -1
			case b[i] == '/':
				return 1
			}
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}
