package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// An OwnPath is a file or directory of the host that decides what later sandboxes
// may do, as profiles and records of trust do. A command that writes there has
// all that the next command is then allowed. Every writable mount that shows one
// shows it read-only.
type OwnPath struct {
	Path string
	// File says that it is a file, which is not made where it is not there.
	File bool
	// Hidden is not shown either.
	Hidden bool
}

// A heldPath is a host path that a writable mount may not show as it is: sealed is
// read-only, and what leads to it is only held in place. A mount point cannot be
// renamed or removed (EBUSY); without that, mv .config x; mkdir -p .config/sbx
// would leave the read-only mount in x.
type heldPath struct {
	path   string
	sealed bool
}

// A writableRoot is a tree of the host that the command may write. inside is where
// it is mounted; without mount it is the root itself, or what keeps its writes.
type writableRoot struct {
	source, inside string
	mounted        bool
}

func (s Spec) writableRoots(h Host) (roots []writableRoot) {
	if s.Project != "" && !s.ReadOnlyProject {
		roots = append(roots, writableRoot{h.real(s.Project), s.Project, true})
	}
	for _, m := range s.OCI.Mounts {
		if isBind(m) && !slices.Contains(m.Options, "ro") && !slices.Contains(s.Kept, m.Source) {
			roots = append(roots, writableRoot{h.real(m.Source), path.Clean(m.Destination), true})
		}
	}
	if s.Upper != "" && !slices.Contains(s.Kept, s.Upper) {
		roots = append(roots, writableRoot{source: s.Upper})
	}
	if s.View == Rootfs && s.OCI.Root != nil {
		roots = append(roots, writableRoot{source: s.OCI.Root.Path})
	}
	return roots
}

// probeOwn finds what of sbx's own a writable mount would show, by its real path and
// by every other mount of the same directory.
func (h *Host) probeOwn(s Spec, mounts mounttable.Table) error {
	for _, m := range s.OCI.Mounts {
		if isBind(m) {
			h.resolve(m.Source)
		}
	}
	roots := s.writableRoots(*h)
	hides := slices.ContainsFunc(s.OCI.Mounts, isBind)
	if len(s.Own) == 0 || len(roots) == 0 && !hides {
		return nil
	}
	all := append(h.ownOfHomes(s.Own), s.projectProfiles()...)
	for _, own := range all {
		t := trace{}
		if !t.plain(own.Path) {
			if err := t.follow(own.Path); err != nil {
				return fmt.Errorf("%s: %w", own.Path, err)
			}
		}
		if own.Hidden && t.there && hides {
			h.stat(t.real)
			h.Secrets = append(h.Secrets, t.real)
		}
		links := t.links
		for _, l := range t.links {
			links = append(links, mounts.Paths(l)...)
		}
		for _, real := range append([]string{t.real}, mounts.Paths(t.real)...) {
			if err := h.holdOwn(own, real, t, links, roots); err != nil {
				return err
			}
		}
	}
	if len(h.own) > 0 && s.UserNS {
		// A namespace of its own that pivots and detaches the old root has none of these
		// mounts, and renames what they are on.
		return hinted(fmt.Errorf("--allow-userns cannot be used when a writable mount contains sbx's own files (%s)", h.own[0].path),
			"show less, or show it read-only")
	}
	return nil
}

// profileDirs are where dotfiles repositories keep profiles: as a home does, or as the
// tools do that link or copy them there (stow, chezmoi, yadm).
var profileDirs = []string{".config/sbx/profiles", "config/sbx/profiles", "dot_config/sbx/profiles", "sbx/.config/sbx/profiles", "sbx/profiles"}

// projectProfiles are those directories of the project that are there. A new one is
// found when the command has ended: see package runlater.
func (s Spec) projectProfiles() (own []OwnPath) {
	if s.Project == "" || s.ReadOnlyProject {
		return nil
	}
	for _, dir := range profileDirs {
		p := path.Join(s.Project, dir)
		if t := (trace{}); t.plain(p) && t.there {
			own = append(own, OwnPath{Path: p})
		}
	}
	return own
}

// ownOfHomes adds the same paths below the caller's other home: a $HOME that is set for
// one command does not give away what the next one obeys.
func (h *Host) ownOfHomes(own []OwnPath) []OwnPath {
	n := len(h.Homes)
	if n < 2 {
		return own
	}
	all := slices.Clone(own)
	for _, o := range own {
		if below(o.Path, h.Homes[n-1]) && !o.File {
			o.Path = path.Join(h.Homes[0], strings.TrimPrefix(o.Path, h.Homes[n-1]))
			all = append(all, o)
		}
	}
	return all
}

