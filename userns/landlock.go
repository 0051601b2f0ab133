package userns

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// Landlock confines the process and all it starts to what the rules grant, of
// the rights that are handled (landlock(7)). It comes after the last mount: a
// process that is confined so may not mount (landlock_restrict_self(2)). And it is
// the child that makes the ruleset, not the supervisor: most of what may be
// written is in file systems that are mounted in the child alone.
type Landlock struct {
	// Words say what is granted, for people.
	Words string
	// Files, Ports and Scopes are the rights that are handled: LANDLOCK_ACCESS_FS_*,
	// LANDLOCK_ACCESS_NET_* and LANDLOCK_SCOPE_*.
	Files, Ports, Scopes uint64
	Rules                []LandlockRule
}

// LandlockRule grants rights below a file or directory, which is what a step
// opened, or else a path.
type LandlockRule struct {
	Path   string
	From   FD `json:",omitempty"`
	Rights uint64
}

func (s Landlock) String() string {
	return strings.TrimSuffix(fmt.Sprintf("landlock: %s", s.Words), ": ")
}

const landlockRulePathBeneath = 1

func (s Landlock) lower(a *assembler) {
	rules := FD("landlock ruleset")
	s.ruleset(a, rules)
	a.syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, a.fd(rules), num(0))
}

// ruleset makes the ruleset, and keeps its descriptor under a name.
func (s Landlock) ruleset(a *assembler, rules FD) {
	size := 24 // struct landlock_ruleset_attr, as of ABI 6
	attr := a.longs(s.Files, s.Ports, s.Scopes)
	switch {
	case s.Scopes != 0:
	case s.Ports != 0:
		size = 16
	default:
		size = 8 // all that a kernel of ABI 1 to 3 knows
	}
	a.keep(a.syscall(unix.SYS_LANDLOCK_CREATE_RULESET, attr, num(size), num(0)), rules)
	for _, r := range s.Rules {
		at := r.From
		if at == "" {
			at = "granted " + FD(r.Path)
			a.keep(a.syscall(unix.SYS_OPENAT, cwd(), a.str(r.Path), num(unix.O_PATH|unix.O_CLOEXEC), num(0)), at)
		}
		a.rule(rules, at, r.Rights)
	}
}

// KeepRules makes a ruleset and enforces it on nobody yet. A process cannot join the
// domain of another; but whoever is given the descriptor can be confined by these very
// rules, of these very files, whatever their names have come to mean meanwhile.
type KeepRules struct {
	Landlock
	As FD
}

func (s KeepRules) String() string { return "keep for those who enter: " + s.Landlock.String() }

func (s KeepRules) lower(a *assembler) { s.ruleset(a, s.As) }

// Restrict confines the process by rules that were kept.
type Restrict struct {
	By    FD
	Words string
}

func (s Restrict) String() string { return Landlock{Words: s.Words}.String() }

func (s Restrict) lower(a *assembler) {
	a.syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, a.fd(s.By), num(0))
}

// rule adds a struct landlock_path_beneath_attr, which is packed: 64 bits of
// rights, 32 bits of descriptor.
func (a *assembler) rule(rules, at FD, rights uint64) {
	attr := a.bytes(12)
	for i := range 8 {
		attr[i] = byte(rights >> (8 * i))
	}
	store := a.add(child.Store)
	store.Args[0], store.Word = a.fd(at).value, word32(attr[8:])
	if _, given := a.given[at]; given {
		a.fail("landlock rule by a descriptor that no step opened")
	}
	a.syscall(unix.SYS_LANDLOCK_ADD_RULE, a.fd(rules), num(landlockRulePathBeneath), a.at(attr), num(0))
}
