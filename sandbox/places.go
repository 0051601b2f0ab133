package sandbox

import (
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/secrets"
)

// The places of secrets are found by listing the directories of the home that may have
// some: a stat for each of the table's would take a millisecond. The list tells links
// too, and what a link leads to is the same secret by another path.

// fewPlaces is how many names are looked up one by one: listing costs as much as three.
const fewPlaces = 3

// inspected are places whose files are looked at for links: dotfiles are often linked
// file by file.
var inspected = []string{".ssh", ".gnupg", ".aws", ".kube", ".docker"}

// places are the existing places of secrets. What is a link is none, but what it leads to:
// a mount on the link's path would be one on that, which may be /dev/null.
type places struct {
	found []string // in a home, or in a directory that stands for one of its directories
	led   []string // what links lead to
	moved []string // what variables name
	host  []string // of the whole host
}

// findPlaces looks for the places of these homes, and where variables say they are.
func findPlaces(homes []string, lookup func(string) string) (found places) {
	found.host = slices.DeleteFunc(secrets.OfHost(lookup("XDG_RUNTIME_DIR")), func(p string) bool { return !inPrivate(p) && !exists(p) })
	for _, home := range homes {
		if home == "/" { // of a system's user, which has no dotfiles
			continue
		}
		found.search(home, secrets.Home(), &found.found)
		for _, b := range secrets.Bases {
			dir := path.Clean(lookup(b.Variable))
			if node := secrets.Directory(b.Below); path.IsAbs(dir) && dir != path.Join(home, b.Below) {
				found.search(dir, node, &found.found)
			}
		}
	}
	for _, p := range secrets.Moved(lookup) {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			found.moved = append(found.moved, real)
		}
	}
	return found
}

// inPrivate tells whether a path is in a directory that the host view replaces anyway, so
// that it hardly ever matters what is there.
func inPrivate(p string) bool {
	return slices.ContainsFunc(privateDirs, func(d privateDir) bool { return below(p, d.path) })
}

// search looks for the places in a directory that stands for a node of the table.
func (p *places) search(dir string, node *secrets.Node, found *[]string) {
	for _, e := range namesIn(dir, node) {
		at := dir + "/" + e.name
		child := node.In(e.name)
		link := e.kind == unix.DT_LNK
		switch {
		case child.Place && link:
			p.follow(at)
		case child.Place:
			*found = append(*found, at)
			if slices.Contains(inspected, e.name) {
				p.inspect(at)
			}
		case link:
			if real, err := filepath.EvalSymlinks(at); err == nil {
				p.search(real, child, &p.led)
			}
		default:
			p.search(at, child, found)
		}
	}
}

// namesIn are the names in a directory that are in the table.
func namesIn(dir string, node *secrets.Node) (list []entry) {
	few := len(node.Below()) <= fewPlaces
	how := unix.O_RDONLY
	if few {
		how = unix.O_PATH
	}
	fd, err := unix.Open(dir, how|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err == unix.EACCES && !few { // it may be entered all the same
		few = true
		fd, err = unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	if few {
		for _, child := range node.Below() {
			if kind := kindAt(fd, child.Name); kind != unix.DT_UNKNOWN {
				list = append(list, entry{name: child.Name, kind: kind})
			}
		}
		return list
	}
	for _, e := range listed(fd) {
		if node.In(e.name) == nil {
			continue
		}
		if e.kind == unix.DT_UNKNOWN {
			e.kind = kindAt(fd, e.name)
		}
		list = append(list, e)
	}
	return list
}

// kindAt is what is at a name, or DT_UNKNOWN for nothing.
func kindAt(dir int, name string) byte {
	var st unix.Stat_t
	if unix.Fstatat(dir, name, &st, unix.AT_SYMLINK_NOFOLLOW|unix.AT_NO_AUTOMOUNT) != nil {
		return unix.DT_UNKNOWN
	}
	return byte(st.Mode >> 12 & 0xf) // IFTODT of dirent.h
}

// inspect follows the links in a place.
func (p *places) inspect(dir string) {
	for _, e := range entries(dir) {
		if e.kind == unix.DT_LNK {
			p.follow(dir + "/" + e.name)
		}
	}
}

// follow records where a link leads, if it is there.
func (p *places) follow(link string) {
	if real, err := filepath.EvalSymlinks(link); err == nil && real != link {
		p.led = append(p.led, real)
	}
}

// systemDirs are the directories of the system. What is root's there is no secret of the
// caller's, wherever a link from the home leads: .bash_history to /dev/null, or a file of
// /nix/store.
var systemDirs = []string{
	"/bin", "/boot", "/dev", "/etc", "/gnu", "/lib", "/lib32", "/lib64", "/libx32", "/nix", "/opt", "/proc", "/sbin", "/snap", "/sys", "/usr", "/var",
}

func inSystem(p string) bool {
	return slices.ContainsFunc(systemDirs, func(dir string) bool { return below(p, dir) })
}

// tooWide tells whether a path holds more than secrets, so that it cannot be hidden: a
// home, a directory of the system, all of /tmp.
func (h *Host) tooWide(p string) bool {
	over := func(dir string) bool { return below(dir, p) || below(h.real(dir), p) }
	return slices.ContainsFunc(systemDirs, over) || slices.ContainsFunc(h.Homes, over) ||
		slices.ContainsFunc(privateDirs, func(d privateDir) bool { return over(d.path) })
}

// device tells whether a path is of the kernel's.
func device(p string) bool {
	return below(p, "/dev") && !below(p, "/dev/shm") || below(p, "/proc") || below(p, "/sys")
}

// ledPlaces are the paths that links and variables lead to and that can be hidden. A link
// into a directory of the system leads to a secret only if that is the caller's.
func (h *Host) ledPlaces(p places) (paths []string) {
	for _, at := range slices.Concat(p.led, p.moved) {
		switch {
		case device(at) || inSystem(at) && !slices.Contains(p.moved, at) && !h.owns(at):
		case h.tooWide(at):
			h.Unhidden = append(h.Unhidden, at+" is not hidden: a link from a secret directory leads to it, but it holds other files too")
		default:
			paths = append(paths, at)
		}
	}
	return paths
}

// owns tells whether the caller is the owner of what is at a path.
func (h *Host) owns(p string) bool {
	fi := h.stat(p)
	return fi != nil && owner(fi) == int(h.UID)
}

// workplace tells whether a path is where a tool keeps projects in a place of its secrets.
func (h Host) workplace(p string) bool {
	return slices.ContainsFunc(h.Homes, func(home string) bool {
		real := h.real(home)
		return real != p && below(p, real) && secrets.Workplace(strings.TrimPrefix(p, real+"/"))
	})
}
