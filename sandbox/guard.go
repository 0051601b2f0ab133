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

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/gitindex"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// probeProject looks at the project: what of it runs later outside without being
// asked for, and what else git needs of the host where the project is a worktree.
func (h *Host) probeProject(s Spec) error {
	if s.Project == "" || !h.isDir(s.Project) {
		return nil // which is told elsewhere
	}
	guard, err := runlater.Find(s.Project, runlater.OwnConfig(h.Homes, os.Getenv), h.mounts)
	if err != nil {
		return fmt.Errorf("project directory %s: %w", s.Project, err)
	}
	h.Guard = &guard
	for _, b := range slices.Concat(guard.Binds, guard.Shown) {
		if info := h.stat(b.Path); b.ReadOnly && mayBeLinked(info) {
			h.perhapsLinked = append(h.perhapsLinked, b.Path)
		}
	}
	names := entries(s.Project)
	for _, e := range names {
		if e.kind == unix.DT_FIFO || e.kind == unix.DT_SOCK {
			h.top = append(h.top, e)
		}
	}
	h.ProjectNames = projectSecrets(s.Project, names, h.commands, h.Guard.Remember, h.recall(s.Project))
	h.ProjectNames = slices.DeleteFunc(h.ProjectNames, func(name string) bool { return isMade(h.made[name], path.Join(s.Project, name)) })
	return nil
}

// commands tells whether a user of the host may be one of the command's.
func (h *Host) commands(uid uint32) bool {
	return uid == h.UID || slices.ContainsFunc(h.UIDs, func(r idmap.Range) bool { return uid >= r.Start && uid-r.Start < r.Count })
}

// projectSecrets are the files of a project that hold secrets, by their paths in it. What
// git tracks is none: it is in every clone.
func projectSecrets(project string, top []entry, commands func(uid uint32) bool, listed func(dir, name string, ino uint64), known []string) []string {
	names := make([]dotenv.Entry, len(top))
	for i, e := range top {
		names[i] = dotenv.Entry{Name: e.name, Kind: e.kind}
	}
	found := dotenv.Find(project, names, commands, listed, known...)
	if len(found) == 0 {
		return nil
	}
	tracked := gitindex.Tracked(project, found)
	return slices.DeleteFunc(found, func(name string) bool { return tracked[name] })
}

// guardMounts are the mounts that keep a command from planting what runs later:
// what is there is bound over itself, read-only or only so that it cannot be
// renamed; and what git needs elsewhere.
func (s Spec) guardMounts(h Host) (mounts []specs.Mount) {
	if h.Guard == nil {
		return nil
	}
	add := func(list []runlater.Bind) {
		for _, b := range list {
			m := bind(b.Path, b.Path)
			if b.ReadOnly || s.ReadOnlyProject {
				m.Options = append(m.Options, "ro")
			}
			mounts = append(mounts, m)
		}
	}
	add(h.Guard.Shown)
	if !s.AllowRunLater {
		add(h.Guard.Binds)
	}
	return mounts
}

// guardNotes say what of the project could not be shown, and why.
func (s Spec) guardNotes(h Host) []string {
	if h.Guard == nil {
		return nil
	}
	return h.Guard.Notes
}

// guards tells whether the project is looked at when the command has ended.
func (s Spec) guards(h Host) bool {
	return h.Guard != nil && !s.ReadOnlyProject
}

// guard is what is looked at when the command has ended, or nil.
func (s Spec) guard(h Host) (g *runlater.Guard) {
	switch {
	case s.guards(h):
		g = h.Guard
	case len(s.writableDirectories(h)) > 0:
		elsewhere := runlater.Elsewhere(runlater.OwnConfig(h.Homes, os.Getenv), h.mounts)
		g = &elsewhere
	default:
		return nil
	}
	g.Overrides = s.overridesModes()
	return g
}

// overridesModes tells whether a file's mode keeps the command from nothing that belongs to
// its ids (capabilities(7)). In a user namespace of its own it has all capabilities.
func (s Spec) overridesModes() bool {
	bounding := BoundingCapabilities(s)
	return s.UserNS || slices.Contains(bounding, "CAP_DAC_OVERRIDE") || slices.Contains(bounding, "CAP_DAC_READ_SEARCH")
}

// writableDirectories are those of the host that the command may write, besides
// the project.
func (s Spec) writableDirectories(h Host) (dirs []string) {
	for _, m := range s.OCI.Mounts {
		if isBind(m) && h.isDir(m.Source) && !slices.Contains(m.Options, "ro") && !(s.guards(h) && below(m.Source, s.Project)) && !slices.Contains(s.Kept, m.Source) && !h.isPin(m) && !givesDevices(m) {
			dirs = append(dirs, h.real(m.Source))
		}
	}
	return dirs
}

