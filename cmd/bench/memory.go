package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// printMemory prints the peak memory of what runs beside a command: sbx and its
// PID 1, and bubblewrap's two.
func printMemory(w io.Writer, dir string) {
	fmt.Fprintln(w, "\npeak memory beside the command, MB (VmHWM, shared pages counted in each)")
	for _, c := range []struct {
		name    string
		command []string
	}{
		{"sbx: supervisor and PID 1", []string{dir + "/sbx", "run", "--", "sleep", "0.5"}},
		{"bubblewrap: supervisor and PID 1", words(strings.TrimSuffix(bwrap, "true") + "sleep 0.5")},
	} {
		sum, parts, err := peaks(c.command)
		if err != nil {
			fmt.Fprintf(w, "%s  not measured: %v\n", c.name, err)
			continue
		}
		fmt.Fprintf(w, "%-34s %5.1f  (%s)\n", c.name, sum, parts)
	}
}

// peaks starts a command and adds up the peaks of it and its first child.
func peaks(command []string) (sum float64, parts string, err error) {
	cmd := exec.Command(command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return 0, "", err
	}
	time.Sleep(250 * time.Millisecond)
	var each []string
	pid := strconv.Itoa(cmd.Process.Pid)
	children, err := os.ReadFile("/proc/" + pid + "/task/" + pid + "/children")
	if err != nil {
		return 0, "", err
	}
	for _, p := range append([]string{pid}, strings.Fields(string(children))...) {
		mb, err := peak(p)
		if err != nil {
			return 0, "", err
		}
		sum += mb
		each = append(each, fmt.Sprintf("%.1f", mb))
	}
	return sum, strings.Join(each, " + "), cmd.Wait()
}

// watch runs a command, and gives the peak of it and of each of its children.
func watch(command []string) (all []float64, err error) {
	cmd := exec.Command(command[0], command[1:]...)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	pid := strconv.Itoa(cmd.Process.Pid)
	peaks := map[string]float64{}
	for tick := time.Tick(2 * time.Millisecond); ; <-tick {
		pids := []string{pid}
		tasks, _ := filepath.Glob("/proc/" + pid + "/task/*/children")
		for _, path := range tasks {
			children, _ := os.ReadFile(path) // the thread may have ended
			pids = append(pids, strings.Fields(string(children))...)
		}
		for _, p := range pids {
			if mb, err := peak(p); err == nil {
				peaks[p] = max(peaks[p], mb)
			}
		}
		select {
		case err := <-ended:
			all = append(all, peaks[pid])
			for p, mb := range peaks {
				if p != pid {
					all = append(all, mb)
				}
			}
			return all, err
		default:
		}
	}
}

func peak(pid string) (float64, error) {
	f, err := os.Open("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if kb, ok := strings.CutPrefix(s.Text(), "VmHWM:"); ok {
			n, err := strconv.ParseFloat(strings.Fields(kb)[0], 64)
			return n / 1024, err
		}
	}
	return 0, fmt.Errorf("process %s has no VmHWM", pid)
}
