package sandbox

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// What is shown is shown at its real path. The symbolic links by which the caller names it
// are made again in the private directories of the host view, so that $HOME, $PWD and the
// paths that a build wrote down lead to the same inside.

// A pathLink is a symbolic link of the host. Both paths have no link in them.
type pathLink struct{ path, target string }

// Follow gives the path without symbolic links that an absolute path leads to, and the
// links on the way, by their own paths without links. The error is ENOENT for a path that
// leads to nothing.
func Follow(p string) (real string, links []string, err error) {
	t := trace{}
	if t.plain(p) && t.there {
		return p, nil, nil
	}
	if err := t.follow(p); err != nil {
		return p, t.links, err
	}
	if !t.there {
		return p, t.links, unix.ENOENT
	}
	return t.real, t.links, nil
}

// Changeable is the first of the links that a command may replace, because it may write
// the directory that the link is in, or nothing.
func (s Spec) Changeable(links []string) string {
	if len(links) == 0 {
		return ""
	}
	dirs := s.WritableOutside()
	for _, dir := range dirs {
		if real, _, err := Follow(dir); err == nil && real != dir {
			dirs = append(dirs, real)
		}
	}
	for _, link := range links {
		if slices.ContainsFunc(dirs, func(dir string) bool { return below(link, dir) }) {
			return link
		}
	}
	return ""
}

// probeLinks finds the links in the caller's homes and in what the Spec names. One that is in
// what is shown is there inside anyway, and may be the command's.
func (h *Host) probeLinks(s Spec) {
	if s.View != HostView {
		return
	}
	named := slices.Clone(s.Named)
	for _, home := range h.Homes {
		if _, linked := h.Real[home]; linked {
			named = append(named, home)
		}
	}
	for _, p := range named {
		_, links, err := Follow(p)
		if err != nil {
			continue
		}
		for _, link := range links {
			h.addLink(s, link)
		}
	}
}

func (h *Host) addLink(s Spec, link string) {
	shown := below(link, s.Project) || slices.ContainsFunc(s.OCI.Mounts, func(m specs.Mount) bool {
		return isBind(m) && below(link, path.Clean(m.Destination))
	})
	known := slices.ContainsFunc(h.links, func(l pathLink) bool { return l.path == link })
	if target, err := filepath.EvalSymlinks(link); err == nil && !shown && !known {
		h.links = append(h.links, pathLink{link, target})
	}
}

// namedSecret is what is named through a link that is in a place of secrets, or nothing.
// What such a link leads to is as secret, although it is elsewhere.
func (h Host) namedSecret(s Spec) string {
	for _, p := range s.Named {
		real, links, _ := Follow(p)
		if !slices.ContainsFunc(s.OCI.Mounts, func(m specs.Mount) bool { return isBind(m) && m.Source == real }) {
			continue // it is not shown by that name
		}
		for _, link := range links {
			for _, secret := range h.places {
				if below(link, secret) && !s.exposed(h, secret) && !s.exposed(h, link) {
					return p
				}
			}
		}
	}
	return ""
}

// landed is where a mount point is that is named through one of the links. A directory made
// in the place of the link would hide it.
func (h Host) landed(p string) string {
	for _, l := range h.links {
		if below(p, l.path) {
			return path.Join(l.target, strings.TrimPrefix(p, l.path))
		}
	}
	return p
}

// makeLinks adds the steps that make the links in the private directories.
func (c *compiler) makeLinks() {
	mounts := c.spec.OCI.Mounts
	for _, l := range c.host.links {
		in := innermost(l.path, mounts)
		taken := slices.ContainsFunc(mounts, func(m specs.Mount) bool { return below(m.Destination, l.path) })
		if taken || in == nil || in.Type != "tmpfs" || slices.Contains(in.Options, "ro") {
			continue
		}
		if dir := path.Dir(l.path); dir != in.Destination {
			c.add(userns.Mkdir{Path: dir, Mode: 0o755, Below: in.Destination})
		}
		c.add(userns.Symlink{Target: l.target, Path: l.path})
	}
}
