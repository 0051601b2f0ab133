package userns

import (
	"fmt"
	"strings"

	"github.com/moby/sys/capability"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns/child"
)

// MapSelf has the child write its own maps, one id each, as the kernel lets an
// unprivileged process do (user_namespaces(7)). It takes no helper and no
// hand-shake. setgroups(2) must be given up first: a group that a file denies
// could be dropped otherwise (CVE-2014-8989).
type MapSelf struct{ UID, GID idmap.Map }

func (s MapSelf) String() string { return fmt.Sprintf("map uid %s, gid %s", s.UID, s.GID) }

func (s MapSelf) lower(a *assembler) {
	a.write("/proc/self/uid_map", s.UID.File())
	a.write("/proc/self/setgroups", "deny")
	a.write("/proc/self/gid_map", s.GID.File())
}

// AwaitMaps waits until the supervisor had newuidmap and newgidmap write the
// maps.
type AwaitMaps struct {
	UID, GID idmap.Map
	Helpers  idmap.Helpers
}

func (s AwaitMaps) String() string {
	return fmt.Sprintf("map uid %s, gid %s by newuidmap and newgidmap", s.UID, s.GID)
}

func (s AwaitMaps) lower(a *assembler) {
	a.add(child.Await).Args[0] = a.given[leash]
}

// SetUser becomes a user. Groups are the supplementary groups; a nil list
// leaves those the caller has, which is all that can be done where setgroups
// was given up.
type SetUser struct {
	UID, GID uint32
	Groups   []uint32
	// KeepCaps keeps the capabilities, of which those who stop being root are left none,
	// for a SetCaps (PR_SET_KEEPCAPS). An execve ends it.
	KeepCaps bool
}

func (s SetUser) String() string {
	if s.Groups == nil {
		return fmt.Sprintf("become user %d:%d", s.UID, s.GID)
	}
	return fmt.Sprintf("become user %d:%d, groups %v", s.UID, s.GID, s.Groups)
}

func (s SetUser) lower(a *assembler) {
	if s.Groups != nil {
		list, _ := a.words(append([]uint32{s.GID}, s.Groups...)...)
		list.value += 4 // the first is there so that the list is never empty
		a.syscall(unix.SYS_SETGROUPS, num(len(s.Groups)), list)
	}
	if s.KeepCaps {
		a.syscall(unix.SYS_PRCTL, num(unix.PR_SET_KEEPCAPS), num(1), num(0), num(0), num(0))
	}
	a.syscall(unix.SYS_SETRESGID, num(s.GID), num(s.GID), num(s.GID))
	a.syscall(unix.SYS_SETRESUID, num(s.UID), num(s.UID), num(s.UID))
}

// Caps is a set of capabilities, a bit each (capabilities(7)).
type Caps uint64

// Has tells whether capability number n is in the set.
func (c Caps) Has(n int) bool { return c&(1<<n) != 0 }

// String names the capabilities: "chown,kill", or "none".
func (c Caps) String() string {
	var names []string
	for n := range 64 {
		if c.Has(n) {
			names = append(names, capability.Cap(n).String())
		}
	}
	if names == nil {
		return "none"
	}
	return strings.Join(names, ",")
}

// DropBounding leaves nothing but Keep in the bounding set: what no later
// execve can give back.
type DropBounding struct{ Keep Caps }

func (s DropBounding) String() string { return "bounding capabilities: " + s.Keep.String() }

func (s DropBounding) lower(a *assembler) { a.add(child.DropBounding).Args[0] = uintptr(s.Keep) }

// SetCaps sets the permitted and effective capabilities. The inheritable and the
// ambient set are Ambient, which is empty unless somebody asked for a capability
// that a user other than root is to keep: a non-empty one by default was an
// advisory of every container engine (CVE-2022-24769 and its kin).
type SetCaps struct{ Permitted, Effective, Ambient Caps }

func (s SetCaps) String() string {
	words := "capabilities: " + s.Permitted.String()
	if s.Permitted != s.Effective {
		words = fmt.Sprintf("capabilities: permitted %s, effective %s", s.Permitted, s.Effective)
	}
	if s.Ambient != 0 {
		words += ", ambient " + s.Ambient.String()
	}
	return words
}

func (s SetCaps) lower(a *assembler) {
	header, _ := a.words(unix.LINUX_CAPABILITY_VERSION_3, 0)
	data, _ := a.words(
		uint32(s.Effective), uint32(s.Permitted), uint32(s.Ambient),
		uint32(s.Effective>>32), uint32(s.Permitted>>32), uint32(s.Ambient>>32))
	a.syscall(unix.SYS_CAPSET, header, data)
	for n := range 64 {
		if s.Ambient.Has(n) {
			a.syscall(unix.SYS_PRCTL, num(unix.PR_CAP_AMBIENT), num(unix.PR_CAP_AMBIENT_RAISE), num(n), num(0), num(0))
		}
	}
}

// NoNewPrivs forbids that execve ever gives more than there is: setuid bits and
// file capabilities no longer do anything (PR_SET_NO_NEW_PRIVS).
type NoNewPrivs struct{}

func (NoNewPrivs) String() string { return "no new privileges" }

func (NoNewPrivs) lower(a *assembler) {
	a.syscall(unix.SYS_PRCTL, num(unix.PR_SET_NO_NEW_PRIVS), num(1), num(0), num(0), num(0))
}
