package sandbox

import (
	"errors"
	"path"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

// Copies is the directory of the copies of git configurations, for the supervisor: it takes
// the command's harmless changes over when the command has ended.
const Copies userns.FD = "copies of git's settings"

// copyPlace is where that directory is. Another sandbox within has a /dev of its own more
// often than a /run. In another root /run may be in a directory of the host.
func (s Spec) copyPlace() string {
	for _, dir := range []string{"/run", "/dev"} {
		under := innermost(dir+runlater.CopiesName, s.OCI.Mounts)
		if under == nil || under.Destination != dir || under.Type != "tmpfs" || slices.Contains(under.Options, "ro") {
			continue
		}
		if dir == "/dev" || s.View == HostView && !hasOption(*under, "size") {
			place := dir + runlater.CopiesName
			for slices.ContainsFunc(s.OCI.Mounts, func(m specs.Mount) bool { return below(m.Destination, place) }) { // of a sandbox around this one
				place += "-"
			}
			return place
		}
	}
	return ""
}

// copied are the git configurations of which the command gets a copy, by the number of each.
// One that the caller shows or hides in another way is as the caller says.
func (s Spec) copied(h Host) map[string]int {
	if h.Guard == nil || len(h.Guard.Configs) == 0 || s.AllowRunLater || !s.guards(h) || s.copyPlace() == "" {
		return nil
	}
	numbers := map[string]int{}
	for n, config := range h.Guard.Configs {
		at := config.Path
		under := innermost(at, s.OCI.Mounts)
		mounts := 0
		for _, m := range s.OCI.Mounts {
			if m.Destination == at {
				mounts++
			}
		}
		if mounts == 1 && isBind(*under) && under.Source == under.Destination && !slices.Contains(under.Options, "ro") && !slices.Contains(s.OCI.Linux.MaskedPaths, at) {
			numbers[at] = n
		}
	}
	return numbers
}

// copyOf tells whether a mount is that of a configuration that is copied.
func (c *compiler) copyOf(m specs.Mount) (n int, ok bool) {
	n, ok = c.copied[m.Destination]
	return n, ok
}

// copyDir and copyPath are the places of a copy.
func (s Spec) copyDir(h Host, n int) string {
	dir, _ := h.Guard.CopyName(n)
	return s.copyPlace() + "/" + dir
}

func (s Spec) copyPath(h Host, n int) string {
	_, name := h.Guard.CopyName(n)
	return s.copyDir(h, n) + "/" + name
}

// linkAttr is what the mount of a link has.
const linkAttr = userns.ReadOnly | userns.NoSuid | userns.NoDev | userns.NoExec

// copyConfig makes a copy, and covers the configuration by a link to it. Git makes its lock
// where a link leads, and renames it there.
func (c *compiler) copyConfig(n int, at string) {
	const link userns.FD = "link"
	place := c.spec.copyPlace()
	if !c.copies {
		c.copies = true
		c.add(userns.Mkdir{Path: place, Mode: 0o755, Below: path.Dir(place)}, userns.Chmod{Path: place, Mode: 0o755})
	}
	config := c.host.Guard.Configs[n]
	_, name := c.host.Guard.CopyName(n)
	to, made := c.spec.copyPath(c.host, n), place+"/link"
	c.add(userns.GiveCopy{Dir: c.spec.copyDir(c.host, n), Name: name, Text: userns.Secret(config.Text), Mode: config.Mode},
		userns.TakeLink{Path: made, To: to, As: link},
		userns.Attach{From: link, What: "a link to " + to, Target: at, Attr: linkAttr, Exact: true},
		userns.Close{FD: link}, userns.Remove{Path: made})
}

// handCopies gives the supervisor the directory of the copies.
func (c *compiler) handCopies() {
	if c.copies {
		c.add(userns.OpenPlace{Path: c.spec.copyPlace(), As: Copies}, userns.Send{FD: Copies})
	}
}

// adoptConfigs takes the command's harmless changes of git's settings over, and says which it
// left out.
func (c *Cmd) adoptConfigs() {
	if c.copies == nil {
		return
	}
	defer c.copies.Close()
	if c.guarded == nil {
		return
	}
	for n, config := range c.guarded.Configs {
		if _, ok := c.copied[config.Path]; !ok {
			continue
		}
		left, err := c.guarded.Adopt(int(c.copies.Fd()), n)
		name := hint.Short(shortPath(c.Spec.Project, config.Path))
		if len(left) > 0 {
			c.notice(false, "%s: left out %s, which the command changed; --allow-run-later keeps such settings", name, settingNames(left))
		}
		switch {
		case errors.Is(err, unix.EEXIST):
			c.notice(true, "%s: left as it was, since %s.lock exists", name, name)
		case err != nil:
			c.notice(true, "%s: left as it was: %v", name, err)
		}
	}
}

// shortPath is a path below the project, where it is one.
func shortPath(project, at string) string {
	if rel, err := filepath.Rel(project, at); project != "" && err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return at
}

// refresh brings what the developer has set outside into the command's copy.
func (w *maskWatch) refresh(m mask) {
	n, ok := w.copied[m.outside]
	if !ok || w.copies == nil || m.inside != m.outside {
		return
	}
	if err := w.guard.Refresh(int(w.copies.Fd()), n); err != nil && !w.told[m.outside] {
		if w.told == nil {
			w.told = map[string]bool{}
		}
		w.told[m.outside] = true
		w.note("%s was set outside, which the command does not see: %v", hint.Short(shortPath(w.spec.Project, m.outside)), hint.Short(err.Error()))
	}
}

// link is where the link leads that covers a name, or nothing.
func (w *maskWatch) link(m mask) string {
	n, ok := w.copied[m.outside]
	if !ok || m.inside != m.outside || m.how != readOnly || w.copies == nil {
		return ""
	}
	return w.spec.copyPath(w.host, n)
}

func (c *Cmd) closeCopies() {
	if c.copies != nil {
		c.copies.Close()
		c.copies = nil
	}
}
