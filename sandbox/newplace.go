package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// The host view mounts over the host's own tree, in which nothing can be made. A mount point
// that the host has not, such as the /src of -v $PWD:/src, needs directories of the
// sandbox's own: then the root and each directory on the way is gathered, with what is in it
// bound name by name, and the new names are made there. Only a sandbox with such a mount
// point pays for that.

// probeNewPlaces lists the root and the directories on the way to mount points that the host
// has not.
func (h *Host) probeNewPlaces(s Spec) error {
	if s.View != HostView || !slices.ContainsFunc(s.OCI.Mounts, h.perhapsNew) {
		return nil
	}
	var places []newPlace
	own := s.ownMounts(*h)
	made := s.hostViewMounts(*h)
	all := append(slices.Clone(made), own...)
	for i, m := range own {
		at := m.Destination
		if !filepath.IsAbs(at) || below(at, "/proc") || h.there(at) || innermost(at, all[:len(made)+i]) != nil {
			continue
		}
		p, err := findPlace(at)
		if err != nil {
			return fmt.Errorf("mount point %s: %w", at, err)
		}
		if p.dir = !isBind(m) || h.isDir(m.Source); p.above == "" || innermostAt(p.above, made) != nil {
			continue // which is an error, see checkMountPoint
		}
		places = append(places, p)
		h.newPlaces = append(h.newPlaces, at)
	}
	if len(places) == 0 {
		return nil
	}
	var err error
	h.newRoot, err = gatherRoot(places)
	return err
}

// perhapsNew tells whether a mount's point may be one that the host has not: it is in no
// private directory, and is not where the source is. It keeps most starts from looking closer.
func (h *Host) perhapsNew(m specs.Mount) bool {
	at := filepath.Clean(m.Destination)
	return !h.there(at) && !(isBind(m) && m.Source == at) &&
		!slices.ContainsFunc(privateDirs, func(d privateDir) bool { return below(at, d.path) }) &&
		!slices.ContainsFunc(h.Homes, func(home string) bool { return below(at, home) })
}

// A newPlace is a mount point to be made.
type newPlace struct {
	above string // the directory that is there, without symbolic links
	rest  string // from there
	dir   bool
}

// findPlace finds how much of a path is there. A link that leads nowhere is no place.
func findPlace(at string) (p newPlace, err error) {
	for above := at; above != "/"; {
		above = path.Dir(above)
		_, err := os.Lstat(above)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return p, err
		}
		p.rest = strings.TrimPrefix(strings.TrimPrefix(at, above), "/")
		if _, err := os.Lstat(path.Join(above, strings.Split(p.rest, "/")[0])); err == nil {
			return p, nil
		}
		real, err := filepath.EvalSymlinks(above)
		if err != nil {
			return p, err
		}
		if fi, err := os.Stat(real); err != nil || !fi.IsDir() {
			return p, fmt.Errorf("%s is not a directory", above)
		}
		p.above = real
		return p, nil
	}
	return p, nil
}

// gatherRoot lists what is bound in a root that has the places: all that is at the host's, a
// directory before what is in it. /proc is mounted there by itself.
func gatherRoot(places []newPlace) ([]userns.Part, error) {
	opened := []string{"/"}
	for _, p := range places {
		for dir := p.above; dir != "/"; dir = path.Dir(dir) {
			if !slices.Contains(opened, dir) {
				opened = append(opened, dir)
			}
		}
	}
	slices.Sort(opened) // which puts a directory before what is in it
	var g gatherer
	for _, dir := range opened {
		if err := unix.Access(dir, unix.R_OK|unix.X_OK); err != nil {
			return nil, hinted(fmt.Errorf("%s: a mount point cannot be made in it: %w", dir, err), "choose another mount point, as one in /tmp")
		}
		for _, e := range entries(dir) {
			p := path.Join(dir, e.name)
			part := userns.Part{Path: strings.TrimPrefix(p, "/"), Dir: e.kind == unix.DT_DIR, Bound: true}
			if e.kind == unix.DT_UNKNOWN || e.kind == unix.DT_LNK {
				fi, err := os.Lstat(p)
				if err != nil {
					continue // it is gone
				}
				part.Dir = fi.IsDir()
				part.Link, _ = os.Readlink(p) // nothing for what is none
			}
			if part.Link != "" || p == "/proc" || slices.Contains(opened, p) {
				part.Bound = false
			}
			g.out.parts = append(g.out.parts, part)
		}
		if len(g.out.parts) > partLimit {
			return nil, hinted(fmt.Errorf("%s: a mount point cannot be made in it: %w", dir, errParts), "choose another mount point, as one in /tmp")
		}
	}
	for _, p := range places {
		g.addMountPoint(strings.TrimPrefix(path.Join(p.above, p.rest), "/"), p.dir)
	}
	return g.out.parts, nil
}

// newPlace tells whether a mount's point is made in the root of the sandbox's own.
func (h Host) newPlace(m specs.Mount) bool { return slices.Contains(h.newPlaces, m.Destination) }

// changeRoot makes the root that was gathered the sandbox's. /proc carries it until then, so
// the host's is taken before.
func (c *compiler) changeRoot() {
	const proc = userns.FD("host's /proc")
	parts := c.host.newRoot
	if len(parts) == 0 {
		return
	}
	options := append([]userns.Option{
		{Key: "mode", Value: "0755"}, {Key: "size", Value: strconv.Itoa((len(parts) + 16) * 4096)}, {Key: "nr_inodes", Value: strconv.Itoa(len(parts) + 16)},
	}, c.labelOptions("tmpfs")...)
	c.add(userns.Seal{}, userns.Take{Source: "/proc", Plain: true, As: proc},
		userns.Mount{Type: "tmpfs", Target: diskScratch, Options: options, Attr: userns.NoSuid | userns.NoDev},
		userns.Gather{Source: "/", At: diskScratch, Parts: parts},
		userns.Attach{From: proc, What: "/proc", Target: path.Join(diskScratch, "proc")},
		userns.PivotRoot{Root: diskScratch})
}
