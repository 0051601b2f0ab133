package sandbox

import (
	"cmp"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

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

// briefRun is a time in which nobody makes a file by hand: what appears while a command runs
// that ends so soon is the command's, and shown to the next.
const briefRun = time.Second

// isCommands tells whether a file that appeared is the command's, for all that is known: what
// appears in a directory that is watched, and is not plain, is hidden at once.
func (c *Cmd) isCommands(name string) bool {
	return c.ran < briefRun || slices.Contains(c.secretsWatched, path.Dir(name))
}

// recall gives the secrets that are remembered of a project, and notes which files are to be
// shown, and which directories were shut.
func (h *Host) recall(project string) (names []string) {
	m := memory(h.Homes)
	if m == "" {
		return nil
	}
	for _, k := range m.Recall(project) {
		switch {
		case k.Shut && h.wereShut == nil:
			h.wereShut = map[uint64]bool{}
			fallthrough
		case k.Shut:
			h.wereShut[k.Inode] = true
		case k.Shown && isMade(k, path.Join(project, k.Path)):
			if h.made == nil {
				h.made = map[string]dotenv.Known{}
			}
			h.made[k.Path] = k
		default: // one that was changed since is the developer's
			names = append(names, k.Path)
		}
	}
	return names
}

// isMade tells whether a file is one that a command made and nobody has changed since. It is
// shown to the next command, which is often of the same build. A link is not: what it leads to
// may be another file by then.
func isMade(k dotenv.Known, at string) bool {
	var st unix.Stat_t
	return k.Shown && unix.Lstat(at, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFREG && st.Nlink == 1 &&
		st.Ino == k.Inode && st.Ctim.Sec*1e9+st.Ctim.Nsec == k.Changed
}

// remember keeps the secrets that there are now, and says which the command could read.
func (c *Cmd) remember() {
	m, project := memory(c.homes), c.Spec.Project
	if c.guarded == nil || m == "" || project == "" || c.guarded.Secret == nil || c.Spec.ReadOnlyProject {
		return
	}
	r := remembering{
		project: project, hidden: c.secretsHidden, exposed: c.secretsExposed, commands: c.isCommands, brief: c.ran < briefRun, by: map[string]dotenv.Known{},
	}
	known := m.Recall(project) // another sandbox may have ended meanwhile
	if len(known)+len(c.secretsSeen)+len(c.shut) == 0 {
		return
	}
	r.keep(known)
	r.add(c.secretsSeen)
	r.addShut(c.shut)
	if err := m.Keep(project, r.all()); err != nil {
		c.note("secrets of the project could not be remembered for the next run: %v", err)
	}
	if len(r.first) > 0 {
		c.note("%s", hiddenLine(r.first))
		c.toldHidden = true
		m.Told(project)
	}
	if len(r.new) > 0 {
		c.note("hidden from the next run on: %s; --unsafe-expose NAME shows one", someNames(r.new))
	}
	if len(r.new) > 0 && r.left > 0 {
		c.note("%d more names like these are not hidden, since there are more than %d: --hide PATH hides one", r.left, rememberLimit)
	}
}

// hiddenEvery is how often the hidden names are printed for a project: tests that fail are run
// again and again.
const hiddenEvery = time.Hour

// Hidden names the files of the project that were hidden from a command that has ended, or is
// empty where there was none, or where they were named not long ago.
func (c *Cmd) Hidden() string {
	m := memory(c.homes)
	if len(c.secretsHidden) == 0 || c.toldHidden || m == "" || m.ToldSince(c.Spec.Project, hiddenEvery) {
		return ""
	}
	var names []string
	for _, name := range c.secretsHidden {
		if info, err := os.Lstat(path.Join(c.Spec.Project, name)); err == nil && !info.IsDir() {
			names = append(names, hint.Short(name))
		}
	}
	if len(names) == 0 {
		return ""
	}
	m.Told(c.Spec.Project)
	return hiddenLine(names)
}

func hiddenLine(names []string) string {
	return fmt.Sprintf("hidden from the command: %s; --unsafe-expose NAME shows one", someNames(together(names)))
}

// together has one pattern stand for all the .env files of a directory: a project has many.
func together(names []string) (some []string) {
	const prefix = ".env"
	count := map[string]int{}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), prefix) {
			count[path.Dir(name)]++
		}
	}
	for _, name := range names {
		if strings.HasPrefix(path.Base(name), prefix) && count[path.Dir(name)] > 1 {
			name = path.Join(path.Dir(name), prefix+"*")
		}
		if !slices.Contains(some, name) {
			some = append(some, name)
		}
	}
	return some
}

