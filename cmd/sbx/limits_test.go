package main

import (
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/cmd/sbx/ahead"
	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/amount"
	"github.com/sbxrun/sbx/sandbox/cgroup"
)

// TestLimitFlags: flags and profiles in words, and what becomes of them.
func TestLimitFlags(t *testing.T) {
	own, built := profiles.Line{File: "/home/ada/p.toml", N: 1}, profiles.Line{File: "profiles/build.toml", N: 1}
	for _, c := range []struct {
		args          string
		profile       profiles.Limits
		asked, wished string
		err           string
	}{
		{args: "-m 64m", asked: "memory 64 MiB, memory and swap 128 MiB"},
		{args: "-m 64m --memory-swap 64m", asked: "memory 64 MiB, memory and swap 64 MiB"},
		{args: "-m64m --memory-swap=unlimited", asked: "memory 64 MiB"},
		{args: "--memory-swap 64m", err: "say --memory too"},
		{args: "--memory unlimited"},
		{args: "--cpus 1.5 --cpu-weight 50 --cpuset 0-2", asked: "cpus 1.5, cpuset 0-2, cpu.weight 50"},
		{args: "--cpuset-cpus 1", asked: "cpuset 1"},
		{args: "--pids-limit 9 --io-max 8:16:wbps=1m,riops=5", asked: "processes 9, io 8:16 wbps=1048576, io 8:16 riops=5"},
		{args: "--pids-limit=-1"},
		{args: "--pids-limit 0", err: "--pids-limit: processes"}, {args: "--cpus 0", err: "--cpus: cpus"}, {args: "--cpuset x", err: "--cpuset: processors"},
		{args: "--cpu-weight 0", err: "--cpu-weight: cpu weight"}, {args: "-m 5", err: "--memory: memory"},
		{args: "--io-max /nowhere:wbps=1m", err: "/nowhere: no such file"}, {args: "--io-max /proc:wbps=1m", err: "no disk of its own"},
		{args: "--io-max /dev/null:wbps=1m", err: "neither a disk nor a directory"},
		{profile: profiles.Limits{Pids: profiles.Value{Text: "7", From: own}}, asked: "processes 7"},
		{profile: profiles.Limits{Pids: profiles.Value{Text: "7", From: built}}},
		{args: "--profile build", profile: profiles.Limits{Pids: profiles.Value{Text: "7", From: built}}, wished: "processes 7"},
		{args: "--profile build --pids-limit 8", profile: profiles.Limits{Pids: profiles.Value{Text: "7", From: built}}, asked: "processes 8"},
		{args: "--profile build --pids-limit unlimited", profile: profiles.Limits{Pids: profiles.Value{Text: "7", From: built}}},
		{profile: profiles.Limits{IOMax: []profiles.Value{{Text: "8:0:rbps=1", From: own}}}, asked: "io 8:0 rbps=1"},
		{args: "--io-max 8:1:rbps=2", profile: profiles.Limits{IOMax: []profiles.Value{{Text: "8:0:rbps=1", From: own}}}, asked: "io 8:1 rbps=2"},
		{profile: profiles.Limits{CPUs: profiles.Value{Text: "no", From: own}}, err: "/home/ada/p.toml:1: cpus"},
	} {
		f, err := parseRun(append(strings.Fields(c.args), "--", "true"))
		if err != nil {
			t.Fatalf("%s: %v", c.args, err)
		}
		f.profile.Limits = c.profile
		s := sandbox.Spec{}
		s.OCI.Linux = &specs.Linux{}
		err = addLimits(f, &s)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v, want %s", c.args, err, c.err)
			}
			continue
		}
		asked, wished := strings.Join(cgroup.Words(s.OCI.Linux.Resources), ", "), strings.Join(cgroup.Words(s.Wished), ", ")
		if err != nil || asked != c.asked || wished != c.wished {
			t.Errorf("%s, %+v: asked %q, wished %q, %v", c.args, c.profile, asked, wished, err)
		}
	}
}

// TestLimitFlagsBeginNothing: with each of them nothing is begun early, in any form.
func TestLimitFlagsBeginNothing(t *testing.T) {
	flags := reflect.TypeFor[limitFlags]()
	for i := range flags.NumField() {
		field := flags.Field(i)
		for _, name := range []string{kebab(field.Name), field.Tag.Get("aliases")} {
			if name != "" && !flagged([]string{"--" + name + "=1"}, ahead.Without[:]) {
				t.Errorf("with --%s a child is begun, which is in another cgroup", name)
			}
		}
	}
}

