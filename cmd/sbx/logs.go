package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/journal"
	"github.com/sbxrun/sbx/sandbox/state"
)

type logsFlags struct {
	Follow     bool   `short:"f" help:"Follow the output until the sandbox has ended."`
	Tail       string `short:"n" default:"all" placeholder:"N" help:"Print only the last N lines (default: all)."`
	Since      string `placeholder:"DURATION|TIME" help:"Print only what is newer: 10m, or 2006-01-02T15:04:05."`
	Timestamps bool   `short:"t" help:"Print the time before each line."`
	Json       bool   `help:"Print a JSON object for each line."`
	Box        string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
}

// logsVerb is sbx logs.
func logsVerb(u ui, args []string) int {
	var flags logsFlags
	if done, code := parseVerb(u, "logs", "Print the output and errors of a command in the background.", &flags, args); done {
		return code
	}
	options, err := flags.options(time.Now())
	if err != nil {
		return exitOf(u, err, "")
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	r, err := all.Find(flags.Box)
	if err == nil {
		err = flags.print(u, all, r, options)
	}
	var interrupted interruptedError
	switch {
	case errors.As(err, &interrupted):
		return 128 + int(interrupted)
	case err != nil:
		err = ofBox(flags.Box, err)
	}
	return exitOf(u, err, boxHint(err))
}

// options reads the flags.
func (f *logsFlags) options(now time.Time) (o journal.Options, err error) {
	o.Tail = -1
	if f.Tail != "all" {
		if o.Tail, err = strconv.Atoi(f.Tail); err != nil || o.Tail < 0 {
			return o, fmt.Errorf("--tail %s: want a number of lines, or all", f.Tail)
		}
	}
	if f.Since == "" {
		return o, nil
	}
	if d, err := time.ParseDuration(f.Since); err == nil {
		o.Since = now.Add(-d)
		return o, nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, time.DateOnly} {
		if o.Since, err = time.ParseInLocation(form, f.Since, time.Local); err == nil {
			return o, nil
		}
	}
	return o, fmt.Errorf("--since %s: want a duration such as 10m, or a time such as %s", f.Since, now.Format("2006-01-02T15:04"))
}

// print prints the log of a sandbox.
func (f *logsFlags) print(u ui, all *state.Sandboxes, r state.Record, o journal.Options) error {
	interrupted := newInterruption()
	end := func() error { return nil }
	if f.Follow {
		o.Follow, end = following(all, r, interrupted.came)
	}
	p := newLogPrinter(u, f)
	defer p.shown.restore()
	o.Idle = p.flush
	log, err := journal.Open(all.Box(r), o)
	switch {
	case errors.Is(err, journal.ErrNone):
		return &mendedError{err, "only what was begun with --detach, and without --log-max none, has one"}
	case err != nil:
		return err
	}
	defer log.Close()
	for {
		rec, err := log.Next()
		if sig := interrupted.signal(); sig != 0 {
			return interruptedError(sig)
		}
		if err == io.EOF {
			p.flush()
			return errors.Join(p.failed, end())
		}
		if err == nil {
			err = p.print(rec)
		}
		if err != nil {
			return err
		}
	}
}

// following gives what is closed when a sandbox has ended, or nobody wants to know any
// more, and then tells whether it ended as it should.
func following(all *state.Sandboxes, r state.Record, unwanted <-chan struct{}) (<-chan struct{}, func() error) {
	over, answered := make(chan struct{}), make(chan error, 1)
	if !r.Alive() {
		close(over)
		return over, func() error { return nil }
	}
	go func() {
		_, _, err := askBox(all, r, control.Request{Do: control.Wait})
		answered <- err
	}()
	var err error
	go func() {
		defer close(over)
		select {
		case err = <-answered:
		case <-unwanted:
		}
	}()
	return over, func() error {
		if !errors.Is(err, control.ErrNobody) {
			return err
		}
		now, err := settled(all, r)
		switch {
		case errors.Is(err, state.ErrNotFound): // as it was to be
			return nil
		case err == nil && now.Status == state.Dead:
			return errors.New(now.Error)
		}
		return err
	}
}

// A logPrinter prints records.
type logPrinter struct {
	u           ui
	flags       *logsFlags
	shown       shown
	out, errors *bufio.Writer
	last        *bufio.Writer
	within      map[string]bool // streams that are within a line
	failed      error
}

func newLogPrinter(u ui, f *logsFlags) *logPrinter {
	p := &logPrinter{u: u, flags: f, shown: newShown(false), within: map[string]bool{}}
	p.out, p.errors = bufio.NewWriterSize(p.shown.out, 64<<10), bufio.NewWriter(p.shown.errors)
	p.last = p.out
	return p
}

// flush has what was printed be seen.
func (p *logPrinter) flush() {
	if err := p.last.Flush(); err != nil && p.failed == nil {
		p.failed = err
	}
}

func (p *logPrinter) print(r journal.Record) error {
	to := p.out
	if !p.flags.Json && r.Stream != journal.Stdout {
		to = p.errors
	}
	if to != p.last { // both may go to one place
		p.flush()
		p.last = to
	}
	switch {
	case p.flags.Json:
		if err := hint.WriteJSONLine(to, struct {
			Time    time.Time `json:"time"`
			Stream  string    `json:"stream"`
			Text    string    `json:"text"`
			Partial bool      `json:"partial,omitempty"`
		}{r.Time, r.Stream, string(r.Text), r.Partial}); err != nil {
			return err
		}
		return p.failed
	case p.flags.Timestamps && !p.within[r.Stream]:
		to.WriteString(r.Time.Format(journal.Stamp) + " ")
	}
	p.within[r.Stream] = r.Partial
	if r.Stream == journal.Sbx {
		to.WriteString(said + plain(string(r.Text)))
	} else {
		to.Write(r.Text)
	}
	if !r.Partial {
		to.WriteByte('\n')
	}
	return p.failed
}
