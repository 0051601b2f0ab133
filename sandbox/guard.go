package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/gitindex"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// probeProject looks at the project: what of it runs later outside without being
// asked for, and what else git needs of the host where the project is a worktree.
func (h *Host) probeProject(s Spec) error {
	if s.Project == "" || !h.isDir(s.Project) {
		return nil // which is told elsewhere
	}
	guard, err := runlater.Find(s.Project, h.gitConfigs()...)
	if err != nil {
		return fmt.Errorf("project directory %s: %w", s.Project, err)
	}
	h.Guard = &guard
	for _, b := range slices.Concat(guard.Binds, guard.Shown) {
		h.stat(b.Path)
	}
	names := entries(s.Project)
	for _, e := range names {
		if e.kind == unix.DT_FIFO || e.kind == unix.DT_SOCK {
			h.top = append(h.top, e)
		}
	}
	h.ProjectNames = projectSecrets(s.Project, names)
	return nil
}

// projectSecrets are the files of a project that hold secrets, by their paths in it. What
// git tracks is none: it is in every clone.
func projectSecrets(project string, top []entry) []string {
	names := make([]dotenv.Entry, len(top))
	for i, e := range top {
		names[i] = dotenv.Entry{Name: e.name, Kind: e.kind}
	}
	found := dotenv.Find(project, names)
	if len(found) == 0 {
		return nil
	}
	tracked := gitindex.Tracked(project, found)
	return slices.DeleteFunc(found, func(name string) bool { return tracked[name] })
}

// gitConfigs are the developer's own configurations, which may say where his
// hooks are.
func (h *Host) gitConfigs() (files []string) {
	for _, home := range h.Homes {
		files = append(files, filepath.Join(home, ".gitconfig"), filepath.Join(home, ".config/git/config"))
	}
	return files
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

// writableDirectories are those of the host that the command may write, besides
// the project.
func (s Spec) writableDirectories(h Host) (dirs []string) {
	for _, m := range s.OCI.Mounts {
		if isBind(m) && h.isDir(m.Source) && !slices.Contains(m.Options, "ro") && !below(m.Source, s.Project) && !slices.Contains(s.Kept, m.Source) && !h.isPin(m) {
			dirs = append(dirs, m.Source)
		}
	}
	return dirs
}

// afterwards looks at what the command left: files that run later are moved aside,
// and setuid and setgid bits are taken off, in the project and in every other
// directory that it could write.
func (c *Cmd) afterwards() error {
	if c.guarded == nil {
		return nil
	}
	report, err := c.guarded.Check(c.writable...)
	for _, s := range report.SetIDs {
		if s.Err != nil {
			err = errors.Join(err, fmt.Errorf("%s is setuid or setgid, and stays so: %w", filepath.Join(s.Root, s.Path), s.Err))
			continue
		}
		c.left(func(r *Receipt) { r.Cleared = append(r.Cleared, filepath.Join(s.Root, s.Path)) })
		c.note("took the setuid or setgid bit off %s", filepath.Join(s.Root, s.Path))
	}
	for _, u := range report.Unseen {
		err = errors.Join(err, fmt.Errorf("%s could not be looked into: %w", filepath.Join(u.Root, u.Path), u.Err))
	}
	if !c.Spec.AllowRunLater {
		err = errors.Join(err, c.quarantine(report))
	}
	if err != nil {
		return hinted(fmt.Errorf("what the command left was not all seen or not all moved aside: %w", err), "look at it before you use the project; or --allow-run-later")
	}
	return nil
}

// told is how many findings are named in full. The receipt has all.
const told = 10

func (c *Cmd) quarantine(report runlater.Report) error {
	if len(report.Findings) == 0 {
		return nil
	}
	state, err := stateDir(c.homes)
	if err != nil {
		return err
	}
	dir, err := report.Quarantine(state)
	for i, f := range report.Findings {
		name := filepath.Join(f.Root, f.Path)
		c.left(func(r *Receipt) { r.RunLater, r.Quarantine = append(r.RunLater, name), dir })
		switch {
		case f.What == runlater.Doubtful:
			c.note("look at %s: %s (%s)", name, f.Why, f.What)
		case i < told:
			c.note("moved aside %s, %s: %s", name, f.What, f.Why)
		case i == told:
			c.note("and %d more", len(report.Findings)-told)
		}
	}
	if dir != "" {
		c.note("they are in %s; --allow-run-later leaves such files where they are", dir)
	}
	return err
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
	base := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(base) {
		base = ""
		if len(homes) > 0 {
			base = filepath.Join(homes[len(homes)-1], ".local/state")
		}
	}
	if base != "" {
		dir := filepath.Join(base, "sbx")
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