// TestLimitsHere: on a machine where there are no limits to be had, asking for them
// stops the run and says why; doing without is told, and is no way to get around the
// kernel's own.
func TestLimitsHere(t *testing.T) {
	needNamespaces(t)
	dir, sbx := project(t), tool(t, "sbx")
	run := func(args ...string) (string, int) {
		cmd := exec.Command(sbx, append([]string{"run"}, args...)...)
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Fatal(err)
		}
		return string(out), cmd.ProcessState.ExitCode()
	}
	_, unavailable := cgroup.Probe("nobody").Choose([]string{"pids"})
	out, code := run("--pids-limit", "20", "--", "echo", "ran")
	switch {
	case unavailable == nil && code == 0 && out == "ran\n":
	case unavailable == nil || code != exitFailed || strings.Contains(out, "ran") || !strings.Contains(out, "sbx: limits cannot be had: ") ||
		!strings.Contains(out, "sbx: hint: ") || !strings.Contains(out, "--allow-degraded=limits"):
		t.Errorf("with %v, exit code %d: %s", unavailable, code, out)
	}
	// Both ways it is the same number.
	out, code = run("-q", "--allow-degraded=limits", "--pids-limit", "20", "--", "sh", "-c", "n=0; while [ $n -lt 40 ]; do n=$((n+1)); sleep 60 & done; echo all")
	if code == 0 || strings.Contains(out, "all") || !strings.Contains(out, "fork") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if unavailable == nil {
		return
	}
	out, code = run("--allow-degraded=limits", "-m", "64m", "--cpus", "1", "--receipt", "-", "--", "sh", "-c", "ulimit -d")
	for _, want := range []string{"65536\n", "without the limit of memory; each process", "without the limit of cpu: ", `"missing": [` + "\n    \"limits\"\n  ]"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in %s", code, want, out)
		}
	}
	out, code = run("--profile", "build", "--", "echo", "ran")
	if code != 0 || !strings.Contains(out, "without the profile's limits of memory: ") || !strings.Contains(out, "ran\n") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if out, code = run("--", "echo", "ran"); code != 0 || out != "ran\n" {
		t.Errorf("exit code %d: %s", code, out)
	}
	if err := os.WriteFile(dir+"/.sbx.toml", []byte("[limits]\npids = 20\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code = run("--", "echo", "ran"); code != exitFailed || !strings.Contains(out, "limits cannot be had") {
		t.Errorf("with the project's limits, exit code %d: %s", code, out)
	}
}

// TestChosenLimits: a profile that the command's name chooses bounds processes without a
// cgroup, and the receipt says which limits are not in force.
func TestChosenLimits(t *testing.T) {
	needNamespaces(t)
	dir, sbx := project(t), tool(t, "sbx")
	const rule = "all:\n\t@n=0; while [ $$n -lt 40 ]; do n=$$((n+1)); sleep 60 & done; echo all; sed -n 's/^Max processes *\\([0-9]*\\).*/\\1/p' /proc/self/limits\n"
	if err := os.WriteFile(dir+"/processes.mk", []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	n, err := amount.Pids("10%", amount.ThisMachine())
	if err != nil {
		t.Fatal(err)
	}
	run := func(flags ...string) string {
		cmd := exec.Command(sbx, append(append([]string{"run", "-q", "--receipt", "-"}, flags...), "--", "make", "-f", "processes.mk")...)
		cmd.Dir = dir
		out, _ := cmd.CombinedOutput() // the exit code is in the receipt
		return string(out)
	}
	out := run()
	for _, want := range []string{"all\n" + fmt.Sprint(n) + "\n", fmt.Sprintf("\"limit\": \"processes %d\",\n      \"enforced\": true,\n      \"by\": \"RLIMIT_NPROC", n), "\"limit\": \"memory 75%\",\n      \"enforced\": false,\n      \"why\": \"the profile was chosen"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	if out := run("--ulimit", "nproc=20"); strings.Contains(out, "all\n") || !strings.Contains(out, `"processes 20"`) {
		t.Errorf("the flag does not win: %s", out)
	}
	if out := run("--pids-limit", "unlimited"); !strings.Contains(out, "all\n") || strings.Contains(out, `"limit": "processes`) {
		t.Errorf("the flag does not take it away: %s", out)
	}
}
