package runlater

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var (
	sequences = flag.Int("sequences", 10000, "how many random programs TestModel makes")
	modelSeed = flag.Uint64("model-seed", 1, "the first program of TestModel; 0 takes one by the clock")
)

// TestModel runs random programs on a project. Afterwards nothing is left that they
// made or changed and a tool runs, and nothing is moved that they left alone.
func TestModel(t *testing.T) {
	if testing.Short() {
		skip(t, "short")
	}
	needGit(t)
	seed := *modelSeed
	if seed == 0 {
		seed = uint64(time.Now().UnixNano()) >> 10
	}
	t.Logf("-model-seed %d -sequences %d", seed, *sequences)
	var next, failed, moved, left atomic.Int64
	var wait sync.WaitGroup
	base := fastDir(t)
	for range 8 * runtime.GOMAXPROCS(0) { // they mostly wait for the clock
		wait.Go(func() {
			for failed.Load() < 5 {
				n := next.Add(runs) - runs
				if n >= int64(*sequences) {
					return
				}
				m := model{seed: seed + uint64(n), dir: filepath.Join(base, fmt.Sprint(n))}
				if err := m.run(); err != nil {
					failed.Add(1)
					t.Errorf("-model-seed %d -sequences 1: %v\n%s", m.seed, err, strings.Join(m.log, "\n"))
				}
				moved.Add(int64(m.moved))
				left.Add(int64(m.left))
				_ = os.RemoveAll(m.dir) // what is left goes with base
			}
		})
	}
	wait.Wait()
	if t.Logf("%d findings moved, %d files that run later left", moved.Load(), left.Load()); moved.Load() == 0 || left.Load() == 0 {
		t.Error("nothing was tried")
	}
}

// runs are how many sequences each project sees, one after the other: what an earlier
// one left may be of use to a later one.
const runs = 8

