package main

import (
	"os"
	"path/filepath"
	"strings"
)

// A row is a command that is timed.
type row struct {
	name    string
	command []string
	times   []float64
	peak    float64 // MB, of the largest process
	failed  string
	// fresh is where each run gets a directory of its own, which FRESH in the command
	// stands for. Nothing is removed between runs: that would slow down the next.
	fresh string
}

func words(command string) []string { return strings.Fields(command) }

// bwrap is bubblewrap with the isolation that sbx's host view has.
const bwrap = "bwrap --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp --unshare-all --die-with-parent true"

func hostView(dir, project string) table {
	return table{title: "host view, running true", reference: "bubblewrap", rows: []*row{
		{name: "the same system calls in C (the floor)", command: []string{dir + "/floor", project, "true"}},
		{name: "sbx run", command: []string{dir + "/sbx", "run", "--", "true"}},
		{name: "sbx run --allow, which true does not use", command: []string{dir + "/sbx", "run", "--allow", "example.com", "--", "true"}},
		{name: "bubblewrap", command: words(bwrap)},
		{name: "unshare, namespaces and /proc alone", command: words("unshare -Urmpfniu --mount-proc true")},
		{name: "a Go program that executes itself", command: []string{dir + "/reexec", "true"}},
	}}
}

func rootfs(dir string) table {
	root, bundle := dir+"/root", dir+"/bundle"
	state := filepath.Join(dir, "state")
	_ = os.MkdirAll(state, 0o700) // the runtimes say what is wrong
	sbx := []string{dir + "/sbx", "run", "--userns", "single", "--no-project", "--rootfs", root}
	return table{title: "a root file system, one id, running true", reference: "crun", rows: []*row{
		{name: "sbx run --rootfs --rw-rootfs", command: append(append([]string{}, sbx...), "--rw-rootfs", "--", "/bin/true")},
		{name: "sbx run --rootfs (with an overlay)", command: append(append([]string{}, sbx...), "--", "/bin/true")},
		{name: "sbx run --image, unpacked before", command: words(dir + "/sbx run --userns single --no-project --image bench -- /bin/true")},
		{name: "sbx run --image, with all ids", command: words(dir + "/sbx run --no-project --image bench -- /bin/true")},
		{name: "crun", command: []string{"crun", "--root", state, "--cgroup-manager=disabled", "run", "--bundle", bundle, "bench-crun"}},
		{name: "runc", command: []string{"runc", "--root", state, "run", "--bundle", bundle, "bench-runc"}},
		{name: "bubblewrap", command: words("bwrap --bind " + root + " / --dev /dev --proc /proc --unshare-all --die-with-parent /bin/true")},
	}}
}

func ids(dir string) table {
	sbx := dir + "/sbx run --no-project --rw-rootfs --rootfs " + dir + "/root --userns "
	return table{title: "ids through newuidmap and newgidmap: what they add", reference: "unshare, one id", rows: []*row{
		{name: "sbx, one id", command: words(sbx + "single -- /bin/true")},
		{name: "sbx, all ids", command: words(sbx + "root -- /bin/true")},
		{name: "unshare, one id", command: words("unshare -Urmpfniu --mount-proc true")},
		{name: "unshare, all ids", command: words("unshare -Urmpfniu --map-auto --mount-proc true")},
	}}
}

// filters are loads of many system calls, under no filter, one that allows all in
// its only instruction, and the default one: what any filter costs, and what ours.
func filters(dir string) (tables []table) {
	for _, load := range []struct {
		title   string
		command []string
	}{
		{"half a million reads and writes of a byte (dd bs=1)", words("dd if=/dev/zero of=/dev/null bs=1 count=500000 status=none")},
		{"find /usr", []string{"sh", "-c", "find /usr -xdev 2>/dev/null; true"}}, // not all of it is for everybody
		{"a compile", words("gcc -O2 -c -o /tmp/floor.o floor.c")},
	} {
		tables = append(tables, table{title: "the filter's cost: " + load.title, reference: "no filter", rows: []*row{
			{name: "no filter", command: append(words(dir+"/sbx run --seccomp unconfined --"), load.command...)},
			{name: "a filter of one instruction", command: append(words(dir+"/sbx run --seccomp "+dir+"/allow.json --"), load.command...)},
			{name: "the default filter", command: append(words(dir+"/sbx run --"), load.command...)},
		}})
	}
	return tables
}
