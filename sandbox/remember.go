package sandbox

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/gitindex"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// Before a run only the directories near the project's top are searched for secrets, and the
// command decides which those are: it makes sixty that are likelier than src/site/deploy, and
// the next run reads what is in that. After a run the whole project is looked at, so what is
// secret then is remembered, and hidden at the next start wherever it is.

// rememberLimit bounds the secrets of a project: each costs a look, some mounts and what
// watches them. madeLimit is for what commands made.
const (
	rememberLimit = 48
	madeLimit     = 256
)

// memory is where secrets are remembered, or nothing for a caller without a home.
func memory(homes []string) dotenv.Memory {
	if dir := statePath(homes); dir != "" {
		return dotenv.Memory(dir + "/secrets")
	}
	return ""
}

// recall gives the secrets that are remembered of a project.
func (h *Host) recall(project string) (names []string) {
	m := memory(h.Homes)
	if m == "" {
		return nil
	}
	for _, k := range m.Recall(project) {
		if !k.Made {
			names = append(names, k.Path)
		}
	}
	return names
}

// remember keeps the secrets that there are now, and says which the command could read.
func (c *Cmd) remember() {
	m, project := memory(c.homes), c.Spec.Project
	if c.guarded == nil || m == "" || project == "" || c.guarded.Secret == nil || c.Spec.ReadOnlyProject {
		return
	}
	r := remembering{project: project, hidden: c.secretsHidden, by: map[string]dotenv.Known{}}
	known := m.Recall(project) // another sandbox may have ended meanwhile
	if len(known)+len(c.secretsSeen) == 0 {
		return
	}
	r.keep(known)
	r.add(c.secretsSeen)
	if err := m.Keep(project, r.all()); err != nil {
		c.note("secrets of the project could not be remembered for the next run: %v", err)
	}
	if len(r.new) > 0 {
		told, more := r.new[:min(len(r.new), toldNames)], ""
		if n := len(r.new) - len(told); n > 0 {
			more = fmt.Sprintf(" and %d more", n)
		}
		c.note("hidden from the next run on: %s%s; --unsafe-expose NAME shows one", strings.Join(told, ", "), more)
	}
	if len(r.new) > 0 && r.left > 0 {
		c.note("%d more names like these are not hidden, since there are more than %d: --hide PATH hides one", r.left, rememberLimit)
	}
}

// A remembering is what is known of a project's secrets, while it is made.
type remembering struct {
	project string
	hidden  []string // in the run that has ended
	by      map[string]dotenv.Known
	secrets []dotenv.Known
	made    []dotenv.Known
	new     []string // secrets that were not hidden
	left    int      // how many are too many
}

func (r *remembering) all() []dotenv.Known { return append(r.secrets, r.made...) }

// keep takes what was known and is still so: a command that makes others must not push
// them out.
func (r *remembering) keep(known []dotenv.Known) {
	for _, k := range known {
		r.by[k.Path] = k
		if !k.Made {
			r.secrets = append(r.secrets, k)
		}
	}
	r.secrets = r.real(r.secrets)
}

// add takes what was found now. What was hidden comes first, then what is near the top.
func (r *remembering) add(seen []runlater.Secret) {
	var some []dotenv.Known
	had := map[string]bool{}
	for _, s := range seen {
		old, known := r.by[s.Path]
		hidden := slices.Contains(r.hidden, s.Path)
		k := dotenv.Known{Path: s.Path, Inode: s.Inode, Changed: s.Changed}
		switch {
		case had[s.Path] || known && !old.Made:
		case !hidden && (s.Made || known && old.Inode == s.Inode && (s.Touched || old.Changed == s.Changed)):
			// The command made it, so it knows what is in it.
			if k.Made = true; len(r.made) < madeLimit {
				r.made = append(r.made, k)
			}
		default:
			some = append(some, k)
		}
		had[s.Path] = true
	}
	slices.SortFunc(some, func(a, b dotenv.Known) int {
		return cmp.Or(r.later(a.Path)-r.later(b.Path), strings.Compare(a.Path, b.Path))
	})
	for _, k := range r.real(some) {
		if len(r.secrets) >= rememberLimit {
			r.left++
			continue
		}
		if r.secrets = append(r.secrets, k); !slices.Contains(r.hidden, k.Path) {
			r.new = append(r.new, hint.Short(k.Path))
		}
	}
}

func (r *remembering) later(name string) int {
	if slices.Contains(r.hidden, name) {
		return 0
	}
	return 1 + strings.Count(name, "/")
}

// judgeLimit bounds how many files are read.
const judgeLimit = 256

// real gives those that are there, are secrets by their contents, too, and are not tracked.
func (r *remembering) real(some []dotenv.Known) []dotenv.Known {
	some = slices.DeleteFunc(some[:min(len(some), judgeLimit)], func(k dotenv.Known) bool {
		at := path.Join(r.project, k.Path)
		_, err := os.Lstat(at)
		return err != nil || !dotenv.File(at, false)
	})
	var names []string
	for _, k := range some {
		names = append(names, k.Path)
	}
	tracked := gitindex.Tracked(r.project, names)
	return slices.DeleteFunc(some, func(k dotenv.Known) bool { return tracked[k.Path] })
}
