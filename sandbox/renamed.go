package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/hint"
)

// No name that is a mount point can be renamed by those who see the mount. A command that
// may make namespaces (--allow-userns) can leave the mount behind: in a namespace where the
// name is no mount point, rename(2) works. What was hidden stays hidden in this run, since
// the mount moves along, and the next run would show it by its new name. So after such a
// run the names are compared, and what was hidden gets its name back. The developer, too,
// may have renamed a file meanwhile: a new name that is hidden by itself stays.

// A heldName is one that was hidden or read-only, and what was there.
type heldName struct {
	path   string
	object object
	hidden bool
}

func (n heldName) how() string {
	if n.hidden {
		return "hidden"
	}
	return "read-only"
}

// heldNames are those in what the command may write.
func (s Spec) heldNames(h Host) (names []heldName) {
	roots := s.writableSources(h)
	add := func(p string, hidden bool) {
		real, err := filepath.EvalSymlinks(p)
		if err != nil || !slices.ContainsFunc(roots, func(r string) bool { return below(real, r) }) {
			return
		}
		if of := objectAt(real); of != (object{}) {
			names = append(names, heldName{real, of, hidden})
		}
	}
	for _, p := range append(s.hidden(h), h.Secrets...) {
		if h.there(p) && !s.exposed(h, p) {
			add(p, true)
		}
	}
	if h.Guard != nil && !s.AllowRunLater {
		for _, b := range h.Guard.Binds {
			add(b.Path, false)
		}
	}
	return names
}

// writableSources are the directories of the host that the command may write.
func (s Spec) writableSources(h Host) (roots []string) {
	for _, m := range s.ownMounts(h) {
		if isBind(m) && h.isDir(m.Source) && !slices.Contains(m.Options, "ro") {
			roots = append(roots, h.real(m.Source))
		}
	}
	return roots
}

// renamed finds which of them are at another name now. What was hidden gets its name back.
func (c *Cmd) renamed() (err error) {
	n := nameSearch{files: map[object]*linked{}, limit: nameLimit, directories: true}
	moved := map[object]heldName{}
	for _, held := range c.held {
		if objectAt(held.path) != held.object {
			moved[held.object] = held
			n.files[held.object] = &linked{path: held.path, names: ^uint64(0), found: map[place]bool{}}
		}
	}
	if len(moved) == 0 {
		return nil
	}
	for i, root := range c.heldRoots {
		if !slices.ContainsFunc(c.heldRoots[:i], func(r string) bool { return below(root, r) }) {
			n.search(root)
		}
	}
	found := map[string]bool{}
	for _, p := range n.paths {
		if held, ok := moved[objectAt(p)]; ok && !c.wasHeld(p) {
			found[held.path] = true
			err = errors.Join(err, c.moved(held, p))
		}
	}
	for _, held := range moved {
		if !found[held.path] && objectAt(held.path) == (object{}) {
			c.notice(true, "%s was %s and is gone", hint.Short(held.path), held.how())
		}
	}
	return hinted(err, "move it back, or hide it by its new name, or the next run shows it")
}

// objectAt is what is at a path, not where a link leads, or the zero value for nothing.
func objectAt(p string) object {
	var st unix.Stat_t
	if unix.Lstat(p, &st) != nil {
		return object{}
	}
	return object{uint64(st.Dev), st.Ino}
}

func (c *Cmd) wasHeld(p string) bool {
	return slices.ContainsFunc(c.held, func(held heldName) bool { return held.path == p })
}

// moved tells of a name that has become p.
func (c *Cmd) moved(held heldName, p string) error {
	switch {
	case !held.hidden, path.Dir(p) == path.Dir(held.path) && staysHidden(p):
		c.notice(true, "%s was %s and is now %s", hint.Short(held.path), held.how(), hint.Short(p))
		return nil
	}
	to, err := c.restore(held, p)
	if err != nil {
		return fmt.Errorf("%s was hidden and is now %s: %w", hint.Short(held.path), hint.Short(p), err)
	}
	c.notice(false, "the hidden file %s was renamed to %s, and is %s again", hint.Short(held.path), hint.Short(p), hint.Short(to))
	return nil
}

// staysHidden tells whether the next run hides a name by itself.
func staysHidden(p string) bool {
	secret, contents := dotenv.Name(path.Base(path.Dir(p)), path.Base(p))
	return secret && contents == nil
}

// restore gives a hidden file its name back, or another that stays hidden where that one
// is taken.
func (c *Cmd) restore(held heldName, p string) (to string, err error) {
	i := slices.IndexFunc(c.heldRoots, func(r string) bool { return below(held.path, r) && below(p, r) })
	if i < 0 {
		return "", errors.New("it is in another directory")
	}
	dir := c.heldRoots[i]
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", err
	}
	defer root.Close()
	in := func(p string) string { return strings.TrimPrefix(p[len(dir):], "/") }
	if err := root.MkdirAll(path.Dir(in(held.path)), 0o755); err != nil {
		return "", err
	}
	names := []string{held.path}
	if below(held.path, c.Spec.Project) {
		for n := range 9 {
			names = append(names, path.Join(path.Dir(held.path), fmt.Sprintf(".env.moved-%d", n+1)))
		}
	}
	for _, to := range names {
		if _, err := root.Lstat(in(to)); errors.Is(err, fs.ErrNotExist) {
			return to, root.Rename(in(p), in(to))
		}
	}
	return "", errors.New("its name is taken")
}
