package main

import (
	"fmt"
	"os"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/outfile"
)

// A flowLog is told of each flow as it ends: it writes them to the file of --net-log, one
// JSON object a line, and has --net-learn learn.
type flowLog struct {
	file   *os.File // or nil
	failed error
	lesson lesson // or nil
}

// logFlows has a command's flows logged. The file is a new one that takes the name: a link
// in its place is replaced and not followed, since the project may be where it is.
func logFlows(f *runFlags, cmd *sandbox.Cmd) (*flowLog, error) {
	l := &flowLog{}
	if f.NetLearn {
		l.lesson = lesson{}
	}
	if path := string(f.NetLog); path != "" {
		var err error
		if l.file, err = outStream("--net-log", path); err != nil {
			return nil, err
		}
	}
	if path := string(f.NetLog); path != "" && l.file == nil {
		to, err := outfile.Open(path, cmd.Spec.WritableOutside()...)
		if err != nil {
			return nil, fmt.Errorf("--net-log: %w", err)
		}
		defer to.Close()
		if l.file, err = to.Create(); err != nil {
			return nil, fmt.Errorf("--net-log: %w", err)
		}
	}
	if l.file != nil || l.lesson != nil {
		cmd.Flow = l.note
	}
	return l, nil
}

func (l *flowLog) note(f egress.Flow) {
	if l.lesson != nil {
		l.lesson.note(f)
	}
	if l.file == nil {
		return
	}
	if err := hint.WriteJSONLine(l.file, f); err != nil && l.failed == nil {
		l.failed = err
	}
}

// end tells what was refused, what was tried in vain and what was learnt, and what could not
// be written.
func (l *flowLog) end(u ui, f *runFlags, cmd *sandbox.Cmd, code int) error {
	flows := cmd.Flows()
	if !f.Quiet {
		sayRefused(u, flows, &setHint{f: f, writable: cmd.Spec.WritableOutside()})
		if code != 0 && l.lesson == nil {
			sayNotFound(u, flows)
		}
		sayAttempts(u, f, cmd.Spec, cmd.Attempts())
	}
	if l.lesson != nil {
		l.lesson.say(u, flows)
	}
	if l.file == nil {
		return nil
	}
	if err := l.file.Close(); l.failed == nil {
		l.failed = err
	}
	if l.failed != nil {
		return fmt.Errorf("--net-log: %w", l.failed)
	}
	return nil
}
