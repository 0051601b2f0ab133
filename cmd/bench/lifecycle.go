package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// many is how many sandboxes there are at once, for sbx ps and for the memory of one.
const many = 300

// A runner keeps a command running, and can run another beside it.
type runner struct {
	name              string
	begin, enter, end []string
}

// runners are sbx and its peers, in the same root file system with one id.
func runners(dir string) []runner {
	state, storage := filepath.Join(dir, "state"), filepath.Join(dir, "podman")
	sbx := dir + "/sbx "
	podman := podman(storage)
	return []runner{
		{"sbx", words(sbx + "run -d --name bench-life --userns single --no-project --rw-rootfs --rootfs " + dir + "/root -- /bin/pause"),
			words(sbx + "exec bench-life /bin/true"), words(sbx + "rm -f bench-life")},
		{"crun", words("crun --root " + state + " --cgroup-manager=disabled run -d --bundle " + dir + "/paused bench-life-crun"),
			words("crun --root " + state + " --cgroup-manager=disabled exec bench-life-crun /bin/true"), words("crun --root " + state + " delete -f bench-life-crun")},
		{"runc", words("runc --root " + state + " run -d --bundle " + dir + "/paused bench-life-runc"),
			words("runc --root " + state + " exec bench-life-runc /bin/true"), words("runc --root " + state + " delete -f bench-life-runc")},
		{"podman", words(podman + "run -d --name bench-life --network none --rootfs " + dir + "/root /bin/pause"),
			words(podman + "exec bench-life /bin/true"), words(podman + "rm -f -t 0 bench-life")},
	}
}

// measureLifecycle measures what is left running: how long it takes to enter it, to begin
// and to end it, and what it takes of the machine.
func measureLifecycle(w io.Writer, dir string, rounds int) error {
	enter := table{title: "a command in a sandbox that runs: exec true", reference: "crun exec"}
	whole := table{title: "begin a sandbox, leave it running, and remove it", reference: "podman run -d; rm -f"}
	for _, r := range runners(dir) {
		entry := &row{name: r.name + " exec", command: r.enter}
		if err := quietly(r.begin); err != nil {
			entry.failed = err.Error()
		}
		enter.rows = append(enter.rows, entry)
		script := []string{"sh", "-c", "B=$1 E=$2; sh -c \"$B\" && exec sh -c \"$E\"", "sh",
			unnamed(r.begin), unnamed(r.end)}
		whole.rows = append(whole.rows, &row{name: r.name + " run -d; rm -f", command: script})
	}
	enter.measure(rounds)
	enter.print(w)
	for _, r := range runners(dir) {
		_ = quietly(r.end) // what did not begin need not end
	}
	whole.measure(max(rounds/4, 1))
	whole.print(w)
	return measureMany(w, dir, rounds)
}

// unnamed is a command line, with another name than the one that is entered.
func unnamed(command []string) string {
	return strings.ReplaceAll(strings.Join(command, " "), "bench-life", "bench-once") + " >/dev/null"
}

func quietly(command []string) error {
	cmd := exec.Command(command[0], command[1:]...)
	said, err := os.CreateTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.Remove(said.Name())
	defer said.Close()
	cmd.Stderr = said // a file: what stays behind may keep it open
	if err := cmd.Run(); err != nil {
		b, _ := os.ReadFile(said.Name()) // without it the error says enough
		line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
		return fmt.Errorf("%v: %s", err, line)
	}
	return nil
}

// measureMany has many sandboxes at once.
func measureMany(w io.Writer, dir string, rounds int) error {
	sbx := dir + "/sbx"
	list := table{title: fmt.Sprintf("sbx ps, with %d sandboxes", many), reference: "sbx version", rows: []*row{
		{name: "sbx version", command: words(sbx + " version")},
		{name: "sbx ps", command: words(sbx + " ps")},
	}}
	defer func() { _ = quietly([]string{"sh", "-c", sbx + " ps -q | xargs -r " + sbx + " rm -f"}) }()
	for range many {
		if err := quietly(words(sbx + " run -d --no-project -- sleep 1000")); err != nil {
			return fmt.Errorf("one of %d sandboxes: %w", many, err)
		}
	}
	time.Sleep(2 * time.Second) // until the last has come to rest
	out, err := exec.Command(sbx, "ps", "--json").Output()
	if err != nil {
		return err
	}
	var all []struct{ Supervisor, PID int }
	if err := json.Unmarshal(out, &all); err != nil {
		return err
	}
	if len(all) != many {
		return fmt.Errorf("%d of %d sandboxes are left", len(all), many)
	}
	var resident, own float64
	for _, s := range all {
		for _, pid := range []int{s.Supervisor, s.PID} {
			r, p, err := memory(strconv.Itoa(pid))
			if err != nil {
				return err
			}
			resident, own = resident+r, own+p
		}
	}
	fmt.Fprintf(w, "\nmemory of a detached sandbox, supervisor and PID 1, MB, the mean of %d\n", many)
	fmt.Fprintf(w, "resident (shared pages counted in each)  %5.1f\nproportional (shared pages shared out)   %5.1f\n", resident/many, own/many)
	list.measure(rounds)
	list.print(w)
	return nil
}

// memory is the resident and the proportional memory of a process, in MB.
func memory(pid string) (resident, proportional float64, err error) {
	b, err := os.ReadFile("/proc/" + pid + "/smaps_rollup")
	if err != nil { // that of another user's process, as PID 1 may be, is closed
		b, err = os.ReadFile("/proc/" + pid + "/status")
	}
	if err != nil {
		return 0, 0, err
	}
	for _, line := range strings.Split(string(b), "\n") {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		kb, _ := strconv.ParseFloat(words[1], 64) // what is no number is not looked at
		switch words[0] {
		case "Rss:", "VmRSS:":
			resident = kb / 1024
		case "Pss:":
			proportional = kb / 1024
		}
	}
	if proportional == 0 {
		proportional = resident
	}
	return resident, proportional, nil
}