func someNames(names []string) string {
	told, more := names[:min(len(names), toldNames)], ""
	if n := len(names) - len(told); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(told, ", ") + more
}

// A remembering is what is known of a project's secrets, while it is made.
type remembering struct {
	project string
	hidden  []string // in the run that has ended
	exposed []string // shown in it on purpose
	// commands tells whether a file that appeared during the run, and was not hidden, is the
	// command's.
	commands func(name string) bool
	brief    bool // the run was a brief one
	by       map[string]dotenv.Known
	secrets  []dotenv.Known
	made     []dotenv.Known
	shut     []dotenv.Known
	first    []string // secrets that were hidden for the first time
	new      []string // secrets that were not hidden
	left     int      // how many are too many
}

func (r *remembering) all() []dotenv.Known { return slices.Concat(r.shut, r.secrets, r.made) }

// addShut takes the directories that could not be looked into now; those before are open or gone.
func (r *remembering) addShut(shut []runlater.Shut) {
	for _, s := range shut {
		r.shut = append(r.shut, dotenv.Known{Path: ".", Inode: s.Inode, Shut: true})
	}
}

// keep takes what was known and is still so: a command that makes others must not push
// them out.
func (r *remembering) keep(known []dotenv.Known) {
	for _, k := range known {
		if k.Shut {
			continue
		}
		r.by[k.Path] = k
		if !k.Shown {
			r.secrets = append(r.secrets, k)
		}
	}
	r.secrets = r.real(r.secrets)
}

// add takes what was found now. What was hidden comes first, then what is near the top.
func (r *remembering) add(seen []runlater.Secret) {
	var some, made []dotenv.Known // a command can make any number, so those come last
	had := map[string]bool{}
	for _, s := range seen {
		old, known := r.by[s.Path]
		hidden := slices.Contains(r.hidden, s.Path)
		k := dotenv.Known{Path: s.Path, Inode: s.Inode, Changed: s.Changed}
		switch {
		case had[s.Path] || known && !old.Shown:
		case !hidden && !s.Alias && !slices.Contains(r.exposed, s.Path) && r.isCommands(s, old):
			// The command made it, so it knows what is in it.
			if k.Shown = true; len(r.made) < madeLimit {
				r.made = append(r.made, k)
			}
		case s.Made && !hidden:
			made = append(made, k)
		default:
			some = append(some, k)
		}
		had[s.Path] = true
	}
	slices.SortFunc(some, func(a, b dotenv.Known) int {
		return cmp.Or(r.later(a.Path)-r.later(b.Path), strings.Compare(a.Path, b.Path))
	})
	for _, k := range append(r.real(some), r.real(made)...) {
		if len(r.secrets) >= rememberLimit {
			r.left++
			continue
		}
		r.secrets = append(r.secrets, k)
		switch {
		case slices.Contains(r.hidden, k.Path):
			r.first = append(r.first, hint.Short(k.Path))
		case !slices.Contains(r.exposed, k.Path):
			r.new = append(r.new, hint.Short(k.Path))
		}
	}
}

// isCommands tells whether the command made a file, or an earlier one did and nobody else has
// changed it. What changes during a long run may be the developer's.
func (r *remembering) isCommands(s runlater.Secret, old dotenv.Known) bool {
	same := old.Shown && old.Inode == s.Inode
	switch {
	case same && old.Changed == s.Changed:
		return true
	case same && s.Touched:
		return r.brief
	}
	return s.Made && r.commands(s.Path)
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
