package sandbox

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/secrets"
	"github.com/sbxrun/sbx/sandbox/toolhome"
	"github.com/sbxrun/sbx/userns"
)

// A mount that hides a name does not last: when the host renames or removes the name,
// the kernel detaches what is mounted on it in every other mount namespace, and npm
// login or an editor does that at each save. A directory that is shown read-only and
// has places of secrets below it is therefore gathered: a directory of the sandbox's own
// is shown in its place, with what is visible bound in name by name. Nothing is there
// to be uncovered, and what the host makes later is absent.
//
// In a directory that is shown writable a new name must reach the host's, so there
// secrets are hidden by mounts.

// A gathering is what of a directory is shown in one of the sandbox's own.
type gathering struct {
	source string        // the directory's real path
	parts  []userns.Part // a directory before what is in it
	left   []string      // names at the top of homes that are shown without them
	homes  []string      // those homes
}

// partLimit bounds the mounts of one sandbox: the kernel allows 100,000 in a namespace.
const partLimit = 8192

var errParts = errors.New("too many names to show one by one")

// probeGathered lists what is shown of the directories that are gathered.
func (h *Host) probeGathered(s Spec, doors []string) error {
	// What is secret is a reason to gather a directory. Sockets and pipes, and what the
	// caller cannot read, are only left out of one.
	var secret, others []string
	var homes map[string]object
	own := s.ownMounts(*h)
	for i, m := range own {
		if !isBind(m) || !slices.Contains(m.Options, "ro") || !h.isDir(m.Source) || s.Project != "" && below(m.Source, s.Project) {
			continue
		}
		if homes == nil {
			homes, secret = h.homeObjects(), s.hidden(*h)
			for _, p := range h.Secrets {
				if s.exposed(*h, p) {
					continue
				}
				if reason := !slices.Contains(doors, p) && (accessible(p) || !h.there(p) && h.private(p)); reason {
					secret = append(secret, p)
				} else {
					others = append(others, p)
				}
			}
		}
		g := gatherer{host: h, spec: s, named: m.Source, source: h.real(m.Source), hidden: map[string]bool{}, leads: map[string]bool{}}
		for _, p := range secret {
			if !g.covered(p, m.Destination, own) {
				g.hide(p)
			}
		}
		g.findHomes(homes)
		if _, leads := g.known(g.source); len(g.hidden) == 0 && len(g.out.homes) == 0 && !leads {
			continue
		}
		for _, p := range others {
			g.hide(p)
		}
		if err := g.gather(); err != nil {
			return hinted(fmt.Errorf("%s: secrets in it cannot be hidden: %w", m.Source, err), "show only the directories in it that the command needs")
		}
		g.addMountPoints(m.Destination, own[i+1:])
		if h.gathered == nil {
			h.gathered = map[string]gathering{}
		}
		h.gathered[m.Destination] = g.out
	}
	return nil
}

// A gatherer lists one directory.
type gatherer struct {
	host   *Host
	spec   Spec
	named  string            // the source as the mount has it
	source string            // its real path
	top    int               // descriptor of the source
	hidden map[string]bool   // real paths below the source
	leads  map[string]bool   // the directories that lead to them
	found  []string          // hidden places that links lead to
	linked map[string]string // where a tool's name that is a link leads, and the name below the home
	out    gathering
}

// covered tells whether another mount is over a path, in which it is hidden by itself.
func (g *gatherer) covered(p, destination string, own []specs.Mount) bool {
	if !below(p, g.named) {
		return false
	}
	at := path.Join(destination, p[len(strings.TrimSuffix(g.named, "/")):])
	return slices.ContainsFunc(own, func(m specs.Mount) bool {
		return m.Destination != destination && below(m.Destination, destination) && below(at, m.Destination)
	})
}

// hide has a path left out, if it is below the source.
func (g *gatherer) hide(p string) {
	if g.named != g.source && below(p, g.named) {
		p = g.source + p[len(g.named):]
	}
	if p == g.source || !below(p, g.source) || g.hidden[p] {
		return
	}
	g.hidden[p] = true
	for dir := path.Dir(p); dir != g.source && dir != "/"; dir = path.Dir(dir) {
		g.leads[dir] = true
	}
}

// homeObjects are the caller's homes, by their paths without links.
func (h *Host) homeObjects() map[string]object {
	homes := map[string]object{}
	for _, home := range h.realHomes() {
		if home != "/" {
			homes[home] = objectAt(home)
		}
	}
	return homes
}

