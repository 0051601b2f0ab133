package sandbox

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// mountOptions are a mount's options, sorted into what they mean.
type mountOptions struct {
	attr      userns.Attr
	recursive bool
	data      []userns.Option // the file system's own
}

// parseOptions reads the options that OCI and mount(8) share. One that would
// clear an attribute asks for nothing: in a new user namespace none can be
// cleared. An option it does not know is the file system's.
func parseOptions(m specs.Mount) (mountOptions, error) {
	o := mountOptions{recursive: m.Type != "bind"}
	for _, word := range m.Options {
		switch word {
		case "ro":
			o.attr |= userns.ReadOnly
		case "nosuid":
			o.attr |= userns.NoSuid
		case "nodev":
			o.attr |= userns.NoDev
		case "noexec":
			o.attr |= userns.NoExec
		case "rbind":
			o.recursive = true
		case "bind", "rw", "suid", "dev", "exec", "relatime", "private", "rprivate":
		default:
			if isBind(m) {
				return o, fmt.Errorf("mount option %q of %s is not known", word, m.Destination)
			}
			key, value, _ := strings.Cut(word, "=")
			if strings.ContainsAny(word, ",") {
				return o, fmt.Errorf("mount option %q of %s has a comma in it", word, m.Destination)
			}
			o.data = append(o.data, userns.Option{Key: key, Value: value})
		}
	}
	return o, nil
}

// mountable are the file systems that a Spec may mount. All are made anew for
// the sandbox, none reads anything of the host's or of the caller's.
var mountable = map[string]bool{"proc": true, "sysfs": true, "tmpfs": true, "devpts": true, "mqueue": true}

// early are those that the kernel makes only while an old one is in sight:
// before the root is changed.
var early = map[string]bool{"proc": true, "sysfs": true}

// madeEarly tells whether a file system is made before the root is changed. The one at
// /sys is, because fuse-overlayfs over the host's root lets nobody change to that directory.
func (c *compiler) madeEarly(m specs.Mount) bool {
	return c.pivots() && !isBind(m) && (early[m.Type] || m.Destination == "/sys")
}

// take adds the steps of a mount that come before the root is changed and
// before anything covers anything.
func (c *compiler) take(i int, m specs.Mount) error {
	if _, ok := c.copyOf(m); ok {
		return nil
	}
	o, err := parseOptions(m)
	if err != nil {
		return err
	}
	gathered, ok := c.host.gatheredAt(m)
	layered, union := c.spec.layeredAt(m)
	switch {
	case union:
		c.takeLayers(i, layered)
	case ok:
		c.takeGathered(i, gathered, o)
	case isBind(m):
		c.add(userns.Take{
			Source: m.Source, Attr: o.attr, Alone: m.Source != c.spec.Project && !c.host.isDir(m.Source) || !o.recursive,
			Exact: c.spec.Project != "" && below(m.Source, c.spec.Project) || c.host.isPin(m) || c.takenAsJudged(i, m), Unseal: c.sealed && o.attr&userns.ReadOnly == 0, As: c.mountFD(i),
		})
	case !mountable[m.Type]:
		return fmt.Errorf("mount of type %q on %s is not supported", m.Type, m.Destination)
	case c.madeEarly(m):
		c.add(userns.Make{Type: m.Type, Options: append(o.data, c.labelOptions(m.Type)...), Attr: o.attr, As: c.mountFD(i)})
	}
	return nil
}

// takenAsJudged tells whether a bind's source had no link in it when it was judged. It is
// taken through none: another sandbox may be at work in a directory above it.
func (c *compiler) takenAsJudged(i int, m specs.Mount) bool {
	_, linked := c.host.Real[m.Source]
	return i >= c.kernelMounts() && !linked
}

// untrusted tells whether a bind is of the project, or of something in it that is
// bound over itself: another sandbox may be at work there, and put a link where a
// directory was.
func (c *compiler) untrusted(m specs.Mount) bool {
	return c.spec.Project != "" && m.Source == m.Destination && below(m.Source, c.spec.Project)
}

