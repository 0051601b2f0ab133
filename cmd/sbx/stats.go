package main

import (
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
)

// statsVerb is sbx stats.
func statsVerb(u ui, args []string) int {
	var flags struct {
		NoStream bool     `help:"Print once (always so if stdout is no terminal)."`
		Json     bool     `help:"Print once, as a JSON array."`
		Box      []string `arg:"" optional:"" name:"SANDBOX" help:"A name, an id, or the beginning of one (default: all that run)."`
	}
	if done, code := parseVerb(u, "stats", "Print the processor time, memory and I/O of sandboxes.", &flags, args); done {
		return code
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	m := &meter{all: all, names: flags.Box, before: map[string]control.Taken{}}
	if len(flags.Box) > 0 {
		for _, name := range flags.Box {
			if err := m.check(name); err != nil {
				return exitOf(u, ofBox(name, err), boxHint(err))
			}
		}
	}
	if flags.NoStream || flags.Json || !isTerminal(os.Stdout) {
		m.measure()
		time.Sleep(once)
		list := m.measure()
		if flags.Json {
			err = printJSON(u, list)
		} else {
			err = writeStats(u.out, list, 0)
		}
		return exitOf(u, err, "")
	}
	return m.watch(u)
}

const (
	once  = 500 * time.Millisecond // over which the use of processors is measured
	every = time.Second
)

// A reading is what a sandbox takes.
type reading struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Processors is how many it kept busy since the last reading: 1 is one of them all the
	// time. Nil is not known yet.
	Processors *float64 `json:"processors,omitempty"`
	*control.Taken
}

// A meter takes readings of some sandboxes, or of all that run.
type meter struct {
	all    *state.Sandboxes
	names  []string
	mu     sync.Mutex
	before map[string]control.Taken // by id
}

func (m *meter) check(name string) error {
	r, err := m.all.Find(name)
	if err == nil && !r.Alive() {
		err = control.ErrNobody
	}
	return err
}

// boxes are those that are alive.
func (m *meter) boxes() (list []state.Record) {
	if len(m.names) == 0 {
		list, _ = m.all.List() // ps tells of what cannot be read
	}
	for _, name := range m.names {
		if r, err := m.all.Find(name); err == nil {
			list = append(list, r)
		}
	}
	alive := list[:0]
	for _, r := range list {
		if r.Alive() {
			alive = append(alive, r)
		}
	}
	return alive
}

// measure takes a reading of each. A sandbox that does not answer at once, as one that
// waits to be begun again, has nothing to show but its name.
func (m *meter) measure() []reading {
	boxes := m.boxes()
	list := make([]reading, len(boxes))
	var group sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i, r := range boxes {
		list[i] = reading{ID: r.ID, Name: r.Name}
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			if taken, err := takenOf(m.all, r); err == nil {
				list[i].Taken = &taken
				list[i].Processors = m.since(r.ID, taken)
			}
		})
	}
	group.Wait()
	return list
}

// since is how many processors were busy since the last reading, and keeps this one.
func (m *meter) since(id string, taken control.Taken) *float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	last, ok := m.before[id]
	m.before[id] = taken
	if !ok || taken.At <= last.At {
		return nil
	}
	// The time of those whom nobody waits for is lost with them.
	busy := max(0, (taken.CPU-last.CPU)/(taken.At-last.At))
	return &busy
}

// watch shows readings in place until it is interrupted.
func (m *meter) watch(u ui) int {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGWINCH, unix.SIGCONT)
	lists := make(chan []reading)
	go func() {
		for rest := once; ; rest = every { // the first one has no use of processors
			lists <- m.measure()
			time.Sleep(rest)
		}
	}()
	var s screen
	list := <-lists
	for {
		if err := s.show(u.out, list, terminalSize()); err != nil {
			return exitOf(u, err, "")
		}
		select {
		case list = <-lists:
		case sig := <-signals:
			switch sig {
			case unix.SIGINT:
				return 0
			case unix.SIGTERM, unix.SIGHUP:
				return 128 + int(sig.(unix.Signal))
			}
			s = screen{anew: true} // where its lines are now nobody knows
		}
	}
}
