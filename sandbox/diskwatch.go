package sandbox

import (
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/amount"
	"github.com/sbxrun/sbx/userns"
)

// A DiskReport says what was taken of Spec.Disk.
type DiskReport struct {
	Size int64 `json:"size"`
	// Kind is "memory" where the kernel refuses what is more, and "watched" where sbx
	// looks into the upper directory from time to time and ends the sandbox.
	Kind string `json:"kind"`
	// Peak is the most that was seen. A watched directory is looked at more often
	// the less room it has.
	Peak int64 `json:"peak"`
	// Full says that there was no more room, Ended that the sandbox was ended for it.
	Full  bool `json:"full,omitempty"`
	Ended bool `json:"ended,omitempty"`
}

// diskEvery is how often a disk is looked at: a compiler that finds it full removes
// what it has begun, and nothing tells of that afterwards.
const diskEvery = 100 * time.Millisecond

// ending is how long the kernel may take for the end of a sandbox.
const ending = 5 * time.Second

// diskWatch looks at a sandbox's disk while the sandbox runs. It holds the file systems,
// so that they can be looked at once more when it has ended.
type diskWatch struct {
	upper *upperWatch // or nil

	mu     sync.Mutex // guards what is below
	memory []*os.File
	report DiskReport
	failed error
	stop   chan struct{}
	done   sync.WaitGroup
}

func newDiskWatch(s Spec, h Host) *diskWatch {
	w := &diskWatch{report: DiskReport{Size: s.Disk, Kind: "memory"}, stop: make(chan struct{})}
	if s.Upper != "" {
		w.report.Kind, w.upper = "watched", newUpperWatch(s, h)
	}
	return w
}

// take takes a file system in memory over.
func (w *diskWatch) take(f *os.File) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.memory = append(w.memory, f)
	return nil
}

// begin looks until close, and ends the sandbox when the upper takes too much.
func (w *diskWatch) begin(p *userns.Process) {
	w.done.Go(func() {
		tick := time.NewTicker(diskEvery)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-p.Done():
				return
			case <-tick.C:
			}
			if used := w.look(); w.upper != nil && !w.within(p, used) {
				_ = p.Kill() // it ended just now
				return
			}
		}
	})
}

// within tells whether the upper takes no more than is left. What cannot be looked at is
// not within.
func (w *diskWatch) within(p *userns.Process, used int64) bool {
	taken, err := w.upper.look(p, w.report.Size-used)
	if err != nil {
		select {
		case <-p.Done():
			return true // and that is why: who is ending cannot be joined
		case <-time.After(ending):
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.report.Peak = max(w.report.Peak, used+taken)
	w.failed, w.report.Ended = err, err == nil && used+taken > w.report.Size
	return err == nil && !w.report.Ended
}

// look asks the file systems in memory how full they are.
func (w *diskWatch) look() (used int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.memory {
		var st unix.Statfs_t
		if unix.Fstatfs(int(f.Fd()), &st) != nil {
			continue // it is a file system's own answer, which has none to give
		}
		used += int64(st.Blocks-st.Bfree) * st.Bsize
		if st.Bfree == 0 || st.Ffree == 0 {
			w.report.Full = true
		}
	}
	w.report.Peak = max(w.report.Peak, used)
	return used
}

// close looks for the last time.
func (w *diskWatch) close() (DiskReport, error) {
	close(w.stop)
	w.done.Wait()
	w.look()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range w.memory {
		f.Close()
	}
	w.memory = nil
	return w.report, w.failed
}

// words say what happened, or nothing.
func (r DiskReport) words() string {
	switch {
	case r.Ended:
		return fmt.Sprintf("killed for disk at %s: raise with --disk", amount.Bytes(r.Size))
	case r.Full:
		return fmt.Sprintf("the disk of %s was full: raise with --disk", amount.Bytes(r.Size))
	}
	return ""
}

// endDisk tells how it was.
func (c *Cmd) endDisk() error {
	if c.disk == nil {
		return nil
	}
	report, err := c.disk.close()
	c.disk = nil
	c.left(func(r *Receipt) { r.Disk = &report })
	if words := report.words(); words != "" {
		c.note("%s", words)
	}
	return err
}
