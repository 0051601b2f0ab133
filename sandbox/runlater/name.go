package runlater

import "unicode/utf8"

//go:generate go run generate.go

// where a name counts.
type where uint8

const (
	anywhere where = iota
	// atTop: only at the top of a project, a repository or a home. Below it the
	// same name is data: a root file system that is being built has a .bashrc in
	// /etc/skel, and packages ship an AGENTS.md each.
	atTop
	atHome
)

// A rule says what becomes of a name that is new or changed.
type rule uint8

const (
	moved   rule = iota
	judged       // moved if a line of it may lead to a program
	leads        // moved if it is not the directory that it usually is
	told         // reported
	quietly      // nothing, though it is hidden
)

// A name is one that some program runs or obeys without being asked to. The list
// is names.toml, which has the tool and a source for each. What a build is told to
// read (Makefile, package.json) is not in it.
//
// Instructions to agents are: an agent that is started outside acts on them with
// all that the developer has. An .env is not: builds write it, and only tools that
// were told to read it.
type name struct {
	name  string // as fold has it
	where where
	rule  rule
	why   string // the program and what it does
}

// A glob is a name with a star.
type glob struct {
	prefix, suffix string
	name           name
}

// A group is the names in directories of one kind: ".config/mise" is "mise" in
// the group of ".config". The first group is of no directory.
type group struct {
	dir         string
	above, last string // the same in two parts
	home        bool   // all of it counts in a home only
	exact       []name // sorted
	globs       []glob
}

// nameMax is NAME_MAX: a name has no more bytes.
const nameMax = 255

// lookup finds the entry of a name that counts in any directory, or at a top, or
// nil.
func lookup(n []byte, top bool) *name {
	// Nearly every file is done here.
	if !top && n[0] < 0x80 {
		if second := at(n, 1); second < 0x80 && leading[n[0]]>>(second&31)&1 == 0 {
			return nil
		}
	}
	e := listed(n)
	if e == nil || e.rule == leads || e.where == atTop && !top {
		return nil
	}
	return e
}

// listed finds the entry of a name, wherever it counts, or nil.
func listed(n []byte) *name {
	var room [nameMax]byte
	return guarded[0].find(fold(room[:0], n))
}

// find finds the entry of a folded name in a group, or nil.
func (g *group) find(key []byte) *name {
	low, high := 0, len(g.exact)
	for low < high {
		mid := (low + high) / 2
		switch m := &g.exact[mid]; {
		case m.name == string(key):
			return m
		case m.name < string(key):
			low = mid + 1
		default:
			high = mid
		}
	}
	for i := range g.globs {
		p := &g.globs[i]
		if len(key) > len(p.prefix)+len(p.suffix) && string(key[:len(p.prefix)]) == p.prefix && hasSuffix(key, p.suffix) {
			return &p.name
		}
	}
	return nil
}

// fold gives the name by which a directory that does not tell upper case from
// lower would know it (casefold of ext4 and f2fs, shares of other systems): there
// ".ENVRC" is .envrc. It is done for all: nobody gives an honest file such a
// name. Two letters beyond ASCII fold into it, long s and the Kelvin sign, and
// what is not seen is not there (git's CVE-2014-9390).
func fold(to, n []byte) []byte {
	for i := 0; i < len(n) && len(to) < cap(to); i++ {
		c := n[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == 0xc5 && at(n, i+1) == 0xbf: // U+017F
			c, i = 's', i+1
		case c == 0xe2 && at(n, i+1) == 0x84 && at(n, i+2) == 0xaa: // U+212A
			c, i = 'k', i+2
		case c >= 0x80:
			if skip := ignorable(n[i:]); skip > 0 {
				i += skip - 1
				continue
			}
		}
		to = append(to, c)
	}
	return to
}

// ignorable tells how many bytes the character takes that begins here, if it is
// one that is not seen: what Unicode calls Default_Ignorable_Code_Point, which
// ext4 and f2fs leave out where they fold case (fs/unicode in the kernel).
func ignorable(n []byte) int {
	r, size := utf8.DecodeRune(n)
	for _, span := range unseenRunes {
		if span[0] <= r && r <= span[1] {
			return size
		}
	}
	return 0
}

var unseenRunes = [...][2]rune{
	{0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x200b, 0x200f}, {0x202a, 0x202e},
	{0x2060, 0x206f}, {0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0xfff0, 0xfff8}, {0x1bca0, 0x1bca3},
	{0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
}

func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}