// record notes what the directories that the command may write are before the run,
// where that is needed to tell later what it changed.
func (c *Cmd) record(s Spec) error {
	for _, dir := range s.Kept {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			c.guarded.Private = append(c.guarded.Private, real)
		}
	}
	return c.guarded.Record(c.writable...)
}

// afterwards looks at what the command left: files that run later are moved aside,
// and setuid and setgid bits are taken off, in the project and in every other
// directory that it could write.
func (c *Cmd) afterwards() error {
	if c.guarded == nil {
		return nil
	}
	report, err := c.guarded.Check(c.writable...)
	defer report.Reclose()
	c.secretsSeen = report.Secrets
	var failed leftError
	failed = append(failed, each(err)...)
	for _, s := range report.SetIDs {
		name := filepath.Join(s.Root, s.Path)
		if s.Err != nil {
			failed = append(failed, fmt.Sprintf("%s is setuid or setgid, and stays so: %v", printable(name), s.Err))
			continue
		}
		c.left(func(r *Receipt) { r.Cleared = append(r.Cleared, name) })
		c.notice(false, "took the setuid or setgid bit off %s", hint.Short(name))
	}
	for _, u := range report.Unseen {
		failed = append(failed, fmt.Sprintf("could not check %s for files that run later (%v)", printable(filepath.Join(u.Root, u.Path)), u.Err))
	}
	failed = append(failed, c.noteShut(report.Shut)...)
	c.excuse(&report)
	c.noteLinked(report)
	if !c.Spec.AllowRunLater {
		c.noteLeft(report)
		c.rememberUnwritten(report)
		failed = append(failed, c.quarantine(report)...)
	}
	if len(failed) > 0 {
		return hinted(failed, "look at it before you use the project; or --allow-run-later")
	}
	return nil
}

// each gives the text of each of several errors that were joined.
func each(err error) (texts []string) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range several.Unwrap() {
			texts = append(texts, each(e)...)
		}
		return texts
	}
	if err != nil {
		texts = []string{hint.SafeText(err.Error())}
	}
	return texts
}

// noteShut names the directories of other owners that could not be looked into, once for a
// project. One of an id of the command's that cannot be remembered is an error: a later command
// can open it.
func (c *Cmd) noteShut(shut []runlater.Shut) (failed []string) {
	var names []string
	for _, s := range shut {
		name := printable(filepath.Join(s.Root, s.Path))
		switch {
		case s.Command && memory(c.homes) == "":
			failed = append(failed, fmt.Sprintf("could not check %s for files that run later (%v)", name, unix.EACCES))
		case !c.guarded.WereShut[s.Inode]:
			names = append(names, name)
		}
	}
	if len(names) > 0 {
		c.note("could not check %s for files that run later (another owner, %v)", someNames(names), unix.EACCES)
	}
	c.shut = shut
	return failed
}

// A leftError is what of the command's files could not be dealt with. Paths in it are
// safe to show.
type leftError []string

func (e leftError) Error() string { return leftWords + ": " + strings.Join(e, "; ") }

// excuse has the developer's secrets left where they are. What was hidden from the command is
// new because the developer made it or replaced it, or was written in the moment after that.
func (c *Cmd) excuse(report *runlater.Report) {
	if c.hides == nil || c.Spec.UserNS {
		return
	}
	hidden := func(f runlater.Finding) bool { return c.hides(filepath.Join(f.Root, f.Path)) }
	report.Unknown = slices.DeleteFunc(report.Unknown, hidden)
	for i, f := range report.Findings {
		if hidden(f) {
			report.Findings[i].What = runlater.Doubtful
		}
	}
}

const leftWords = "some of what the command left could not be checked or moved aside"

// Lines are the parts of the error, each for a line of its own.
func (e leftError) Lines() []string { return append([]string{leftWords + ":"}, e...) }

// told is how many findings are named in full. The receipt has all.
const told = 10

