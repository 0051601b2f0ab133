package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/moby/sys/capability"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// containerCapabilities are what root has in a rootfs. It is the set that
// podman gives: docker's, less those that make device nodes and raw packets and
// write the host's audit log.
var containerCapabilities = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE",
	"CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}

// BoundingCapabilities are the most that the command of a Spec can have.
func BoundingCapabilities(s Spec) []string { return s.defaultCapabilities().Bounding }

// defaultCapabilities are those of the view, with what the Spec adds and drops.
// In the host view there are none. A capability that is added for a user other
// than root has to be ambient, or the next execve takes it (capabilities(7)).
func (s Spec) defaultCapabilities() *specs.LinuxCapabilities {
	var set []string
	if s.View != HostView {
		set = slices.Clone(containerCapabilities)
	}
	if slices.Contains(s.CapDrop, "ALL") {
		set = nil
	}
	added := slices.Clone(s.CapAdd)
	if slices.Contains(added, "ALL") {
		added = allCapabilities()
	}
	for _, name := range added {
		if !slices.Contains(set, name) {
			set = append(set, name)
		}
	}
	set = slices.DeleteFunc(set, func(name string) bool { return slices.Contains(s.CapDrop, name) })
	slices.Sort(set)
	c := &specs.LinuxCapabilities{Bounding: set}
	switch {
	case s.OCI.Process.User.UID == 0:
		c.Permitted, c.Effective = set, set
	case len(s.CapAdd) > 0:
		kept := slices.DeleteFunc(slices.Clone(set), func(name string) bool { return !slices.Contains(added, name) })
		c.Permitted, c.Effective, c.Inheritable, c.Ambient = kept, kept, kept, kept
	}
	return c
}

// checkCapabilities refuses names that the kernel has not. A misspelt one would drop nothing.
func (s Spec) checkCapabilities() error {
	if len(s.CapAdd)+len(s.CapDrop) == 0 {
		return nil
	}
	known := allCapabilities()
	for _, name := range slices.Concat(s.CapAdd, s.CapDrop) {
		if name != "ALL" && !slices.Contains(known, name) {
			return fmt.Errorf("capability %q is not known", name)
		}
	}
	return nil
}

func allCapabilities() (names []string) {
	for _, k := range capability.ListKnown() {
		names = append(names, ociCapability(k))
	}
	return names
}

func ociCapability(k capability.Cap) string { return "CAP_" + strings.ToUpper(k.String()) }

// capabilities gives the set of that OCI names.
func capabilities(names []string) (set userns.Caps, err error) {
	for _, name := range names {
		known := false
		for _, k := range capability.ListKnown() {
			if ociCapability(k) == name {
				set |= 1 << k
				known = true
			}
		}
		if !known {
			return 0, fmt.Errorf("capability %q is not known", name)
		}
	}
	return set, nil
}

// capabilitySteps drop what the process may not have.
func (c *compiler) capabilitySteps() (bounding userns.DropBounding, set userns.SetCaps, err error) {
	given := c.spec.OCI.Process.Capabilities
	for _, part := range []struct {
		names []string
		into  *userns.Caps
	}{
		{given.Bounding, &bounding.Keep}, {given.Permitted, &set.Permitted},
		{given.Effective, &set.Effective}, {given.Ambient, &set.Ambient},
	} {
		if *part.into, err = capabilities(part.names); err != nil {
			return bounding, set, err
		}
	}
	return bounding, set, nil
}
