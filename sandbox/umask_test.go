package sandbox

import (
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// TestUmask: the command has the umask that the Spec says, for whatever user, and what is made
// before is made with another.
func TestUmask(t *testing.T) {
	mask := func(m uint32) *uint32 { return &m }
	for _, c := range []struct {
		name string
		user string
		set  *uint32
		want uint32
	}{{"none", "", nil, 0o022}, {"set", "", mask(0o077), 0o077}, {"zero", "", mask(0), 0}, {"another user", "ada", mask(0o002), 0o002}} {
		t.Run(c.name, func(t *testing.T) {
			s, h := build("make"), laptop()
			s.User, h.Account = c.user, Account{UID: h.UID, GID: h.GID}
			s.OCI.Process.User = specs.User{Umask: c.set}
			var masks []uint32
			for _, step := range plan(t, s, h).Steps {
				if u, ok := step.(userns.Umask); ok {
					masks = append(masks, u.Mask)
				}
			}
			if len(masks) != 2 || masks[0] != setupUmask || masks[1] != c.want {
				t.Errorf("umasks %04o, want %04o and %04o", masks, setupUmask, c.want)
			}
		})
	}
	s := build("make")
	s.OCI.Process.User.Umask = mask(0o1000)
	if _, _, err := Complete(s, laptop()); err == nil {
		t.Error("a umask of more than 0777 is taken")
	}
}

func TestCallersUmask(t *testing.T) {
	before := unix.Umask(0o027)
	defer unix.Umask(before)
	if got := callersUmask(); got == nil || *got != 0o027 {
		t.Errorf("umask %v, want 0027", got)
	}
	if got := Command("true").Spec.OCI.Process.User.Umask; got == nil || *got != 0o027 {
		t.Errorf("Command has the umask %v, want 0027", got)
	}
}