// mountFD names what is taken for a mount. The names of an opening must not depend
// on what else there is.
func (c *compiler) mountFD(i int) userns.FD {
	if i == c.project() {
		return "project"
	}
	return userns.FD(fmt.Sprintf("mount %d", i))
}

// mount adds the steps that put a mount in its place.
func (c *compiler) mount(i int, m specs.Mount) error {
	if n, ok := c.copyOf(m); ok {
		c.copyConfig(n, m.Destination)
		return nil
	}
	o, err := parseOptions(m)
	if err != nil {
		return err
	}
	c.mountPoint(i, m)
	// The kernel's own go exactly where they are said to be, in a tree whose
	// links are somebody else's.
	exact := c.pivots() && mountable[m.Type] && !isBind(m)
	switch {
	case m.Type == overlayType:
		layered, _ := c.spec.layeredAt(m)
		c.mountLayers(i, m.Destination, layered, o.attr)
	case isBind(m):
		c.add(userns.Attach{From: c.mountFD(i), What: m.Source, Target: m.Destination, Attr: o.attr, Exact: c.untrusted(m)})
	case c.spec.onDisk(m):
		c.add(userns.Attach{From: c.mountFD(i), What: "disk", Target: m.Destination, Attr: o.attr, Exact: exact})
	case c.madeEarly(m):
		c.add(userns.Attach{From: c.mountFD(i), What: m.Type, Target: m.Destination, Attr: o.attr, Exact: true})
	default:
		c.add(userns.Mount{Type: m.Type, Target: m.Destination, Options: append(o.data, c.labelOptions(m.Type)...), Attr: o.attr, Exact: exact})
	}
	if m.Destination == "/dev" && m.Type == "tmpfs" {
		c.devices()
	}
	if m.Type == "tmpfs" {
		c.homes(m.Destination)
	}
	return nil
}

// homes makes the caller's homes in the private directory that took their
// place: a program that finds no home at all does without, or in /.
func (c *compiler) homes(private string) {
	if c.spec.View != HostView {
		return
	}
	for _, home := range c.host.Homes {
		if real := c.host.real(home); real != private && below(real, private) {
			c.add(userns.Mkdir{Path: real, Mode: 0o700, Below: private})
		}
	}
}

// mountPoint makes the place of a mount where it is in a directory of the
// sandbox's own.
func (c *compiler) mountPoint(i int, m specs.Mount) {
	before := c.spec.OCI.Mounts[:i]
	under := innermost(m.Destination, before)
	switch {
	case c.spec.backing(m.Destination, before) != "":
	case isBind(m) && !c.host.isDir(m.Source):
		c.add(userns.Touch{Path: m.Destination, Mode: 0o644, Below: belowOf(under)})
	default:
		c.add(userns.Mkdir{Path: m.Destination, Mode: 0o755, Below: belowOf(under)})
	}
}

func belowOf(m *specs.Mount) string {
	if m == nil {
		return ""
	}
	return m.Destination
}

// device is what every /dev has.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

var deviceLinks = []struct{ path, target string }{
	{"/dev/fd", "/proc/self/fd"}, {"/dev/stdin", "/proc/self/fd/0"}, {"/dev/stdout", "/proc/self/fd/1"},
	{"/dev/stderr", "/proc/self/fd/2"}, {"/dev/ptmx", "pts/ptmx"},
}

func deviceFD(name string) userns.FD { return userns.FD("/dev/" + name) }

// takeDevices opens the host's devices: a user namespace may not make any.
func (c *compiler) takeDevices() {
	for _, name := range devices {
		c.add(userns.Take{Source: "/dev/" + name, Alone: true, Plain: true, As: deviceFD(name)})
	}
}

// devices fills a new /dev.
func (c *compiler) devices() {
	for _, name := range devices {
		c.add(userns.Touch{Path: "/dev/" + name, Mode: 0o666, Below: "/dev"})
		c.add(userns.Attach{From: deviceFD(name), What: "/dev/" + name, Target: "/dev/" + name})
	}
	for _, l := range deviceLinks {
		c.add(userns.Symlink{Target: l.target, Path: l.path})
	}
}
