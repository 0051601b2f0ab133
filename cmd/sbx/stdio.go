package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
)

// stdio is where the streams of a detached command go.
type stdio struct {
	mu       sync.Mutex
	log      *os.File
	reported bool // who began it has heard that the command runs
}

func newStdio(dir string, _ *runFlags) (*stdio, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	return &stdio{log: log}, err
}

// connect gives the command its streams.
func (o *stdio) connect(cmd *sandbox.Cmd) {
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, o.log, o.log
	cmd.RawTerminal = true // who looks at it filters
}

// report says that the command runs, once.
func (o *stdio) report(id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.reported {
		return nil
	}
	o.reported = true
	return reported(id)
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
	if w.stdio.reported {
		return w.stdio.log.Write(b)
	}
	return w.callers.Write(b)
}

func (o *stdio) attach(_ control.Request, c *control.Conn, _ *supervisor) {
	_ = c.Fail(fmt.Errorf("cannot attach yet"))
}

func (o *stdio) close() { o.log.Close() }
