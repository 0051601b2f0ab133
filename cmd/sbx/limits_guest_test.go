//go:build guest

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/cgroup"
)

// limitedRun is a run with limits, and what came of it.
type limitedRun struct {
	out, said string
	code      int
	receipt   struct {
		Limits  limitWords
		Usage   *cgroup.Usage
		Seconds float64
	}
}

// limited runs sbx with flags, and "--" and a command among them.
func limited(t *testing.T, args ...string) (r limitedRun) {
	t.Helper()
	testenv.NeedGuest(t)
	dir := project(t)
	receipt := filepath.Join(t.TempDir(), "receipt")
	cmd := exec.Command(tool(t, "sbx"), append([]string{"run", "--receipt", receipt}, args...)...)
	cmd.Dir = dir
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	err := cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	r.out, r.said, r.code = out.String(), said.String(), cmd.ProcessState.ExitCode()
	text, err := os.ReadFile(receipt)
	if err == nil {
		err = json.Unmarshal(text, &r.receipt)
	}
	if err != nil || r.receipt.Usage == nil {
		t.Fatalf("no receipt of what was used: %v\n%s", err, r.said)
	}
	t.Logf("exit code %d, %s%s%+v", r.code, r.out, r.said, *r.receipt.Usage)
	return r
}

// scopes are the cgroups of sandboxes that there are.
func scopes(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%d.slice/user@%[1]d.service/*/sbx-*.scope/sbx-*", os.Getuid()))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// begun starts sbx with a command that says a line and lasts, and gives its cgroup.
func begun(t *testing.T, args ...string) (*exec.Cmd, string) {
	t.Helper()
	cmd, group, _ := beganReading(t, args...)
	return cmd, group
}

func beganReading(t *testing.T, args ...string) (*exec.Cmd, string, *bufio.Reader) {
	t.Helper()
	testenv.NeedGuest(t)
	cmd := exec.Command(tool(t, "sbx"), append([]string{"run"}, args...)...)
	cmd.Dir = project(t)
	out, err := cmd.StdoutPipe()
	if err == nil {
		cmd.Stderr = os.Stderr
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		t.Fatalf("it did not begin: %v", err)
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	scope := filepath.Dir(filepath.Join(cgroup.Root, strings.TrimPrefix(strings.TrimSpace(string(text)), "0::")))
	found, err := filepath.Glob(scope + "/sbx-*")
	if err != nil || len(found) != 1 {
		t.Fatalf("%s has %v, %v", scope, found, err)
	}
	return cmd, found[0], lines
}

func read(t *testing.T, path ...string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func says(t *testing.T, r limitedRun, want string) {
	t.Helper()
	if !strings.Contains(r.said, want) {
		t.Errorf("it does not say %q", want)
	}
}

// hog takes memory until it is killed.
const hog = "x=aaaaaaaa; while :; do x=$x$x; done"

// TestLimitMemory: whoever takes more is killed, he alone, and it is told.
func TestLimitMemory(t *testing.T) {
	r := limited(t, "-m", "64m", "--", "sh", "-c", hog)
	says(t, r, "sbx: killed for memory at 64 MiB: raise with -m\n")
	if u := r.receipt.Usage; r.code != 137 || u.OOMKills != 1 || u.MemoryPeak > 64<<20 || u.MemoryPeak < 32<<20 || u.MemoryLimit != 64<<20 {
		t.Errorf("exit code %d, %+v", r.code, u)
	}
	if want := []string{"memory 64 MiB", "memory and swap 128 MiB"}; !slices.Equal(r.receipt.Limits, want) {
		t.Errorf("limits %q", r.receipt.Limits)
	}
	r = limited(t, "-m", "64m", "--", "sh", "-c", "sh -c '"+hog+"'; echo survived")
	says(t, r, "killed for memory at 64 MiB")
	if r.code != 0 || r.out != "survived\n" {
		t.Error("the others were killed too")
	}
	// What is in memory counts as memory.
	r = limited(t, "-m", "64m", "--", "sh", "-c", "head -c 200m /dev/zero > /tmp/file")
	says(t, r, "for memory at 64 MiB: raise with -m")
	if r = limited(t, "-m", "64m", "--", "true"); r.said != "" || r.code != 0 {
		t.Error("a command that takes little is told something")
	}
}

// TestLimitProcesses: a fork bomb ends where it must, and the machine does not feel it.
func TestLimitProcesses(t *testing.T) {
	r := limited(t, "--pids-limit", "40", "--", "sh", "-c", "n=0; while [ $n -lt 60 ]; do n=$((n + 1)); sleep 100 & done")
	says(t, r, "sbx: refused 1 process at the limit of 40: raise with --pids-limit\n")
	if u := r.receipt.Usage; r.code == 0 || u.PidsRefused != 1 || u.PidsPeak > 40 || u.PidsLimit != 40 {
		t.Errorf("%+v", u)
	}
	cmd, group := begun(t, "-q", "--pids-limit", "40", "--", "sh", "-c", "echo; sh -c 'f() { f | f & f; }; f' 2>/dev/null & exec sleep 100")
	for range 50 {
		if n, err := strconv.Atoi(read(t, group, "pids.current")); err != nil || n > 40 {
			t.Fatalf("%d processes, %v", n, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	emptied(t, group)
}

// emptied waits until a cgroup is gone.
func emptied(t *testing.T, group string) {
	t.Helper()
	for start := time.Now(); time.Since(start) < testenv.Patience; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(group); err != nil {
			return
		}
	}
	procs, _ := os.ReadFile(group + "/box/cgroup.procs")
	t.Errorf("%s is still there, with the processes %q", group, procs)
}

// TestLimitProcessors: two loops get the half of one processor.
func TestLimitProcessors(t *testing.T) {
	r := limited(t, "--cpus", "0.5", "--timeout", "6s", "--", "sh", "-c", "while :; do :; done & while :; do :; done")
	says(t, r, "by --cpus 0.5")
	if u := r.receipt.Usage; r.code != 124 || u.CPUSeconds > 0.6*r.receipt.Seconds || u.CPUSeconds < 1 || u.ThrottledSeconds < 1 {
		t.Errorf("exit code %d, %+v of %v s", r.code, u, r.receipt.Seconds)
	}
	r = limited(t, "--cpuset", "1", "--cpu-weight", "50", "--", "grep", "Cpus_allowed_list", "/proc/self/status")
	if !strings.HasSuffix(r.out, "\t1\n") {
		t.Errorf("it may run on %s", r.out)
	}
}

// TestLimitDisk: what is written goes at its speed.
func TestLimitDisk(t *testing.T) {
	testenv.NeedGuest(t)
	dir, err := os.MkdirTemp("/var/tmp", "sbx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	write := []string{"--rw", dir, "--", "dd", "if=/dev/zero", "of=" + dir + "/file", "bs=64k", "count=64", "oflag=direct"} // 4 MiB
	free := limited(t, append([]string{"--pids-limit", "100"}, write...)...)
	held := limited(t, append([]string{"--io-max", dir + ":wbps=1m"}, write...)...)
	if held.code != 0 || held.receipt.Seconds < 3 || free.receipt.Seconds > held.receipt.Seconds-2 {
		t.Errorf("4 MiB at 1 MiB/s took %v s, and without a limit %v s", held.receipt.Seconds, free.receipt.Seconds)
	}
	if n := held.receipt.Usage.WriteBytes; n < 4<<20 {
		t.Errorf("%d bytes were counted", n)
	}
}

// TestLimitsHold: the kernel's files have what was asked for, and all that runs is in
// the cgroup, from its first moment.
func TestLimitsHold(t *testing.T) {
	_, group := begun(t, "-m", "1g", "--memory-swap", "1g", "--cpus", "1.5", "--cpu-weight", "50", "--cpuset", "0", "--pids-limit", "50",
		"--io-max", "/:rbps=2m,wiops=9", "--", "sh", "-c", "cat /proc/self/cgroup; exec sleep 100")
	for name, want := range map[string]string{
		"memory.max": "1073741824", "memory.swap.max": "0", "cpu.max": "150000 100000", "cpu.weight": "50", "cpuset.cpus": "0", "pids.max": "50",
		"cgroup.procs": "", "cgroup.max.descendants": "1", "cgroup.subtree_control": "",
	} {
		if got := read(t, group, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := read(t, group, "io.max"); !strings.Contains(got, "rbps=2097152 wbps=max riops=max wiops=9") {
		t.Errorf("io.max is %q", got)
	}
	// The shell's child has written, and may not have ended.
	until(t, "there are sbx-init and the command in the box, and nobody else", func() bool {
		return len(strings.Fields(read(t, group, "box/cgroup.procs"))) == 2
	})
	r := limited(t, "-m", "64m", "--", "cat", "/proc/1/cgroup", "/proc/self/cgroup")
	if r.out != "0::/\n0::/\n" {
		t.Errorf("inside, the cgroups are %q", r.out)
	}
}

// limitWords are the limits of a receipt that were in force.
type limitWords []string

func (l *limitWords) UnmarshalJSON(text []byte) error {
	var proofs []sandbox.LimitProof
	if err := json.Unmarshal(text, &proofs); err != nil {
		return err
	}
	for _, p := range proofs {
		if p.Enforced {
			*l = append(*l, p.Limit)
		}
	}
	return nil
}

// TestLimitsOfProfile: the limits of a profile that sbx brings are there when it is
// named, and cost nothing when it is not.
func TestLimitsOfProfile(t *testing.T) {
	r := limited(t, "--profile", "build", "--", "true")
	if len(r.receipt.Limits) != 3 || !strings.HasPrefix(r.receipt.Limits[0], "memory ") || r.said != "" {
		t.Errorf("%q, %s", r.receipt.Limits, r.said)
	}
	cmd := exec.Command(tool(t, "sbx"), "run", "--", "sh", "-c", "cat /proc/1/cgroup")
	cmd.Dir = project(t)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "sbx-") || len(scopes(t)) != 0 {
		t.Errorf("%s, %v, %v", out, err, scopes(t))
	}
}

// lift is an attack on one's own limits, by who may mount: from where one is, from a
// namespace of cgroups of one's own, and from a further one. It tells what succeeds.
const lift = `
	exec 2>/dev/null
	try() {
		mkdir -p /tmp/c
		mount -t cgroup2 cgroup2 /tmp/c && echo mounted
		for d in /tmp/c /tmp/c/.. /tmp/c/box /sys/fs/cgroup; do
			[ -e $d/cgroup.procs ] || continue
			for f in memory.max pids.max cgroup.max.descendants cgroup.max.depth; do
				[ -e $d/$f ] && ( echo max > $d/$f ) && case $f in cgroup.*) ;; *) echo lifted $d/$f ;; esac
			done
			( echo +memory > $d/cgroup.subtree_control ) && echo controllers $d
			mkdir $d/sub && echo made $d/sub
			( echo 1 > $d/sub/cgroup.procs ) && echo moved to $d/sub
		done
		ls /tmp/c | grep -e memory.max -e pids.max
	}
	try
	text=$(declare -f try)
	unshare --user --map-root-user --mount bash -c "$text; try"
	unshare --user --map-root-user --mount --cgroup bash -c "$text; try; unshare --cgroup bash -c '$text; try'"
	echo done
	exec sleep 100`

// TestLimitsCannotBeLifted: who is root in a namespace of his own, and may mount, sees
// nothing of the files that limit him, and makes no cgroup below.
func TestLimitsCannotBeLifted(t *testing.T) {
	for _, more := range []string{"--userns auto", "--allow-userns", "--userns root --cap-add SYS_ADMIN"} {
		cmd, group, out := beganReading(t, append(append([]string{"-q", "-m", "64m", "--pids-limit", "50"}, strings.Fields(more)...), "--", "bash", "-c", "echo;"+lift)...)
		text := ""
		for !strings.HasSuffix(text, "done\n") {
			line, err := out.ReadString('\n')
			if err != nil {
				t.Fatalf("%s: it ended with %q: %v", more, text, err)
			}
			text += line
		}
		t.Logf("%s: %s", more, text)
		if more == "--allow-userns" && !strings.Contains(text, "mounted") {
			t.Errorf("%s: not the attack that was meant", more)
		}
		for _, word := range []string{"lifted", "controllers", "made", "moved", ".max\n"} {
			if strings.Contains(text, word) {
				t.Errorf("%s: it has %s", more, word)
			}
		}
		for name, want := range map[string]string{"memory.max": "67108864", "pids.max": "50", "cgroup.max.descendants": "1"} {
			if got := read(t, group, name); got != want {
				t.Errorf("%s: %s is %s", more, name, got)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		emptied(t, group)
	}
}

// TestLimitsKilled: a SIGKILL of sbx, whenever it comes, leaves no process, no cgroup and
// no scope.
func TestLimitsKilled(t *testing.T) {
	testenv.NeedGuest(t)
	dir, sbx := project(t), tool(t, "sbx")
	for range kills(t) {
		cmd := exec.Command(sbx, "run", "-q", "-m", "64m", "--", "sleep", "4242")
		cmd.Dir = dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(250)) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	gone(t, "sleep 4242")
	var left []string
	for start := time.Now(); time.Since(start) < testenv.Patience; time.Sleep(500 * time.Millisecond) {
		out, err := exec.Command("systemctl", "--user", "--no-pager", "--plain", "--no-legend", "--all", "list-units", "sbx-*").CombinedOutput()
		if err != nil {
			t.Fatalf("systemctl: %v\n%s", err, out)
		}
		scopes, _ := filepath.Glob(fmt.Sprintf("/sys/fs/cgroup/user.slice/user-%d.slice/user@%[1]d.service/*/sbx-*", os.Getuid()))
		if left = append(strings.Fields(string(out)), scopes...); len(left) == 0 {
			return
		}
		// Systemd can miss the end of one that is killed while its scope is made. The
		// scope has nobody in it, and the next run has it removed.
		limited(t, "-m", "64m", "--", "true")
	}
	t.Errorf("left behind: %v", left)
}

