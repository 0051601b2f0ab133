package runlater

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

var (
	sandboxed = flag.Int("sandboxed", 1200, "how many random programs TestModelInside runs")
	takeSteps = flag.String("take-steps", "", "take the steps of this JSON in the current directory, and no test")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *takeSteps != "" {
		os.Exit(takeAll(*takeSteps))
	}
	os.Exit(m.Run())
}

// taken is what the program in the sandbox prints: which steps were possible, and what
// there is then, before anything is moved.
type taken struct {
	Steps  []int
	Became map[string]entryState
}

// takeAll is that program.
func takeAll(text string) int {
	root, err := os.Getwd()
	var steps []step
	if err != nil || json.Unmarshal([]byte(text), &steps) != nil {
		return 1
	}
	var all taken
	for i, s := range steps {
		if s.take(root) == nil {
			all.Steps = append(all.Steps, i)
		}
	}
	all.Became = inventory(root)
	if json.NewEncoder(os.Stdout).Encode(all) != nil {
		return 1
	}
	return 0
}

// TestModelInside runs random programs in sandboxes, as sbx is used. Then the real tools
// of a developer are run in the project, and none of them runs what the programs wrote.
// Without sbx, each of them does.
func TestModelInside(t *testing.T) {
	if testing.Short() {
		skip(t, "short")
	}
	in := modelInside{tools: realTools(t), sbx: buildSbx(t), base: tempDir(t)}
	t.Logf("-model-seed %d -sandboxed %d", *modelSeed, *sandboxed)
	var wait sync.WaitGroup
	var next, failed atomic.Int64
	for range 2 * runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for failed.Load() < 5 {
				n := next.Add(runs) - runs
				if n >= int64(*sandboxed) {
					return
				}
				if err := in.try(n); err != nil {
					failed.Add(1)
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	for _, tool := range in.tools {
		if !t.Failed() && tool.ran.Load() == 0 && *sandboxed > 10*controls*runs {
			t.Errorf("%s ran nothing without sbx either", tool.name)
		} else {
			t.Logf("%s ran %d programs without sbx", tool.name, tool.ran.Load())
		}
	}
	t.Logf("%d findings moved", in.moved.Load())
}

type modelInside struct {
	tools     []*realTool
	sbx, base string
	moved     atomic.Int64
}

// controls is how many projects one is of that sees the programs without sbx.
const controls = 8

// try makes a project, and sequences in it.
func (in *modelInside) try(n int64) error {
	seed, base := *modelSeed+uint64(n), in.base
	if ext4 := os.Getenv("SBX_TEST_EXT4"); ext4 != "" && seed/runs%3 == 1 {
		base = ext4 // times of whole seconds
	}
	dir, err := os.MkdirTemp(base, "model")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := &model{seed: seed, dir: dir, canary: filepath.Join(dir, "canary"), removes: true, rand: rand.New(rand.NewPCG(seed, 1))}
	control := seed/runs%controls == 0
	if m.guarded = in.inSandbox(m); control {
		m.guarded = m.without
	}
	if err := m.build(); err != nil {
		return err
	}
	for range runs {
		m.log = append(m.log, "a run:")
		if err := m.sequence(filepath.Join(dir, "project")); err != nil && !control {
			return fmt.Errorf("-model-seed %d -sandboxed 1: %w\n%s", seed, err, strings.Join(m.log, "\n"))
		}
	}
	in.moved.Add(int64(m.moved))
	for _, tool := range in.tools {
		ran, err := tool.use(m)
		if err != nil {
			return err
		}
		if control {
			tool.ran.Add(int64(ran))
		} else if ran > 0 {
			return fmt.Errorf("-model-seed %d -sandboxed 1: %s ran %d\n%s", seed, tool.name, ran, strings.Join(m.log, "\n"))
		}
	}
	return nil
}

// without takes the steps outside, with no guard.
func (m *model) without(root string, steps []step) (outcome, error) {
	for _, s := range steps {
		m.took(s, s.take(root))
	}
	return outcome{became: inventory(root)}, nil
}

// inSandbox takes the steps in sbx run. What it reports is read from the receipt.
func (in *modelInside) inSandbox(m *model) func(string, []step) (outcome, error) {
	return func(root string, steps []step) (f outcome, err error) {
		text, err := json.Marshal(steps)
		if err != nil {
			return f, err
		}
		receipt := filepath.Join(m.dir, "receipt")
		cmd := exec.Command(in.sbx, "run", "--no-profile", "--receipt", receipt, "--ro", os.Args[0], "--", os.Args[0], "-take-steps", string(text))
		cmd.Dir, cmd.Env = root, in.env(m)
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return f, fmt.Errorf("%v: %s", err, stderr.String())
		}
		var all taken
		if err := json.Unmarshal(out, &all); err != nil {
			return f, err
		}
		for _, i := range all.Steps {
			m.took(steps[i], nil)
		}
		f.became = all.Became
		return f, f.read(receipt, root)
	}
}

// env is the developer's, with a home of the project's own.
func (in *modelInside) env(m *model) []string {
	home := filepath.Join(m.dir, "home")
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "USER=" + os.Getenv("USER"), "LANG=C.UTF-8"}
}

// read takes from a receipt what was moved and what was reported.
func (f *outcome) read(receipt, root string) error {
	text, err := os.ReadFile(receipt)
	if err != nil {
		return err
	}
	var r struct {
		RunLater []string `json:"runLater"`
		Doubtful []string `json:"runLaterDoubtful"`
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return err
	}
	if f.moved, err = relative(root, r.RunLater); err != nil {
		return err
	}
	f.doubtful, err = relative(root, r.Doubtful)
	return err
}

func relative(root string, paths []string) (all []string, err error) {
	for _, p := range paths {
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return nil, err
		}
		all = append(all, rel)
	}
	return all, nil
}

// buildSbx builds the real program.
func buildSbx(t *testing.T) string {
	t.Helper()
	sbx := filepath.Join(tempDir(t), "sbx")
	cmd := exec.Command("go", "build", "-o", sbx, "github.com/sbxrun/sbx/cmd/sbx")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return sbx
}