// fastDir is in memory where that is possible.
func fastDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "sbx-model")
	if err != nil {
		return tempDir(t)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

type model struct {
	seed uint64
	dir  string
	// guarded takes the steps of a sequence and says what the guards made of them:
	// byPackage, unless another is set.
	guarded     func(root string, steps []step) (outcome, error)
	removes     bool   // the developer removes what is reported
	canary      string // the file that real tools are to write, or nothing
	rand        *rand.Rand
	log         []string
	moved, left int
}

// tree is a project with repositories, and parts from which more could be made.
var modelTree = []string{
	"src/x", "src/deep/x", "lib/.vscode/tasks.json", "lib/.envrc", "lib/x", "CLAUDE.md", ".envrc", "tools/tasks.json", "tools/settings.json", "tools/pre-commit",
	"tools/hgrc", "tools/git-rebase-todo", "data/config", "data/hooks/pre-commit", "data/objects/x", "data/refs/x", "shelf/.claude/settings.json", "docs/AGENTS.md", "hg/.hg/hgrc", "hg/.hg/store/x", "empty/",
}

func (m *model) build() error {
	for _, name := range modelTree {
		text := "mine " + name
		switch filepath.Base(name) {
		case "config":
			text = "[core]\n\tfsmonitor = mine\n"
		case "git-rebase-todo":
			text = "exec evil"
		}
		if err := m.write(name, text); err != nil {
			return err
		}
	}
	for _, repo := range []string{".git", "sub/.git", "app/.git"} {
		for _, part := range []string{"objects/", "refs/heads/", "hooks/", "info/", "HEAD", "config"} {
			text := "[core]\n\tbare = false\n"
			if part == "HEAD" {
				text = "ref: refs/heads/main\n"
			}
			if err := m.write(repo+"/"+part, text); err != nil {
				return err
			}
		}
	}
	_ = m.write("app/.git/hooks/pre-push", "mine")
	_ = m.write("app/CLAUDE.md", "mine")
	return os.Symlink("../lib/.vscode", filepath.Join(m.dir, "project/app/.vscode"))
}

func (m *model) write(name, text string) error {
	path := filepath.Join(m.dir, "project", name)
	if strings.HasSuffix(name, "/") {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// run makes a project and some sequences.
func (m *model) run() error {
	m.rand = rand.New(rand.NewPCG(m.seed, 0))
	root := filepath.Join(m.dir, "project")
	if err := m.build(); err != nil {
		return err
	}
	for range runs {
		m.log = append(m.log, "a run:")
		if err := m.sequence(root); err != nil {
			return err
		}
	}
	if m.seed%512 < runs { // each takes some hundred processes
		return sameAsGit(root)
	}
	return nil
}

// sameAsGit compares what the oracle says of git with what git says.
func sameAsGit(root string) error {
	known := map[string]bool{}
	for _, r := range executed(root) {
		known[r.tool+r.real] = true
	}
	return filepath.WalkDir(root, func(dir string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil
		}
		cmd := exec.Command("git", "config", "--show-origin", "--get", "core.fsmonitor")
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CEILING_DIRECTORIES=" + filepath.Dir(dir)}
		out, err := cmd.Output()
		if err != nil {
			return nil // no repository, or a broken one
		}
		file, _, _ := strings.Cut(strings.TrimPrefix(string(out), "file:"), "\t")
		if file = strings.Trim(file, `"`); !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		real, err := filepath.EvalSymlinks(file)
		if err != nil {
			return nil
		}
		if rel, err := filepath.Rel(root, real); err == nil && !known["git config"+rel] && strings.HasPrefix(real, root+"/") {
			return fmt.Errorf("git obeys %s in %s, which the oracle does not know", rel, dir)
		}
		return nil
	})
}

// sequence makes one and judges it.
func (m *model) sequence(root string) error {
	afterTick() // what is made in the tick of the start counts as the run's
	var steps []step
	for range 1 + m.rand.IntN(12) {
		steps = append(steps, m.step())
	}
	before, was := executed(root), inventory(root)
	if m.guarded == nil {
		m.guarded = m.byPackage
	}
	f, err := m.guarded(root, steps)
	if err != nil {
		return err
	}
	after := executed(root)
	for _, path := range f.moved {
		m.moved++
		if !nearChange(path, was, f.became) {
			return fmt.Errorf("%s was left alone, and is moved", path)
		}
	}
	m.left += len(after)
	for _, a := range after {
		_, atTop := obeyedAtTop[a.tool] // what is as it was, where only the directory has become a repository
		if !knownBefore(a, before) && !noticed(a, f.doubtful) && !(atTop && was[a.real] == f.became[a.real]) {
			return fmt.Errorf("%s runs %s (%s): %q", a.tool, a.path, a.real, a.text)
		}
	}
	return m.obey(root, f.doubtful)
}

// obey does what a developer does with what was reported: remove it.
func (m *model) obey(root string, doubtful []string) error {
	if !m.removes {
		return nil
	}
	for _, path := range doubtful {
		if err := os.RemoveAll(filepath.Join(root, path)); err != nil {
			return err
		}
	}
	return nil
}

// outcome is what a guard says of a sequence. Paths are below the project.
type outcome struct {
	moved, doubtful []string
	became          map[string]entryState // what there was before anything was moved
}

// byPackage takes the steps between the package's own look before and after.
func (m *model) byPackage(root string, steps []step) (f outcome, err error) {
	g, err := findIn(root)
	if err != nil {
		return f, err
	}
	if err := g.Record(); err != nil {
		return f, err
	}
	for _, s := range steps {
		m.took(s, s.take(root))
	}
	f.became = inventory(root)
	r, err := g.Check()
	if err != nil || len(r.Unseen) > 0 {
		return f, fmt.Errorf("check: %v %v", err, r.Unseen)
	}
	if _, err := r.Quarantine(filepath.Join(m.dir, "state")); err != nil {
		return f, fmt.Errorf("quarantine: %v", err)
	}
	for _, finding := range r.Findings {
		if finding.What.Stays() {
			f.doubtful = append(f.doubtful, finding.Path)
		} else {
			f.moved = append(f.moved, finding.Path)
		}
	}
	return f, nil
}

// took writes a step that was possible into the log.
func (m *model) took(s step, err error) {
	if err == nil {
		m.log = append(m.log, s.String())
	}
}

// knownBefore tells what was run before by this name.
func knownBefore(a ran, before []ran) bool {
	return slices.ContainsFunc(before, func(b ran) bool { return a.tool == b.tool && a.text == b.text && a.path == b.path })
}

// noticed tells what stays, and is reported.
func noticed(a ran, doubtful []string) bool {
	return slices.ContainsFunc(doubtful, func(path string) bool {
		return a.path == path || strings.HasPrefix(a.path, path+"/") || a.real == path || strings.HasPrefix(a.real, path+"/")
	})
}

type entryState struct {
	Ino   uint64
	Ctime unix.Timespec
	Size  int64  // where times are of whole seconds, this and the mode
	Mode  uint32 // tell more
}

func inventory(root string) map[string]entryState {
	all := map[string]entryState{}
	_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		var st unix.Stat_t
		if err == nil && unix.Lstat(path, &st) == nil {
			rel, _ := filepath.Rel(root, path)
			all[rel] = entryState{st.Ino, st.Ctim, st.Size, st.Mode}
		}
		return nil
	})
	return all
}