// withoutSystemd runs a script in a cgroup that is delegated, where no systemd is to
// be found: its sockets are covered. Its first argument is sbx.
func withoutSystemd(t *testing.T, script string) string {
	t.Helper()
	testenv.NeedGuest(t)
	inner := fmt.Sprintf("mount -t tmpfs tmpfs /run/user/%d; unset XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS; exec setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all bash -c \"$0\" \"$1\"", os.Getuid())
	cmd := exec.Command("systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes",
		"unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", inner, script, tool(t, "sbx"))
	cmd.Dir = project(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

// TestLimitsDelegated: without systemd the cgroup that one has is divided, and what a
// killed run left there is removed by the next one, while what lives stays.
func TestLimitsDelegated(t *testing.T) {
	out := withoutSystemd(t, `set -eu
		sbx=$0 own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
		mkdir $own/main
		for p in $(cat $own/cgroup.procs); do echo $p > $own/main/cgroup.procs || true; done
		boxes() { (cd $own; ls -d sbx-* 2>/dev/null | wc -l); }
		"$sbx" run -m 64m --pids-limit 50 -- cat /proc/self/cgroup
		echo "after one: $(boxes)"
		mkfifo ready1 ready2
		"$sbx" run -q -m 64m -- sh -c 'echo > ready1; exec sleep 100' & first=$!
		"$sbx" run -q -m 64m -- sh -c 'echo > ready2; exec sleep 100' & second=$!
		cat ready1 ready2
		echo "two: $(boxes)"
		cat $own/sbx-*/memory.max
		kill -9 $first
		wait $first || echo "killed: $?"
		"$sbx" run --pids-limit 50 -- true
		echo "one lives: $(boxes)"
		kill -TERM $second
		wait $second || echo "ended: $?"
		echo "none: $(boxes)"`)
	for _, want := range []string{"0::/\n", "after one: 0\n", "two: 2\n67108864\n67108864\n", "killed: 137\n", "one lives: 1\n", "ended: 143\n", "none: 0\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestLimitsBusy: a cgroup with processes in it cannot be divided; the hint, carried
// out, mends it.
func TestLimitsBusy(t *testing.T) {
	// What is above must not be the caller's either, or it would do: the top of a cgroup
	// namespace is all there is in sight.
	out := withoutSystemd(t, `
		exec unshare --user --map-current-user --keep-caps --mount --cgroup bash -c '
			mount --bind "/sys/fs/cgroup$1" /sys/fs/cgroup || exit 9
			"$0" run --pids-limit 50 -- true 2> said; echo "exit $?"
			cat said
			eval "$(sed -n "s/^sbx: hint: //p" said | sed "s/; or go with less.*//")" 2>/dev/null
			"$0" run --pids-limit 50 -- echo mended
		' "$0" "$(sed -n 's/^0:://p' /proc/self/cgroup)"`)
	for _, want := range []string{"exit 125\n", "limits cannot be had: cgroup /sys/fs/cgroup is yours and has processes in it", "mended\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// TestLimitsThatCannotBe: what the kernel refuses stops the run, and leaves nothing.
func TestLimitsThatCannotBe(t *testing.T) {
	testenv.NeedGuest(t)
	cmd := exec.Command(tool(t, "sbx"), "run", "--cpuset", "4000", "--", "true")
	cmd.Dir = project(t)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "processors 4000") || !strings.Contains(string(out), "hint") {
		t.Errorf("%v: %s", err, out)
	}
	cmd = exec.Command(tool(t, "sbx"), "run", "--io-max", "250:77:wbps=1m", "--", "true")
	cmd.Dir = project(t)
	out, err = cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != exitFailed || !strings.Contains(string(out), "no such device") {
		t.Errorf("%v: %s", err, out)
	}
	if left := scopes(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
