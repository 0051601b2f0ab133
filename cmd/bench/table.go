package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// A table is rows that are compared with each other.
type table struct {
	title     string
	reference string // the row that the ratios are to
	rows      []*row
}

// measure runs all rows in turn, again and again, so that what disturbs the
// machine disturbs them all.
func (t table) measure(rounds int) {
	warmUp := max(1, min(5, rounds/5))
	for round := range rounds + warmUp {
		for _, r := range t.rows {
			if r.failed != "" {
				continue
			}
			took, peak, err := r.run()
			r.peak = max(r.peak, peak)
			if err != nil {
				r.failed = err.Error()
			} else if round >= warmUp {
				r.times = append(r.times, took)
			}
		}
	}
}

// run runs the command once. It gives milliseconds, and the peak memory of its
// largest process in MB.
func (r *row) run() (took, peak float64, err error) {
	command, err := r.prepare()
	if err != nil {
		return 0, 0, err
	}
	path, err := exec.LookPath(command[0])
	if err != nil {
		return 0, 0, err
	}
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return 0, 0, err
	}
	defer null.Close()
	// No file, which sbx would carry.
	said, errors, err := os.Pipe()
	if err != nil {
		return 0, 0, err
	}
	defer said.Close()
	defer errors.Close()
	start := time.Now()
	p, err := os.StartProcess(path, command, &os.ProcAttr{Files: []*os.File{null, null, errors}})
	if err != nil {
		return 0, 0, err
	}
	state, err := p.Wait()
	elapsed := time.Since(start)
	if err != nil {
		return 0, 0, err
	}
	if !state.Success() {
		errors.Close()
		b, _ := io.ReadAll(said) // without it the state says enough
		line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
		return 0, 0, fmt.Errorf("%v: %s", state, line)
	}
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		peak = float64(usage.Maxrss) / 1024
	}
	return elapsed.Seconds() * 1000, peak, nil
}

// prepare gives the command, with its directory. What others wrote is on the disk by
// then: a sync in the command would wait for it.
func (r *row) prepare() ([]string, error) {
	if r.fresh == "" {
		return r.command, nil
	}
	if err := os.MkdirAll(r.fresh, 0o755); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(r.fresh, "")
	if err != nil {
		return nil, err
	}
	syscall.Sync()
	command := slices.Clone(r.command)
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], "FRESH", dir)
	}
	return command, nil
}

func (t table) print(w io.Writer) {
	var reference []float64
	for _, r := range t.rows {
		if r.name == t.reference {
			reference = r.times
		}
	}
	fmt.Fprintf(w, "\n%s\n", t.title)
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tab, "\tmedian ms\t10-90 %%\tpeak MB\tratio to %s\n", t.reference)
	for _, r := range t.rows {
		if r.failed != "" || len(r.times) == 0 {
			fmt.Fprintf(tab, "%s\tnot measured: %s\n", r.name, r.failed)
			continue
		}
		fmt.Fprintf(tab, "%s\t%.2f\t%.2f-%.2f\t%.1f\t%s\n", r.name, at(r.times, 0.5), at(r.times, 0.1), at(r.times, 0.9), r.peak, ratio(r.times, reference))
	}
	tab.Flush()
	fmt.Fprintln(w, "(peak MB is that of the largest process; the bench's own is the least that shows)")
}

// ratio is the median of the ratios round by round.
func ratio(a, b []float64) string {
	if len(a) == 0 || len(a) != len(b) {
		return "-"
	}
	ratios := make([]float64, len(a))
	for i := range a {
		ratios[i] = a[i] / b[i]
	}
	return fmt.Sprintf("%.2f", at(ratios, 0.5))
}

// at is the quantile q of the values.
func at(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(q*float64(len(sorted)-1))]
}
