package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/mounttable/mounttest"
	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

// traces are what a sandbox could leave behind on the host.
type traces struct{ mounts, descriptors, files string }

func look(t *testing.T, dirs ...string) traces {
	t.Helper()
	var fds, files []string
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		target, err := os.Readlink("/proc/self/fd/" + e.Name())
		if err == nil && !strings.HasPrefix(target, "/proc/") {
			fds = append(fds, target)
		}
	}
	sort.Strings(fds)
	for _, dir := range dirs {
		err := filepath.Walk(dir, func(path string, _ os.FileInfo, err error) error {
			files = append(files, path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return traces{mounttest.Mounts(t), strings.Join(fds, "\n"), strings.Join(files, "\n")}
}

// leaves tells whether there is more than before. What an earlier test left to a goroutine
// to close may be gone meanwhile.
func (after traces) leaves(before traces) bool {
	had := map[string]int{}
	for _, fd := range strings.Split(before.descriptors, "\n") {
		had[fd]++
	}
	for _, fd := range strings.Split(after.descriptors, "\n") {
		if had[fd]--; had[fd] < 0 {
			return true
		}
	}
	return after.mounts != before.mounts || after.files != before.files
}

// faulty gives the plan once for each step, with a fault in the step's place:
// those of PID 1 too.
func faulty(p userns.Plan) (plans []userns.Plan, steps []userns.Step, index []int) {
	add := func(i int, broken, step userns.Step) {
		q := userns.Plan{Namespaces: p.Namespaces, Steps: append([]userns.Step{}, p.Steps...)}
		q.Steps[i] = broken
		plans, steps, index = append(plans, q), append(steps, step), append(index, i)
	}
	for i, s := range p.Steps {
		add(i, userns.Fault{Step: s}, s)
		if fork, ok := s.(userns.Fork); ok {
			for k := range fork.Init {
				init := append([]userns.Step{}, fork.Init...)
				init[k] = userns.Fault{Step: init[k]}
				add(i, userns.Fork{Init: init, Copy: fork.Copy}, s)
			}
		}
	}
	return plans, steps, index
}

// TestEveryStepFails makes each step of full plans fail in turn. The error names
// the step, and nothing is left: no process, no mount, no descriptor, no file.
func TestEveryStepFails(t *testing.T) {
	project, lower := t.TempDir(), t.TempDir()
	if err := os.WriteFile(project+"/token", []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(project+"/.git/hooks", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(project+"/.git/config", []byte("[user]\n\tname = ada\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	buildTrue(t, lower)
	view := func(change func(*Spec)) Spec {
		s := Spec{Project: project, Writable: []string{project}}
		s.OCI.Process = &specs.Process{Args: []string{"/bin/true"}, Terminal: true}
		s.OCI.Hostname, s.OCI.Domainname = "sbx", "test"
		s.OCI.Linux = &specs.Linux{MaskedPaths: []string{project + "/token"}}
		s.OCI.Mounts = []specs.Mount{bind(lower, "/tmp/lower", "ro"), tmpfs("/tmp/mine", "size=64k")}
		change(&s)
		return s
	}
	for name, s := range map[string]Spec{
		"host":         view(func(*Spec) {}),
		"network":      view(func(s *Spec) { s.Egress = &Egress{Allow: []string{"example.com"}} }),
		"proxy":        view(func(s *Spec) { s.Egress = &Egress{Allow: []string{"example.com"}, Proxy: true} }),
		"ports":        view(func(s *Spec) { s.Egress = &Egress{Allow: []string{"example.com:*"}, Owners: true} }),
		"published":    view(func(s *Spec) { s.Publish = []PublishedPort{{Address: loopback(0).Addr(), Sandbox: 80}} }),
		"user network": view(func(s *Spec) { s.UserNetwork = &UserNetwork{} }),
		"disk":         view(func(s *Spec) { s.Disk = 1 << 20; s.OCI.Mounts = append(s.OCI.Mounts, tmpfs("/tmp/other")) }),
		"layered": view(func(s *Spec) {
			s.Layered = []LayeredCache{{Path: "/tmp/cache", Lower: []string{lower}, Upper: t.TempDir()}, {Path: "/tmp/memory", Lower: []string{lower}}}
		}),
		"union": view(func(s *Spec) {
			s.View, s.Layers, s.Upper, s.Overlay = Union, []string{lower}, t.TempDir(), DriverKernel
		}),
	} {
		t.Run(name, func(t *testing.T) {
			h, err := Probe(s)
			if err != nil {
				t.Fatal(err)
			}
			if s.UserNetwork != nil {
				h.UserNetwork = wired().UserNetwork // no driver is run
			}
			h.GitConfig = runlater.PassedConfig{Text: "[user]\n", Files: []runlater.PassedFile{{Path: gitConfigFile(s.View) + "-ignore", Text: "x"}}}
			needSandbox(t, h, s)
			p := plan(t, s, h)
			before := look(t, project, lower)
			plans, steps, index := faulty(p)
			for i, q := range plans {
				var handed []*os.File // are kept: a terminal would hang up
				child, err := q.Start(userns.Input{Receive: func(_ userns.FD, f *os.File, _ *userns.Process) error {
					handed = append(handed, f)
					return nil
				}})
				for _, f := range handed {
					f.Close()
				}
				if err == nil {
					_, _ = child.Wait()
					t.Fatalf("%s: the fault was no error", steps[i])
				}
				var step *userns.StepError
				if !errors.As(err, &step) || step.Index != index[i] || step.Err != unix.EXFULL ||
					!strings.HasPrefix(err.Error(), steps[i].String()) && !strings.HasPrefix(steps[i].String(), "fork") {
					t.Errorf("%s: the error is %v", steps[i], err)
				}
				if after := look(t, project, lower); after != before {
					t.Fatalf("%s: left behind\n%v\nafter\n%v", steps[i], after, before)
				}
			}
			if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
				t.Errorf("a process is left: %d, %v", pid, err)
			}
		})
	}
}

func needSandbox(t testing.TB, h Host, s Spec) {
	t.Helper()
	if err := h.missingRanges(); err != nil && s.wantsRanges() {
		skip(t, err)
	}
	child, err := userns.Plan{Namespaces: userns.User, Steps: []userns.Step{userns.Exit{}}}.Start(userns.Input{})
	if err != nil {
		skip(t, err)
	}
	if _, err := child.Wait(); err != nil {
		t.Fatal(err)
	}
}

func skip(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatal(err)
	}
	t.Skip(err)
}

// TestHelperFails: when newuidmap does, the error says what it said.
func TestHelperFails(t *testing.T) {
	dir := t.TempDir()
	s := Spec{View: Rootfs}
	s.OCI.Root = &specs.Root{Path: dir}
	s.OCI.Process = &specs.Process{Args: []string{"/bin/true"}}
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, h, s)
	p := plan(t, s, h)
	for i, step := range p.Steps {
		if await, ok := step.(userns.AwaitMaps); ok {
			await.Helpers = idmap.Helpers{NewUIDMap: "/bin/false", NewGIDMap: "/bin/true"}
			p.Steps[i] = await
		}
	}
	_, err = p.Start(userns.Input{})
	var mapped *userns.MapError
	if !errors.As(err, &mapped) || !strings.Contains(err.Error(), "/bin/false") {
		t.Errorf("got %v", err)
	}
	if Hint(explain(err, s, h)) == "" {
		t.Error("no hint")
	}
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a process is left: %v", err)
	}
}

// TestOldOverlay runs the way of kernels before 6.5, where all layers share one
// page of options, on whatever kernel there is.
func TestOldOverlay(t *testing.T) {
	s := Spec{View: Union, IDs: IDsSingle, Overlay: DriverKernel, Upper: t.TempDir()}
	for i := range 120 {
		dir := filepath.Join(t.TempDir(), strings.Repeat("a-long-name,", 10)+string(rune('a'+i%26)))
		if err := os.MkdirAll(dir+"/bin", 0o755); err != nil {
			t.Fatal(err)
		}
		s.Layers = append(s.Layers, dir)
	}
	buildTrue(t, s.Layers[119])
	s.OCI.Process = &specs.Process{Args: []string{"/bin/true"}}
	h, err := Probe(s)
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, h, s)
	done, _, err := Complete(s, h)
	if err != nil {
		t.Fatal(err)
	}
	h.Kernel = Kernel{5, 15}
	p, err := Compile(done, h)
	if err != nil {
		t.Fatal(err)
	}
	child, err := p.Start(userns.Input{Stderr: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	if status, err := child.Wait(); err != nil || status != 0 {
		t.Errorf("%v, %v", status, err)
	}
}

// buildTrue puts a /bin/true into a root that has nothing else.
func buildTrue(t *testing.T, root string) {
	t.Helper()
	buildProgram(t, "true", root+"/bin")
}

// buildProgram puts a program of testdata into a directory. Where there is no Go, in a
// guest of make vm, it is built already.
func buildProgram(t *testing.T, name, to string) {
	t.Helper()
	if dir := os.Getenv("SBX_TEST_PROGRAMS"); dir != "" {
		program, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(to, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), program, 0o755); err != nil {
			t.Fatal(err)
		}
		return
	}
	build := exec.Command("go", "build", "-o", filepath.Join(to, name), "./testdata/"+name)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
