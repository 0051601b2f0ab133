package sandbox

import (
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// What the caller hides is a file of the host, which another bind may show at another
// place: --hide d/in -v $PWD:/mnt/x. It is hidden by every bind, wherever it is seen.

// hiddenPlaces are the other places inside at which the caller's hidden paths are seen.
func (s Spec) hiddenPlaces(h Host) (places []string) {
	masked := s.OCI.Linux.MaskedPaths
	add := func(p string) {
		if !slices.ContainsFunc(masked, func(m string) bool { return below(p, m) }) && !slices.Contains(places, p) {
			places = append(places, p)
		}
	}
	for _, p := range s.hiddenReal(h, s.OCI.Mounts) {
		for _, m := range s.OCI.Mounts {
			if !isBind(m) {
				continue
			}
			if _, gathered := h.gatheredAt(m); gathered {
				continue // it is left out there
			}
			if at, seen := placeIn(h, m, p); seen && s.shows(m, at) {
				add(at)
			}
		}
		for _, dir := range s.otherRoots() {
			if root := h.real(dir); p != root && below(p, root) {
				add(strings.TrimPrefix(p, strings.TrimSuffix(root, "/")))
			}
		}
		if s.View == HostView && !h.private(p) && innermostAt(p, s.OCI.Mounts) == nil {
			add(p)
		}
	}
	return places
}

// hiddenReal are the host's paths of what the caller hides, as named and without links.
func (s Spec) hiddenReal(h Host, mounts []specs.Mount) (paths []string) {
	if s.OCI.Linux == nil {
		return nil
	}
	add := func(p string) {
		for _, p := range []string{p, h.real(p)} {
			if p != "" && p != "/" && !slices.Contains(paths, p) {
				paths = append(paths, p)
			}
		}
	}
	for _, p := range s.OCI.Linux.MaskedPaths {
		if device(p) {
			continue
		}
		add(s.backing(p, mounts))
		if m := innermostAt(p, mounts); m != nil && isBind(*m) && m.Source == p {
			add(p)
		}
		for _, dir := range s.otherRoots() {
			if innermostAt(p, mounts) == nil && dir != "" {
				add(strings.TrimSuffix(dir, "/") + p)
			}
		}
	}
	return paths
}

// placeIn tells where a bind shows a path of the host: in it, or around all of it.
func placeIn(h Host, m specs.Mount, p string) (at string, seen bool) {
	source := h.real(m.Source)
	switch {
	case below(p, source):
		return strings.TrimSuffix(m.Destination, "/") + strings.TrimPrefix(p, strings.TrimSuffix(source, "/")), true
	case below(source, p):
		return m.Destination, true
	}
	return "", false
}

// shows tells whether what is at a path is of a mount, and not of one over it.
func (s Spec) shows(m specs.Mount, at string) bool {
	top := innermostAt(at, s.OCI.Mounts)
	return top != nil && top.Destination == m.Destination && top.Source == m.Source
}

// innermostAt is the mount that a path is in, or is the point of.
func innermostAt(p string, mounts []specs.Mount) *specs.Mount {
	for i := len(mounts) - 1; i >= 0; i-- {
		if mounts[i].Destination == p {
			return &mounts[i]
		}
	}
	return innermost(p, mounts)
}