// holdOwn has the own path at real held in each writable root that shows it.
func (h *Host) holdOwn(own OwnPath, real string, t trace, links []string, roots []writableRoot) error {
	for _, r := range roots {
		switch {
		case below(r.source, real), below(real, r.source) && !r.mounted:
			return hinted(fmt.Errorf("refusing to make %s writable: it contains %s, which controls later sandboxes", r.source, own.Path),
				"change to another directory, or show it read-only")
		case !below(real, r.source):
		case !t.there && own.File:
			return hinted(fmt.Errorf("refusing to make %s writable: %s is a link to a file in it that does not exist", r.source, own.Path),
				"remove the link, or make the file")
		default:
			h.hold(real, true)
			for dir := path.Dir(real); dir != r.source && below(dir, r.source); dir = path.Dir(dir) {
				h.hold(dir, false)
			}
			if !t.there {
				h.makeOwn(real)
			}
		}
		for _, link := range links {
			if link != r.source && below(link, r.source) {
				return hinted(fmt.Errorf("refusing to make %s writable: the link %s in it leads to sbx's own files", r.source, link),
					"show it read-only, or make a directory of the link")
			}
		}
	}
	return nil
}

func (h *Host) hold(p string, sealed bool) {
	for i := range h.own {
		if h.own[i].path == p {
			h.own[i].sealed = h.own[i].sealed || sealed
			return
		}
	}
	h.own = append(h.own, heldPath{p, sealed})
}

// makeOwn plans a directory that is not there, and those above it.
func (h *Host) makeOwn(dir string) {
	for ; ; dir = path.Dir(dir) {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) || dir == "/" {
			return
		}
		h.Files[dir] = fs.ModeDir | 0o700
		if !slices.Contains(h.ownMissing, dir) {
			h.ownMissing = append(h.ownMissing, dir)
		}
	}
}

// mkOwn makes the planned directories. What is not there cannot be mounted over, and
// the command could make it.
func (h Host) mkOwn() error {
	dirs := slices.Clone(h.ownMissing)
	slices.SortFunc(dirs, func(a, b string) int { return len(a) - len(b) })
	for _, dir := range dirs {
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return hinted(fmt.Errorf("cannot create sbx's own directory, and the command could create it: %w", err), "make it yourself, or show less")
		}
	}
	return nil
}

// ownBinds are the mounts that hold what is sbx's own.
func (s Spec) ownBinds(h Host, own []specs.Mount) (binds []specs.Mount) {
	for _, r := range s.writableRoots(h) {
		if !r.mounted {
			continue
		}
		for _, o := range h.own {
			if o.path == r.source || !below(o.path, r.source) {
				continue
			}
			at := r.inside + strings.TrimPrefix(o.path, strings.TrimSuffix(r.source, "/"))
			in := innermost(at, own)
			if in == nil || !isBind(*in) || path.Join(h.real(in.Source), strings.TrimPrefix(at, in.Destination)) != o.path ||
				slices.ContainsFunc(own, func(m specs.Mount) bool { return m.Destination == at && h.real(m.Source) != o.path }) {
				continue // something else is mounted there
			}
			m := bind(o.path, at)
			if o.sealed {
				m.Options = append(m.Options, "ro")
			}
			binds = append(binds, m)
		}
	}
	return binds
}

// isOwn tells whether a mount is one of ownBinds.
func (h Host) isOwn(m specs.Mount) bool {
	return slices.ContainsFunc(h.own, func(o heldPath) bool { return o.path == m.Source })
}

// sealOwn makes read-only every mount of something within what is sealed.
func (s Spec) sealOwn(h Host, mounts []specs.Mount) {
	for i, m := range mounts {
		if !isBind(m) || slices.Contains(m.Options, "ro") || slices.Contains(s.Kept, m.Source) {
			continue
		}
		if slices.ContainsFunc(h.own, func(o heldPath) bool { return o.sealed && below(m.Source, o.path) }) {
			mounts[i].Options = append(slices.Clip(m.Options), "ro")
		}
	}
}

// A trace is where a path leads, and the links on the way.
type trace struct {
	real  string
	links []string
	there bool
}

// plain takes a path in which there is no link, as far as it exists.
func (t *trace) plain(p string) bool {
	fd, err := unix.Openat2(unix.AT_FDCWD, p, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err == nil {
		unix.Close(fd)
	}
	t.real, t.there = p, err == nil
	return err == nil || err == unix.ENOENT
}

// follow goes through a path name by name.
func (t *trace) follow(p string) error {
	const most = 40 // as the kernel (path_resolution(7))
	*t = trace{real: "/", there: true}
	for rest := strings.TrimPrefix(p, "/"); rest != ""; {
		var name string
		name, rest, _ = strings.Cut(rest, "/")
		switch name {
		case "", ".":
			continue
		case "..":
			t.real = path.Dir(t.real)
			continue
		}
		at := path.Join(t.real, name)
		fi, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			t.real, t.there = path.Join(at, rest), false
			return nil
		case errors.Is(err, unix.ENOTDIR): // a file is in its way, which stays there
			return nil
		case errors.Is(err, fs.ErrPermission):
			t.real = path.Join(at, rest)
			return nil
		case err != nil:
			return err
		case fi.Mode()&fs.ModeSymlink == 0:
			t.real = at
			continue
		}
		if t.links = append(t.links, at); len(t.links) > most {
			return unix.ELOOP
		}
		to, err := os.Readlink(at)
		if err != nil {
			return err
		}
		if path.IsAbs(to) {
			t.real = "/"
		}
		rest = to + "/" + rest
	}
	return nil
}