// quarantine moves what runs later, and says afterwards what was moved and what was not.
func (c *Cmd) quarantine(report runlater.Report) (failed []string) {
	if len(report.Findings) == 0 {
		return nil
	}
	state, err := stateDir(c.homes)
	if err != nil {
		return []string{err.Error()}
	}
	dir, errs := report.Move(state)
	if c.AsOwner != nil && slices.ContainsFunc(errs, refusedToCaller) {
		dir = c.moveAsOwner(report, errs, state, dir)
	}
	c.index(dir, report, errs)
	said, moved, packages := 0, 0, 0
	for i, f := range report.Findings {
		name := filepath.Join(f.Root, f.Path)
		switch {
		case f.What.Stays():
			c.left(func(r *Receipt) { r.Doubtful = append(r.Doubtful, name) })
			c.notice(true, "look at %s: %s (%s)", hint.Short(name), hint.Short(f.Why), f.What)
		case errs[i] != nil:
			c.left(func(r *Receipt) { r.Unmoved = append(r.Unmoved, name) })
			failed = append(failed, fmt.Sprintf("%s was not moved aside, %s: %s: %v", printable(name), f.What, hint.Short(f.Why), hint.Short(errs[i].Error())))
		default:
			moved++
			c.left(func(r *Receipt) { r.RunLater, r.Quarantine = append(r.RunLater, name), dir })
			if ofPackage(f) {
				packages++
				continue
			}
			if said < told {
				said++
				again := ""
				if f.Cleaned {
					again = "; put back without " + settingNames(f.Settings)
				}
				c.notice(false, "moved aside %s, %s: %s%s", hint.Short(name), f.What, hint.Short(f.Why), again)
			}
		}
	}
	if more := moved - said - packages; more > 0 {
		c.notice(false, "moved aside %d more", more)
	}
	if packages > 0 {
		c.notice(false, "moved aside %d in packages of node_modules, created; sbx moved ls lists them", packages)
	}
	if moved > 0 {
		c.notice(false, "they are in %s; --allow-run-later leaves such files where they are", dir)
	}
	return failed
}

// ofPackage tells whether a finding is an editor's or an agent's directory that a package of
// npm's ships. Nobody opens packages as projects, and there may be hundreds.
func ofPackage(f runlater.Finding) bool {
	return f.What == runlater.Created && strings.Contains("/"+f.Path, "/node_modules/")
}

// index writes down what was moved, for who wants it back.
func (c *Cmd) index(dir string, report runlater.Report, errs []error) {
	if dir == "" {
		return
	}
	var moved []runlater.Finding
	for i, f := range report.Findings {
		if !f.What.Stays() && errs[i] == nil {
			moved = append(moved, f)
		}
	}
	if err := runlater.Index(dir, moved); err != nil {
		c.notice(false, "what was moved is not listed: %s", hint.Short(err.Error()))
	}
}

// settingNames are those of a git configuration, as git config takes them.
func settingNames(settings []string) string {
	slices.Sort(settings)
	settings = slices.Compact(settings)
	for i, s := range settings {
		settings[i] = hint.Short(s)
	}
	return someNames(settings)
}

// printable shortens a path for an error message. The receipt has all of it.
func printable(path string) string { return hint.SafeText(hint.Short(path)) }

func refusedToCaller(err error) bool { return errors.Is(err, fs.ErrPermission) }

// moveAsOwner has moved what is in a directory that the command gave to another of its
// ids: the caller may not rename there, root of a user namespace with those ids may.
func (c *Cmd) moveAsOwner(report runlater.Report, errs []error, state, dir string) string {
	var again runlater.Report
	var which []int
	for i, f := range report.Findings {
		if refusedToCaller(errs[i]) {
			again.Findings, which = append(again.Findings, f), append(which, i)
		}
	}
	before := false
	for i, f := range report.Findings {
		before = before || errs[i] == nil && !f.What.Stays()
	}
	to, failed, err := c.AsOwner(again, state)
	if err == nil && len(failed) == len(again.Findings) {
		c.index(to, again, failed)
	}
	for n, i := range which {
		switch {
		case err != nil:
			errs[i] = fmt.Errorf("%w; and as its owner: %w", errs[i], err)
		case n < len(failed):
			errs[i] = failed[n]
		}
	}
	switch {
	case err != nil || to == "":
		return dir
	case before:
		c.notice(false, "what belonged to other ids is in %s", to)
		return dir
	}
	_ = os.Remove(dir) // nothing came there
	return to
}

// left writes to the receipt, if there is one.
func (c *Cmd) left(write func(*Receipt)) {
	if c.receipt != nil {
		write(c.receipt)
	}
}

// stateDir is where sbx keeps what it moved aside: $XDG_STATE_HOME/sbx, by default
// below the home (XDG Base Directory Specification). No sandbox sees it. Without a
// home it is a directory of the caller's own in /tmp.
func stateDir(homes []string) (string, error) {
	if dir := statePath(homes); dir != "" {
		if err := os.MkdirAll(dir, 0o700); err == nil {
			return dir, nil
		}
	}
	dir := filepath.Join(os.TempDir(), fmt.Sprintf("sbx-%d", os.Getuid()))
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("no directory to move files to: %w", err)
	}
	return dir, ownDirectory(dir)
}

// statePath is where that is, or nothing for a caller without a home.
func statePath(homes []string) string {
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		if len(homes) == 0 {
			return ""
		}
		base = homes[len(homes)-1] + "/.local/state"
	}
	return filepath.Join(base, "sbx")
}

// ownDirectory refuses a directory that somebody else made first, as anybody may
// in /tmp.
func ownDirectory(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !fi.IsDir() || fi.Mode().Perm() != 0o700 || owner(fi) != os.Getuid() {
		return fmt.Errorf("%s is not a directory of yours alone", dir)
	}
	return nil
}
