package main

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/sandbox/seccomp"
	"github.com/sbxrun/sbx/userns"
)

// around are what a container or another sandbox has around sbx: docker's filter, filters
// that know less, and Landlock. Each is a step before sbx is started.
func around(t *testing.T) map[string]userns.Step {
	const (
		clone3 = `{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},`
		user   = `{"names": ["clone"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1,
			"args": [{"index": 0, "value": 268435456, "valueTwo": 268435456, "op": "SCMP_CMP_MASKED_EQ"}]},`
		unshare = `{"names": ["unshare", "setns"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},`
		mounts  = `{"names": ["mount", "umount2", "pivot_root"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1},`
		newer   = `{"names": ["open_tree", "move_mount", "mount_setattr", "fsopen", "fsmount"], "action": "SCMP_ACT_ERRNO", "errnoRet": `
	)
	filters := map[string]string{
		"docker's filter":              clone3 + user + unshare + mounts + newer + `1}`,
		"a filter of unshare":          unshare + newer + `1}`,
		"a filter of mounts":           mounts + newer + `1}`,
		"a filter that has no new one": newer + `38}`,
	}
	steps := map[string]userns.Step{}
	for name, rules := range filters {
		var p specs.LinuxSeccomp
		if err := json.Unmarshal([]byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [`+rules+`]}`), &p); err != nil {
			t.Fatal(err)
		}
		f, err := seccomp.Compile(&p, seccomp.Native())
		if err != nil {
			t.Fatal(err)
		}
		steps[name] = userns.Seccomp{Name: name, Filter: f.Instructions, Flags: f.Flags}
	}
	host, err := sandbox.Probe(sandbox.Spec{})
	if err != nil {
		t.Fatal(err)
	}
	writing, _ := landlock.Policy{Files: landlock.Write}.Restrict(host.Landlock)
	steps["Landlock"] = userns.Landlock{Files: uint64(writing.Files)}
	return steps
}

// TestRefusedByWhatIsAround: each is told of in one line, with what mends it, and the
// child that was begun before the flags were read changes nothing in that.
func TestRefusedByWhatIsAround(t *testing.T) {
	testenv.NeedNamespaces(t)
	dir := testenv.Project(t)
	for name, step := range around(t) {
		for _, args := range [][]string{{"run", "--", "true"}, {"run", "--timeout", "1m", "--net", "host", "--no-new-clock", "-q", "--", "true"}, {"unshare", "true"}} {
			if args[0] == "unshare" && !strings.Contains(name, "docker") && !strings.Contains(name, "unshare") {
				continue // it mounts nothing
			}
			said, code := startedBehind(t, dir, step, args...)
			cause := "sbx: a seccomp filter around sbx forbids what a sandbox is made by: "
			if name == "Landlock" {
				cause = "sbx: what is around sbx forbids mounts, as Landlock does: "
			}
			lines := strings.Split(strings.TrimSpace(said), "\n")
			if code != exitFailed || len(lines) != 2 || !strings.HasPrefix(lines[0], cause) || !strings.HasPrefix(lines[1], "sbx: hint: start ") {
				t.Errorf("%s, sbx %s: exit code %d:\n%s", name, strings.Join(args, " "), code, said)
			}
		}
	}
}

// startedBehind runs sbx in a process that has done a step.
func startedBehind(t *testing.T, dir string, step userns.Step, args ...string) (said string, code int) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	sbx := tool(t, "sbx")
	p, err := userns.Plan{Steps: []userns.Step{
		userns.DieWithSupervisor{}, userns.Chdir{Path: dir}, userns.NoNewPrivs{}, userns.AwaitSupervisor{},
		userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{}, step,
		userns.Exec{Paths: []string{sbx}, Argv: append([]string{"sbx"}, args...), Env: os.Environ()},
	}}.Start(userns.Input{Stdout: w, Stderr: w})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1<<16)
	for {
		n, err := r.Read(b)
		if said += string(b[:n]); err != nil {
			break
		}
	}
	status, err := p.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return said, status.ExitStatus()
}

// TestRefusedByLimits: every kind of namespace has one, and the line names it.
func TestRefusedByLimits(t *testing.T) {
	testenv.NeedNamespaces(t)
	for _, kind := range []string{"user", "mnt", "pid", "ipc", "uts", "cgroup", "net", "time"} {
		name := "user.max_" + kind + "_namespaces"
		said, code := unshared(t, "echo 0 >/proc/sys/"+strings.Replace(name, ".", "/", 1)+"; exec sbx run -- true")
		if code != exitFailed || !strings.HasPrefix(said, "sbx: "+name+"=0 forbids namespaces: ") ||
			!strings.Contains(said, "\nsbx: hint: as root: sysctl -w "+name+"=15000\n") {
			t.Errorf("%s: exit code %d:\n%s", kind, code, said)
		}
	}
	said, code := unshared(t, "echo 1 >/proc/sys/user/max_net_namespaces; unshare -n sh -c 'echo >up; exec sleep 60' & until [ -e up ]; do sleep 0.05; done; sbx run -- true")
	if code != exitFailed || !strings.HasPrefix(said, "sbx: user.max_net_namespaces=1 namespaces are in use: ") {
		t.Errorf("a limit that is reached: exit code %d:\n%s", code, said)
	}
}

// TestRefusedInsideOthers: a namespace without ids, a chroot, a namespace too deep.
func TestRefusedInsideOthers(t *testing.T) {
	testenv.NeedNamespaces(t)
	for script, want := range map[string]string{
		"exec unshare -U sbx run -- true": "the user has no id in the user namespace around",
		`mkdir -p r/bin r/proc r/dev; cp "$(command -v sbx)" r/bin/; mount --rbind /proc r/proc; mount --rbind /dev r/dev
			exec /usr/sbin/chroot r /bin/sbx run --no-project -- true`: "the kernel makes no user namespaces in a chroot",
		`echo 'unshare -Ur true 2>/dev/null && exec unshare -Ur sh ./deep; exec sbx run -- true' >deep; exec sh ./deep`: "user namespaces are nested 32 deep, or what is around this one limits user.max_user_namespaces",
		"mount -t tmpfs none /proc/sys; exec sbx run -- true":                                                           "the kernel makes no new /proc where parts of the one around are covered",
	} {
		said, code := unshared(t, script)
		if code != exitFailed || !strings.HasPrefix(said, "sbx: "+want+": ") || !strings.Contains(said, "\nsbx: hint: ") {
			t.Errorf("%s: exit code %d, want %q:\n%s", script, code, want, said)
		}
	}
}

// unshared runs a script as root of a user namespace with mounts and processes of its
// own.
func unshared(t *testing.T, script string) (said string, code int) {
	t.Helper()
	cmd := exec.Command("unshare", "-Urmpf", "sh", "-c", script)
	cmd.Dir = testenv.Project(t)
	sbx := tool(t, "sbx")
	cmd.Env = append(os.Environ(), "PATH="+strings.TrimSuffix(sbx, "/sbx")+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return string(out), 0
	}
	return string(out), exit.ExitCode()
}
