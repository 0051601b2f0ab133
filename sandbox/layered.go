package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/layer"
	"github.com/sbxrun/sbx/userns"
)

// A LayeredCache is a directory of the host that is only read, with a directory above it that
// takes what the command writes there. A tool finds what the host has, adds what is missing, and
// the host's directory stays as it is: whoever writes an entry that the next build trusts
// controls that build.
type LayeredCache struct {
	// Path is where it is inside.
	Path string
	// Lower are directories that are only read, the top one first.
	Lower []string
	// Upper takes what is written and keeps it. Without one that is in memory, and goes away.
	Upper string
}

// overlayType is the type of the mounts of layered caches.
const overlayType = "overlay"

// layeredMounts are the mounts of the layered caches.
func (s Spec) layeredMounts() (mounts []specs.Mount) {
	for _, l := range s.Layered {
		mounts = append(mounts, specs.Mount{Type: overlayType, Source: overlayType, Destination: l.Path, Options: l.options()})
	}
	return mounts
}

func (l LayeredCache) options() []string {
	options := []string{"nosuid", "nodev", "lowerdir=" + strings.Join(l.Lower, ":")}
	if l.Upper != "" {
		options = append(options, "upperdir="+l.Upper, "workdir="+layer.Work(l.Upper))
	}
	return options
}

// checkLayered refuses what would be read as more than one name.
func (s Spec) checkLayered(h Host) error {
	for _, l := range s.Layered {
		for _, dir := range append(slices.Clone(l.Lower), l.Upper) {
			if dir == "" {
				continue
			}
			if !Layerable(dir) {
				return fmt.Errorf("layered cache %s: a name with a colon, a comma or a backslash is not supported", dir)
			}
			if err := h.wantDir("layered cache", dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// Layerable tells whether a directory may be part of a LayeredCache, by its name.
func Layerable(dir string) bool { return filepath.IsAbs(dir) && !strings.ContainsAny(dir, `:,\`) }

// layeredAt gives the layered cache of a mount.
func (s Spec) layeredAt(m specs.Mount) (LayeredCache, bool) {
	if m.Type != overlayType {
		return LayeredCache{}, false
	}
	// By its directories: the mount is where the path leads.
	i := slices.IndexFunc(s.Layered, func(l LayeredCache) bool { return slices.Equal(l.options(), m.Options) })
	if i < 0 {
		return LayeredCache{}, false
	}
	return s.Layered[i], true
}

// sourcesOf gives the host's directories or files that a mount shows.
func (s Spec) sourcesOf(m specs.Mount) []string {
	if isBind(m) {
		return []string{m.Source}
	}
	l, _ := s.layeredAt(m)
	return l.Lower
}

func lowerFD(mount, layer int) userns.FD {
	return userns.FD(fmt.Sprintf("mount %d lower %d", mount, layer))
}

func upperFD(mount int) userns.FD { return userns.FD(fmt.Sprintf("mount %d upper", mount)) }

// takeLayers opens the directories before anything covers them.
func (c *compiler) takeLayers(i int, l LayeredCache) {
	for n, dir := range l.Lower {
		c.add(userns.Take{Source: dir, Attr: userns.ReadOnly | userns.NoSuid | userns.NoDev, As: lowerFD(i, n)})
	}
	if l.Upper != "" { // with the work directory, which must be on the same mount (overlayfs(5))
		c.add(userns.Take{Source: filepath.Dir(l.Upper), Attr: userns.NoSuid | userns.NoDev, Unseal: c.sealed, As: upperFD(i)})
	}
}

// mountLayers makes the union. The kernel wants its directories by names of this namespace, so
// they are attached below the mount point, which the union then covers.
func (c *compiler) mountLayers(i int, at string, l LayeredCache, attr userns.Attr) {
	c.add(userns.Mount{Type: "tmpfs", Target: at, Options: append([]userns.Option{{Key: "mode", Value: "0700"}}, c.labelOptions("tmpfs")...), Attr: userns.NoSuid | userns.NoDev})
	var names []string
	for n, dir := range l.Lower {
		name := fmt.Sprint("l", n)
		c.add(userns.Mkdir{Path: at + "/" + name, Mode: 0o700, Below: at}, userns.Attach{From: lowerFD(i, n), What: dir, Target: at + "/" + name, Attr: userns.ReadOnly | userns.NoSuid | userns.NoDev})
		names = append(names, name)
	}
	upper, work := "upper", "work"
	if l.Upper == "" {
		c.add(userns.Mkdir{Path: at + "/upper", Mode: 0o700, Below: at})
	} else {
		c.add(userns.Mkdir{Path: at + "/k", Mode: 0o700, Below: at}, userns.Attach{From: upperFD(i), What: filepath.Dir(l.Upper), Target: at + "/k", Attr: userns.NoSuid | userns.NoDev})
		upper, work = "k/"+filepath.Base(l.Upper), "k/"+filepath.Base(layer.Work(l.Upper))
	}
	options := append(layer.Options(c.spec.OCI.Linux.MountLabel),
		userns.Option{Key: "lowerdir", Value: strings.Join(names, ":")}, userns.Option{Key: "upperdir", Value: upper}, userns.Option{Key: "workdir", Value: work})
	c.add(
		userns.Mkdir{Path: at + "/" + work, Mode: 0o700, Below: filepath.Dir(at + "/" + work)},
		userns.Chdir{Path: at},
		userns.Make{Type: overlayType, Options: options, Attr: attr, As: c.mountFD(i)},
		userns.Chdir{Path: "/"},
		userns.Attach{From: c.mountFD(i), What: overlayType, Target: at, Attr: attr})
}

// lockLayers takes the uppers for this command. Two unions may not have one upper (overlayfs(5)),
// so another command at the same time reads what is kept, and what it writes goes away.
func (c *Cmd) lockLayers() error {
	layered := slices.Clone(c.Spec.Layered)
	for i, l := range layered {
		if l.Upper == "" {
			continue
		}
		kept, err := layer.Keep(l.Upper)
		switch {
		case errors.Is(err, layer.ErrBusy):
			layered[i].Lower, layered[i].Upper = append([]string{l.Upper}, l.Lower...), ""
			if c.Spec.HostNetwork || c.Spec.Egress != nil || c.Spec.UserNetwork != nil { // it may download there
				c.note("what is written to %s is not kept: another command in this project writes there", l.Path)
			}
		case err != nil:
			return err
		default:
			c.layers = append(c.layers, kept)
		}
	}
	c.Spec.Layered = layered
	return nil
}

func (c *Cmd) releaseLayers() (err error) {
	for _, k := range c.layers {
		err = errors.Join(err, k.Release())
	}
	c.layers = nil
	return err
}

// withoutLayers shows the host's directories read-only, or what is kept alone where they are
// another's.
func (s Spec) withoutLayers() Spec {
	s.OCI.Mounts = slices.Clone(s.OCI.Mounts)
	for i, m := range s.OCI.Mounts {
		l, ok := s.layeredAt(m)
		switch {
		case !ok:
		case slices.Contains(l.Lower, l.Path):
			s.OCI.Mounts[i] = bind(l.Path, m.Destination, "ro")
		case l.Upper != "":
			s.OCI.Mounts[i] = bind(l.Upper, m.Destination)
		default:
			s.OCI.Mounts[i] = tmpfs(m.Destination, "mode=0700")
		}
	}
	s.Layered = nil
	return s
}
