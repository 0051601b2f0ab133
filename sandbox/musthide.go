package sandbox

import (
	"fmt"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What the caller hides must be there. A wrong name, or one that an earlier command gave
// another, would hide nothing and say nothing.

// hiddenAt tells where on the host a path is that must be hidden. Known is false where only
// the sandbox's root can tell whether it is there; then the step that hides it does.
func (s Spec) hiddenAt(h Host, p string) (at string, known bool) {
	own := s.ownMounts(h)
	if i := slices.IndexFunc(own, func(m specs.Mount) bool { return m.Destination == p }); i >= 0 {
		return own[i].Source, isBind(own[i])
	}
	under := innermost(p, own)
	switch {
	case under == nil && s.View == HostView:
		return p, true
	case under == nil:
		return "", false
	case !isBind(*under):
		return "", true // a new directory in memory has nothing
	}
	return under.Source + p[len(under.Destination):], true
}

// checkHidden refuses to hide what is not there.
func (s Spec) checkHidden(h Host) error {
	for _, p := range s.MustHide {
		if at, known := s.hiddenAt(h, p); known && !h.there(at) {
			return hinted(fmt.Errorf("hide %s: no such file or directory, or not readable", p), mustHideHint(p))
		}
	}
	return nil
}

func mustHideHint(p string) string {
	return fmt.Sprintf("nothing would be hidden; %s? hides it if it is there", p)
}
