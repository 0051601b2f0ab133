package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
)

// A kernelRow is a line of the table in docs/support.md: what a kernel gives.
type kernelRow struct{ landlock, lost, thrownAway, layers string }

// supported reads the row of the running kernel. Of one that is not there the row of the
// nearest older one holds, but for Landlock, which may know more.
func supported(t *testing.T) (row kernelRow, exact bool) {
	t.Helper()
	major, minor, err := sandbox.KernelVersion()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../docs/support.md")
	if err != nil {
		t.Fatal(err)
	}
	var nearest sandbox.Kernel
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, "|")
		var k sandbox.Kernel
		if len(cells) != 7 {
			continue
		}
		if n, err := fmt.Sscanf(cells[1], " %d.%d ", &k.Major, &k.Minor); n != 2 || err != nil {
			continue
		}
		if (sandbox.Kernel{Major: major, Minor: minor}).AtLeast(k.Major, k.Minor) && k.AtLeast(nearest.Major, nearest.Minor) {
			nearest = k
			row = kernelRow{strings.TrimSpace(cells[2]), strings.TrimSpace(cells[3]), strings.TrimSpace(cells[4]), strings.TrimSpace(cells[5])}
		}
	}
	if nearest.Major == 0 {
		t.Fatalf("no row for Linux %d.%d", major, minor)
	}
	return row, nearest == sandbox.Kernel{Major: major, Minor: minor}
}

// TestKernelTable: what the running kernel gives is what the table says, and what it has
// not is told, by the receipt, by --verbose, or by an error.
func TestKernelTable(t *testing.T) {
	root, sbx := needDebian(t), tool(t, "sbx")
	if err := missingFuse(); err != nil {
		skip(t, "%v", err)
	}
	want, exact := supported(t)
	run := func(args ...string) (string, int) {
		cmd := exec.Command(sbx, append([]string{"run"}, args...)...)
		cmd.Dir = project(t)
		out, err := cmd.CombinedOutput()
		if exit, ok := err.(*exec.ExitError); ok {
			return string(out), exit.ExitCode()
		} else if err != nil {
			t.Fatal(err)
		}
		return string(out), 0
	}

	receipt := filepath.Join(t.TempDir(), "receipt")
	if out, code := run("--receipt", receipt, "--", "awk", "$1 > 60 { exit 1 }", "/proc/uptime"); code != 0 {
		t.Errorf("clocks from zero: exit code %d: %s", code, out)
	}
	text, err := os.ReadFile(receipt)
	if err != nil {
		t.Fatal(err)
	}
	var r sandbox.Receipt
	if err := json.Unmarshal(text, &r); err != nil || r.Landlock == nil {
		t.Fatalf("%v: %s", err, text)
	}
	lost := make([]string, len(r.Landlock.Lost))
	for i, l := range r.Landlock.Lost {
		lost[i], _, _ = strings.Cut(l, " (since")
	}
	if got := fmt.Sprintf("ABI %d", r.Landlock.ABI); exact && (got != want.landlock || strings.Join(lost, ", ") != strings.TrimPrefix(want.lost, "nothing")) {
		t.Errorf("Landlock is %s without %q; the table says %+v", got, lost, want)
	}
	out, code := run("--no-tcp", "--", "true")
	if code != 0 { // the filter forbids it, on any kernel
		t.Errorf("--no-tcp: exit code %d: %s", code, out)
	}

	// A directory that is made anew where another was is empty, whoever unites.
	out, code = run("--verbose", "--layer", root, "--", "sh", "-c", "rm -r /usr/share/doc && mkdir /usr/share/doc && ls -A /usr/share/doc")
	driver := "kernel"
	if strings.Contains(out, "overlay driver fuse-overlayfs: tmpfs has no user attributes on kernel") {
		driver = "fuse-overlayfs"
	}
	if code != 0 || driver != want.thrownAway || strings.Contains(out, "fuse") != (driver != "kernel") || strings.Contains(out, "apt") {
		t.Errorf("a throw-away union is %s's; the table says %s: exit code %d:\n%s", driver, want.thrownAway, code, out)
	}
	out, code = run("--overlay", "kernel", "--layer", root, "--", "true")
	if driver != "kernel" && (code != exitFailed || !strings.Contains(out, "the kernel's overlay cannot be used: tmpfs")) || driver == "kernel" && code != 0 {
		t.Errorf("--overlay kernel: exit code %d: %s", code, out)
	}
	out, code = run("--dry-run", "--overlay", "kernel", "--upper", t.TempDir(), "--layer", root, "--", "true")
	if code != 0 || strings.Contains(out, "lowerdir+=") != (want.layers == "by fsconfig") {
		t.Errorf("the table says that layers are %s: exit code %d:\n%s", want.layers, code, out)
	}
}