// known tells whether a path is a place of secrets by the table, or leads to one: those that
// are not there yet must not appear in what is shown.
func (g *gatherer) known(p string) (place, leads bool) {
	for _, home := range g.host.realHomes() {
		if home == "/" || p == home || !below(p, home) || g.spec.exposed(*g.host, p) {
			continue
		}
		rest := strings.TrimPrefix(p, home+"/")
		place = place || secrets.PlaceAbove(rest) == rest
		leads = leads || secrets.Directory(rest) != nil
	}
	return place, leads
}

// findHomes finds the homes that are shown without what is no tool.
func (g *gatherer) findHomes(homes map[string]object) {
	here := objectAt(g.source)
	for home, there := range homes {
		if there == here {
			home = g.source // by another name, as a bind mount of it is
		}
		if !below(home, g.source) || g.spec.exposedWhole(home) {
			continue
		}
		if !slices.Contains(g.out.homes, home) {
			g.out.homes = append(g.out.homes, home)
		}
		for dir := home; dir != g.source && dir != "/"; dir = path.Dir(dir) {
			g.leads[dir] = true
		}
	}
	slices.Sort(g.out.homes)
}

// exposedWhole tells whether a directory was exposed, or one that it is in.
func (s Spec) exposedWhole(dir string) bool {
	return slices.ContainsFunc(s.Exposed, func(e string) bool { return below(dir, e) })
}

