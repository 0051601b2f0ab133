package sandbox

import (
	"bufio"
	"context"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// watched is a sandbox with the watcher in it, which looks at who enters. It has no
// Landlock, which would refuse to look at anybody in another domain, and no filter: what
// keeps it off must be how the sandbox is entered.
type watched struct {
	process *userns.Process
	entry   Entry
	looked  atomic.Int32
	got     atomic.Pointer[string]
}

func watch(t *testing.T) *watched {
	t.Helper()
	dir := t.TempDir()
	buildProgram(t, "watcher", dir)
	s := Spec{Project: dir, Writable: []string{dir}, Enterable: true}
	s.Unconfined, s.Degraded = true, []string{"landlock"}
	s.OCI.Process = &specs.Process{Args: []string{dir + "/watcher"}}
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, h, s)
	h.Landlock = 0
	done, _, err := Complete(s, h)
	if err != nil {
		t.Fatal(err)
	}
	p, err := Compile(done, h)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{}
	if w.entry, err = newEntry(done, h, p); err != nil {
		t.Fatal(err)
	}
	out, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	if w.process, err = p.Start(userns.Input{Stdout: in, Stderr: os.Stderr}); err != nil {
		t.Fatal(err)
	}
	in.Close()
	lines := bufio.NewReader(out)
	wantLine(t, lines, "begun")
	t.Cleanup(func() {
		_ = w.process.Kill() // it has ended
		_, _ = w.process.Wait()
		out.Close()
	})
	go func() {
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if line == ".\n" {
				w.looked.Add(1)
			} else {
				w.got.CompareAndSwap(nil, &line)
			}
		}
	}()
	return w
}

// enter enters with a plan that may be changed before.
func (w *watched) enter(t *testing.T, change func([]userns.Step) []userns.Step) {
	t.Helper()
	pidfd, err := w.process.Handle()
	if err != nil {
		t.Fatal(err)
	}
	defer pidfd.Close()
	c := Enter(context.Background(), w.entry, []*os.File{pidfd}, specs.Process{Args: []string{"/bin/true"}})
	err = c.begin(func(p userns.Plan, in userns.Input) error {
		p.Steps = change(slices.Clone(p.Steps))
		status, err := p.Run(in, nil)
		if err == nil && status != 0 {
			err = &ExitError{status}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestNobodyLooksAtWhoEnters: code of the sandbox's, by the same user, that waits for
// who enters gets hold of nothing of his: not his memory, which is a copy of the
// process outside, nor his program, his descriptors or his directories. It is shown that
// it would, if the memory were not closed.
func TestNobodyLooksAtWhoEnters(t *testing.T) {
	t.Setenv("SBX_CANARY", "seen")
	const tries, limit = 10000, 12 * time.Second
	t.Run("closed", func(t *testing.T) {
		w, n := watch(t), 0
		for begun := time.Now(); n < tries && time.Since(begun) < limit && w.got.Load() == nil; n++ {
			w.enter(t, func(steps []userns.Step) []userns.Step { return steps })
		}
		if got := w.got.Load(); got != nil {
			t.Errorf("it %s", *got)
		}
		if looked := int(w.looked.Load()); looked < n/20 {
			t.Errorf("it looked %d times, when one entered %d times", looked, n)
		}
		t.Logf("entered %d times, looked at %d times", n, w.looked.Load())
	})
	t.Run("open", func(t *testing.T) {
		w := watch(t)
		for begun := time.Now(); w.got.Load() == nil; {
			if time.Since(begun) > 60*time.Second {
				t.Fatalf("the watcher got hold of nothing, though it could have: it looked %d times", w.looked.Load())
			}
			w.enter(t, func(steps []userns.Step) []userns.Step {
				return slices.DeleteFunc(steps, func(s userns.Step) bool { return s == userns.Step(userns.CloseMemory{}) })
			})
		}
		if got := *w.got.Load(); !strings.HasPrefix(got, "got ") {
			t.Error(got)
		}
	})
}
