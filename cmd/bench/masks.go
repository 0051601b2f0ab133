package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// replacements is how often a hidden file is replaced. Each is read by a program inside
// that does nothing else.
const replacements = 500

// measureMasks measures the moment from the host's rename over a hidden file until the
// sandbox cannot read the new one, as a program that spins on open(2) sees it, and what a
// watch that has nothing to do takes of a processor.
func measureMasks(w io.Writer, dir string, _ int) error {
	project, err := os.MkdirTemp(".", "masks")
	if err != nil {
		return err
	}
	defer os.RemoveAll(project)
	secret := filepath.Join(project, ".env")
	if err := os.WriteFile(secret, []byte("old\n"), 0o644); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(dir, "sbx"), "run", "-q", "--no-profile", "--ro", dir, "--", filepath.Join(dir, "bench"), "-client", "spin", "-to", ".env")
	cmd.Dir, cmd.Stderr = project, os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	lines.Scan()            // it spins
	time.Sleep(time.Second) // what begins with the watch is done
	const idle = 5 * time.Second
	before, err := processorTime(cmd.Process.Pid)
	if err != nil {
		return err
	}
	time.Sleep(idle)
	after, err := processorTime(cmd.Process.Pid)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "\n== a watch while nothing changes\n%v of a processor in %v\n", after-before, idle)
	for n := range replacements {
		next := filepath.Join(project, "next")
		if err := os.WriteFile(next, fmt.Appendf(nil, "new %d\n", n), 0o644); err != nil {
			return err
		}
		if err := os.Rename(next, secret); err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := os.WriteFile(filepath.Join(project, "end"), nil, 0o644); err != nil {
		return err
	}
	var moments []time.Duration
	for lines.Scan() {
		d, err := time.ParseDuration(lines.Text())
		if err != nil {
			return err
		}
		moments = append(moments, d)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("the command that spins: %w", err)
	}
	for len(moments) < replacements { // it never read those
		moments = append(moments, 0)
	}
	slices.Sort(moments)
	fmt.Fprintf(w, "\n== a hidden file that the host replaces %d times, until it is hidden again\n", replacements)
	fmt.Fprintf(w, "median %v, 99 of 100 %v, longest %v\n", moments[len(moments)/2], moments[len(moments)*99/100], moments[len(moments)-1])
	return nil
}

// processorTime is how long a process has run, all of its threads together.
func processorTime(pid int) (total time.Duration, err error) {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, name := range stats {
		text, e := os.ReadFile(name)
		var ns int64
		if _, scan := fmt.Sscan(string(text), &ns); e != nil || scan != nil {
			return 0, errors.Join(e, scan)
		}
		total += time.Duration(ns)
	}
	return total, err
}

// spin reads a file without a pause until there is one called end, and prints for each text
// how long it could be read.
func spin(path string) error {
	fmt.Println("spinning")
	var text []byte
	var first, last time.Time
	flush := func() {
		if text != nil && !bytes.HasPrefix(text, []byte("old")) {
			fmt.Println(last.Sub(first))
		}
		text = nil
	}
	for n := 0; ; n++ {
		got, err := os.ReadFile(path)
		now := time.Now()
		switch {
		case err != nil || len(got) == 0:
			flush()
		case !bytes.Equal(got, text):
			flush()
			text, first, last = got, now, now
		default:
			last = now
		}
		if n%1000 == 0 {
			if _, err := os.Lstat(strings.TrimSuffix(path, ".env") + "end"); err == nil {
				flush()
				return nil
			}
		}
	}
}