// nearChange tells whether a path, what is in it, or the directory that it is in was
// changed, or for a repository's files another of the same.
func nearChange(path string, was, became map[string]entryState) bool {
	changed := func(p string) bool { return was[p] != became[p] }
	dir := filepath.Dir(path)
	if changed(path) || changed(dir) && dir != "." {
		return true
	}
	for p := dir; ; p = filepath.Dir(p) { // it has become part of a repository
		for _, part := range []string{"HEAD", "commondir", "objects", "refs"} {
			if changed(filepath.Join(p, part)) {
				return true
			}
		}
		if p == "." {
			break
		}
	}
	for p := range became {
		if (strings.HasPrefix(p, path+"/") || filepath.Dir(p) == dir && dir != ".") && changed(p) {
			return true
		}
	}
	for p := filepath.Dir(dir); p != "." && p != "/"; p = filepath.Dir(p) { // it was moved with a directory above it
		if changed(p) {
			return true
		}
	}
	return false
}

// name is a path of one to four parts. Half of them are where something is.
func (m *model) name() string {
	pick := func(of []string) string { return of[m.rand.IntN(len(of))] }
	dirs := []string{"src", "src/deep", "lib", "tools", "data", "shelf", "docs", "hg", "hg/.hg", "empty", ".git", "sub", "sub/.git", "sub/.git/hooks", "app", "app/.git",
		"app/.git/hooks", ".git/objects", ".git/info", "sub/.git/refs", "sub/.git/refs/heads", ".hg", "lib/.vscode", ".git/worktrees", ".git/modules", "sub/.git/worktrees/w", "app/.git/modules/m", "new", "new/.git"}
	names := []string{"x", "HEAD", "objects", "refs", "config", "hooks", "commondir", "pre-commit", "tasks.json", "hgrc", "git-rebase-todo", "rebase-merge",
		".git", ".hg", "modules", "worktrees", "settings.json"}
	for _, all := range []map[string][]string{obeyed, obeyedAtTop} {
		for _, tool := range all {
			for _, n := range tool {
				names = append(names, n)
				if d := filepath.Dir(n); d != "." {
					names = append(names, d)
				}
			}
		}
	}
	slices.Sort(names) // a map has no order
	if m.canary != "" && m.rand.IntN(6) == 0 {
		return pick([]string{"", "sub/", "app/", "new/", "src/deep/"}) + pick(realNames)
	}
	switch m.rand.IntN(6) {
	case 0:
		return pick(dirs)
	case 1:
		return pick(modelTree)
	case 2:
		return pick(dirs) + "/" + pick(names) + "/" + pick(names)
	case 3:
		return pick(names)
	}
	return pick(dirs) + "/" + pick(names)
}
