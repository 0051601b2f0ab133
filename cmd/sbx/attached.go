package main

import (
	"encoding/json"

	"github.com/sbxrun/sbx/sandbox/control"
)

// attach gives a client the command's streams, until the command ends for good or the
// client is gone.
func (o *stdio) attach(r control.Request, c *control.Conn, s *supervisor) {
	m, err := o.audience.join(c)
	if err != nil {
		_ = c.Fail(err) // who asked may be gone
		return
	}
	defer o.audience.leave(m)
	if c.Answer(0, control.Attached{Terminal: s.held.Record().Terminal, Stdin: o.takes}) != nil {
		return
	}
	o.resize(r.Size, s, true)
	go func() {
		defer o.audience.leave(m)
		o.receive(c, s)
	}()
	o.audience.serve(m)
}

// receive takes what a client sends, until it is gone. What comes while no command
// runs is lost, as it would be with the command.
func (o *stdio) receive(c *control.Conn, s *supervisor) {
	for {
		f, err := c.Receive()
		if err != nil {
			return
		}
		f.Close() // nothing here comes with files
		switch f.Kind {
		case control.KindStdin:
			_, _ = o.input.Write(f.Payload)
		case control.KindEOF:
			o.input.eof()
		case control.KindSize:
			var size control.Size
			if json.Unmarshal(f.Payload, &size) == nil {
				o.resize(size, s, false)
			}
		}
	}
}

// resize gives the command's terminal the size of a client's, of which the last wins.
// For who has just come it changes in any case: programs draw the screen then.
func (o *stdio) resize(size control.Size, s *supervisor, anew bool) {
	if size.Rows == 0 || size.Columns == 0 {
		return
	}
	o.mu.Lock()
	same := o.size == size
	o.size = size
	o.mu.Unlock()
	cmd, err := s.running()
	if err != nil {
		return // it will have it when it is begun again
	}
	if same && anew {
		_ = cmd.Resize(size.Rows+1, size.Columns) // it has ended
	}
	_ = cmd.Resize(size.Rows, size.Columns)
}
