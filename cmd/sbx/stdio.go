package main

import (
	"bytes"
	"io"
	"os"
	"runtime/debug"
	"sync"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/journal"
)

// stdio is where the streams of a detached command go: to the log, and to those who
// are attached. A command that is begun again has the same.
type stdio struct {
	log      *journal.Journal // or nil
	said     *journal.Stream
	out, err *outlet
	audience audience
	taps     *taps // of the command that runs, unless it has a terminal
	input    input
	takes    bool // input

	mu       sync.Mutex
	reported bool         // who began it has heard that the command runs
	size     control.Size // that an attached terminal has
}

func newStdio(dir string, f *runFlags) (*stdio, error) {
	o := &stdio{takes: f.Interactive || f.Tty != nil && *f.Tty}
	o.out, o.err = &outlet{kind: control.KindStdout, audience: &o.audience}, &outlet{kind: control.KindStderr, audience: &o.audience}
	most, err := parseLogMax(f.LogMax) // checked before
	if most == 0 || err != nil {
		return o, err
	}
	if o.log, err = journal.Create(dir, most); err != nil {
		return nil, err
	}
	o.out.log, o.err.log, o.said = o.log.Stream(journal.Stdout), o.log.Stream(journal.Stderr), o.log.Stream(journal.Sbx)
	return o, nil
}

// connect gives the command its streams.
func (o *stdio) connect(cmd *sandbox.Cmd) error {
	process := cmd.Spec.OCI.Process
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, o.out, o.err
	if process.Terminal {
		o.mu.Lock()
		process.ConsoleSize = consoleSize(o.size)
		o.mu.Unlock()
	} else {
		var err error
		if o.taps, err = openTaps(o.out, o.err); err != nil {
			return err
		}
		cmd.Stdout, cmd.Stderr = o.taps.theirs[0], o.taps.theirs[1]
	}
	if !o.takes {
		return nil
	}
	in, err := o.input.begin(process.Terminal)
	cmd.Stdin = in
	return err
}

// consoleSize is what a terminal has that nobody looks at yet: what terminals always
// had, since programs that divide by none end.
func consoleSize(s control.Size) *specs.Box {
	if s.Rows == 0 || s.Columns == 0 {
		s = control.Size{Rows: 24, Columns: 80}
	}
	return &specs.Box{Height: uint(s.Rows), Width: uint(s.Columns)}
}

// began says that the command runs, to who began it, once.
func (o *stdio) began(id string) error {
	o.input.handedOver()
	if o.taps != nil {
		o.taps.handedOver()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reported {
		return nil
	}
	o.reported = true
	err := reported(id)
	// What it took to get here is most of what this process ever takes.
	go debug.FreeOSMemory()
	return err
}

// notes is where sbx says what it has to say: the caller's standard error, and when
// that is no more, the log.
func (o *stdio) notes(callers io.Writer) io.Writer { return noteWriter{o, callers} }

type noteWriter struct {
	stdio   *stdio
	callers io.Writer
}

func (w noteWriter) Write(b []byte) (int, error) {
	w.stdio.mu.Lock()
	defer w.stdio.mu.Unlock()
	if !w.stdio.reported {
		return w.callers.Write(b)
	}
	note := bytes.TrimPrefix(b, []byte(said))
	if w.stdio.said != nil {
		_, _ = w.stdio.said.Write(note) // it has no error
	}
	w.stdio.audience.send(control.KindNote, bytes.TrimSuffix(note, []byte("\n")))
	return len(b), nil
}

// disconnect waits for the last that a command wrote, which has ended.
func (o *stdio) disconnect() {
	o.input.end()
	if o.taps != nil {
		o.taps.drain()
		o.taps = nil
	}
}

// close ends the log.
func (o *stdio) close() error {
	if o.log == nil {
		return nil
	}
	return o.log.Close()
}

// An outlet is one of the command's streams.
type outlet struct {
	kind     control.Kind
	log      *journal.Stream // or nil
	audience *audience
}

func (o *outlet) Write(b []byte) (int, error) {
	if o.log != nil {
		_, _ = o.log.Write(b) // it has no error
	}
	o.audience.send(o.kind, b)
	return len(b), nil
}

// input is what the command reads, from all who are attached.
type input struct {
	mu    sync.Mutex
	to    io.WriteCloser // of the command that runs, or nil
	other *os.File       // its end of the pipe, until it has it
}

// begin makes the input of a command that is to be begun. What one before it did not
// read is gone with that one.
func (i *input) begin(terminal bool) (io.Reader, error) {
	i.end()
	i.mu.Lock()
	defer i.mu.Unlock()
	if terminal {
		r, w := io.Pipe()
		i.to = w
		return r, nil
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	i.to, i.other = w, r
	return r, nil
}

// handedOver lets go of the command's end: when that has closed it, nobody should wait
// to write.
func (i *input) handedOver() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.other != nil {
		i.other.Close()
		i.other = nil
	}
}

// Write waits until the command has read, or has ended.
func (i *input) Write(b []byte) (int, error) {
	i.mu.Lock()
	to := i.to
	i.mu.Unlock()
	if to == nil {
		return 0, os.ErrClosed
	}
	return to.Write(b)
}

// eof says that there is no more. A terminal has no end: others may yet type.
func (i *input) eof() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if pipe, ok := i.to.(*os.File); ok {
		pipe.Close()
	}
}

func (i *input) end() {
	i.handedOver()
	i.mu.Lock()
	defer i.mu.Unlock()
	switch to := i.to.(type) {
	case *io.PipeWriter:
		_ = to.CloseWithError(os.ErrClosed) // and not as an end, which would be typed
	case *os.File:
		to.Close()
	}
	i.to = nil
}