// gather lists the source. A link on the way to a hidden place has what it leads to
// hidden too, so the list is made again until no new place is found.
func (g *gatherer) gather() error {
	top, err := unix.Open(g.source, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(top)
	g.top = top
	for range 8 {
		before := len(g.hidden) + len(g.linked)
		g.out.source, g.out.parts, g.out.left = g.source, nil, nil
		if err := g.list(""); err != nil {
			return err
		}
		for _, p := range g.found {
			g.hide(p)
		}
		if g.found = nil; len(g.hidden)+len(g.linked) == before {
			return nil
		}
	}
	return errors.New("links between its secret directories form a loop")
}

// list lists a directory below the source, by its path there.
func (g *gatherer) list(dir string) error {
	at := "."
	if dir != "" {
		at = dir
	}
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	fd, err := unix.Openat2(g.top, at, &how)
	if err != nil {
		return nil // the command could not list it either, or it is gone
	}
	defer unix.Close(fd)
	names := listed(fd)
	slices.SortFunc(names, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	for _, e := range names {
		if len(g.out.parts) > partLimit {
			return errParts
		}
		if e.kind == unix.DT_UNKNOWN {
			e.kind = kindAt(fd, e.name)
		}
		if err := g.entry(fd, dir, e); err != nil {
			return err
		}
	}
	return nil
}

// entry adds one name to what is shown, or leaves it out.
func (g *gatherer) entry(fd int, dir string, e entry) error {
	name := path.Join(dir, e.name)
	p := path.Join(g.source, name)
	shows := g.shows(p)
	place, way := g.known(p)
	hidden, leads := place || g.hidden[p], way || g.leads[p]
	if e.kind == unix.DT_LNK && shows != toolhome.Nothing && !hidden {
		g.followTool(p)
	}
	switch {
	case e.kind == unix.DT_LNK && (hidden || leads):
		g.follow(p)
	case shows == toolhome.Nothing && slices.Contains(g.out.homes, path.Dir(p)) && !hidden:
		g.out.left = append(g.out.left, e.name)
	}
	switch {
	case hidden, shows == toolhome.Nothing:
	case e.kind == unix.DT_LNK:
		if to, err := readlinkAt(fd, e.name); err == nil {
			g.out.parts = append(g.out.parts, userns.Part{Path: name, Link: to})
		}
	case e.kind == unix.DT_CHR, e.kind == unix.DT_BLK, e.kind == unix.DT_UNKNOWN:
	case e.kind != unix.DT_DIR:
		if shows == toolhome.All {
			g.out.parts = append(g.out.parts, userns.Part{Path: name, Bound: true})
		}
	case leads || shows == toolhome.Part:
		g.out.parts = append(g.out.parts, userns.Part{Path: name, Dir: true})
		return g.list(name)
	default:
		g.out.parts = append(g.out.parts, userns.Part{Path: name, Bound: true, Dir: true})
	}
	return nil
}

// shows tells what of a path is shown as far as homes go: tools, and what is exposed.
func (g *gatherer) shows(p string) toolhome.Answer {
	for _, home := range g.out.homes {
		if p == home || !below(p, home) {
			continue
		}
		answer := toolhome.Shows(strings.TrimPrefix(p[len(home):], "/"))
		for to, name := range g.linked {
			switch {
			case below(p, to):
				answer = max(answer, toolhome.Shows(name+p[len(to):]))
			case below(to, p):
				answer = max(answer, toolhome.Part)
			}
		}
		for _, e := range g.spec.Exposed {
			switch {
			case below(p, e):
				return toolhome.All
			case below(e, p):
				answer = max(answer, toolhome.Part)
			}
		}
		return answer
	}
	return toolhome.All
}

// follow finds where the hidden places are that a link leads to.
func (g *gatherer) follow(link string) {
	real, err := filepath.EvalSymlinks(link)
	if err != nil {
		return
	}
	for p := range g.hidden {
		if below(p, link) {
			g.found = append(g.found, real+p[len(link):])
		}
	}
}

// followTool has what a tool's name leads to shown as that: ~/go may be a link to ~/big/go.
func (g *gatherer) followTool(link string) {
	real, err := filepath.EvalSymlinks(link)
	if err != nil {
		return
	}
	for _, home := range g.out.homes {
		if below(link, home) && real != home && below(real, home) && below(real, g.source) {
			if g.linked == nil {
				g.linked = map[string]string{}
			}
			g.linked[real] = strings.TrimPrefix(link[len(home):], "/")
		}
	}
}

func readlinkAt(fd int, name string) (string, error) {
	buf := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(fd, name, buf)
	if err != nil || n == 0 || n == len(buf) {
		return "", errors.New("no link")
	}
	return string(buf[:n]), nil
}

// addMountPoints adds the places of mounts that are in the directory by now.
func (g *gatherer) addMountPoints(destination string, mounts []specs.Mount) {
	for i, m := range mounts {
		if m.Destination == destination || !below(m.Destination, destination) || innermost(m.Destination, mounts[:i]) != nil {
			continue
		}
		g.addMountPoint(strings.TrimPrefix(m.Destination[len(destination):], "/"), !isBind(m) || g.host.isDir(m.Source))
	}
}

// addMountPoint makes a place for a mount, and the directories above it, unless what
// is bound there has them.
func (g *gatherer) addMountPoint(name string, dir bool) {
	for i := 1; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		at := slices.IndexFunc(g.out.parts, func(p userns.Part) bool { return p.Path == name[:i] })
		want := userns.Part{Path: name[:i], Dir: dir || i < len(name)}
		switch {
		case at < 0:
			g.out.parts = append(g.out.parts, want)
		case g.out.parts[at].Bound:
			return
		case g.out.parts[at].Link != "" && i == len(name):
			g.out.parts[at] = want
		}
		g.out.left = slices.DeleteFunc(g.out.left, func(left string) bool {
			return slices.Contains(g.out.homes, g.source) && left == name[:i]
		})
	}
}

// takeGathered adds the steps that gather a directory, as what is to be mounted.
func (c *compiler) takeGathered(i int, g gathering, o mountOptions) {
	options := append([]userns.Option{
		{Key: "mode", Value: "0755"}, {Key: "size", Value: strconv.Itoa((len(g.parts) + 16) * 4096)}, {Key: "nr_inodes", Value: strconv.Itoa(len(g.parts) + 16)},
	}, c.labelOptions("tmpfs")...)
	c.add(userns.Mount{Type: "tmpfs", Target: diskScratch, Options: options, Attr: userns.NoSuid | userns.NoDev},
		userns.Gather{Source: g.source, At: diskScratch, Parts: g.parts, Alone: !o.recursive},
		userns.Take{Source: diskScratch, Attr: o.attr, As: c.mountFD(i)}, userns.Unmount{Target: diskScratch})
}

// gatheredAt is the gathering that a mount shows, if it shows one.
func (h Host) gatheredAt(m specs.Mount) (gathering, bool) {
	g, ok := h.gathered[m.Destination]
	return g, ok && isBind(m) && slices.Contains(m.Options, "ro") && g.source == h.real(m.Source)
}

// leftNamed is how many of the names that a home is shown without are said.
const leftNamed = 3

// homeNotes say what homes are shown without.
func (s Spec) homeNotes(h Host) (notes []string) {
	for _, m := range s.OCI.Mounts {
		g, ok := h.gatheredAt(m)
		if !ok || len(g.left) == 0 {
			continue
		}
		left, more := slices.Clone(g.left), ""
		slices.SortStableFunc(left, func(a, b string) int { return hiddenLast(a) - hiddenLast(b) })
		if len(left) > leftNamed {
			left, more = left[:leftNamed], ", ..."
		}
		notes = append(notes, fmt.Sprintf("only the tools in %s are shown, %d names are hidden (%s%s): --ro PATH shows one, --unsafe-expose %s all",
			m.Source, len(g.left), strings.Join(left, ", "), more, g.homes[0]))
	}
	return notes
}

func hiddenLast(name string) int {
	if strings.HasPrefix(name, ".") {
		return 1
	}
	return 0
}
