package sandbox

import (
	"errors"
	"io"
	"os"
	"reflect"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/terminal"
)

// streams carries the command's standard streams where they are not files that
// can be handed over.
type streams struct {
	copies []func() error // run once the command has its ends
	ends   []*os.File     // the command's ends, not needed here once it runs
	ours   []*os.File     // the other ends, which the copies close
	group  sync.WaitGroup

	direct   bool     // files are the command's own, as they are
	entering bool     // what the command leaves behind may keep its output open
	errors   *os.File // the caller's standard error, or nil
	inlet    *inlet
	outlets  []*outlet
	counted  []*countedReader // of the copies of what the command writes
	carries  bool             // they have begun

	abandoned chan struct{} // closed when the caller waits for them no longer
	abandon   sync.Once

	mu     sync.Mutex
	err    error
	master *os.File
	filter *terminal.Filter // of what the terminal shows, or nil
	shown  io.Writer        // where the filter writes
}

// reader is the file that the command reads in place of r.
func (s *streams) reader(r io.Reader) (*os.File, error) {
	if f, ok := r.(*os.File); ok || r == nil {
		if theirs, err := s.theirs(stdin, f); theirs || err != nil {
			return f, err
		}
		i, end, err := newInlet(stdin, f)
		if err == nil {
			s.inlet, s.ends = i, append(s.ends, end)
		}
		return end, err
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.ends, s.ours = append(s.ends, pr), append(s.ours, pw)
	s.copies = append(s.copies, func() error {
		defer pw.Close()
		_, err := io.Copy(pw, r)
		if errors.Is(err, unix.EPIPE) {
			return nil // the command did not want all of it
		}
		return err
	})
	return pr, nil
}

// The names of the streams, in errors.
const stdin, stdout, stderr = "standard input", "standard output", "standard error"

// writer is the file that the command writes in place of w.
func (s *streams) writer(stream string, w io.Writer) (*os.File, error) {
	if f, ok := w.(*os.File); ok || w == nil {
		if theirs, err := s.theirs(stream, f); theirs || err != nil {
			return f, err
		}
		c, end, err := newCarrier(stream, f, 1)
		if err == nil {
			s.outlets, s.ends = append(s.outlets, newOutlet(c)), append(s.ends, end)
		}
		return end, err
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.ends, s.ours = append(s.ends, pw), append(s.ours, pr)
	from := &countedReader{file: pr}
	s.counted = append(s.counted, from)
	s.copies = append(s.copies, func() error {
		defer pr.Close()
		_, err := io.Copy(w, from)
		if errors.Is(err, unix.EPIPE) || errors.Is(err, os.ErrDeadlineExceeded) {
			return nil // as of what is carried: the command learns it by its own pipe
		}
		return err
	})
	return pw, nil
}

// same tells whether both outputs are one, so that the command's writes to them
// keep their order.
func (s *streams) same(a, b io.Writer) bool {
	f, _ := a.(*os.File)
	g, _ := b.(*os.File)
	if f != nil && g != nil && len(s.outlets) > 0 {
		return f == g || sameFile(f, g)
	}
	return a != nil && b != nil && reflect.TypeOf(a).Comparable() && reflect.TypeOf(a) == reflect.TypeOf(b) && a == b
}

// start begins the copying, now that the command has its ends.
func (s *streams) start() {
	for _, f := range s.ends {
		f.Close()
	}
	s.ends = nil
	for _, copy := range s.copies {
		s.group.Go(func() {
			if err := copy(); err != nil {
				s.fail(err)
			}
		})
	}
	s.carries = true
	for _, o := range s.outlets {
		go s.carry(o.carrier, o.carry)
	}
	if s.inlet != nil {
		go s.carry(s.inlet.carrier, s.inlet.carry)
	}
}

// interrupt ends the wait for a file that takes no more of what a command has written that
// has ended: a FIFO may have nobody who reads it.
func (s *streams) interrupt(sig syscall.Signal) {
	switch sig {
	case unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGKILL:
		s.abandon.Do(func() { close(s.interrupted()) })
	}
}

// interrupted is closed by interrupt, which may come before start.
func (s *streams) interrupted() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abandoned == nil {
		s.abandoned = make(chan struct{})
	}
	return s.abandoned
}

func (s *streams) carry(c *carrier, carry func() error) {
	defer close(c.done)
	if err := carry(); err != nil {
		s.fail(err)
	}
}

func (s *streams) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// lastTake is how long the file of a command whose time is over may take to take what was
// written: a FIFO may have nobody who reads it.
const lastTake = 5 * time.Second

// written waits until what the command wrote is in the files that it goes to: they may be
// in the project, where what the command left is looked at. Others wait for their readers.
func (s *streams) written() {
	var late <-chan time.Time
	for _, o := range s.outlets {
		if o.kind != unix.S_IFREG || o.left {
			continue
		}
		if late == nil {
			late = time.After(lastTake)
		}
		select {
		case <-o.done:
		case <-late:
			return
		case <-s.interrupted():
			return
		}
	}
}

// waits tells whether there is anything to wait for.
func (s *streams) waits() bool { return len(s.copies) > 0 || len(s.outlets) > 0 }

// wait waits for what the command wrote to be through.
func (s *streams) wait(overdue bool) error {
	s.group.Wait()
	var late <-chan time.Time
	if overdue {
		late = time.After(lastTake)
	}
	for _, o := range s.outlets {
		if o.left {
			continue
		}
		select {
		case <-o.done:
		case <-late:
			return nil
		case <-s.interrupted():
			return o.failed(errors.New("interrupted before all was written"))
		}
	}
	if s.inlet != nil {
		s.inlet.settle()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// closeCarriers closes those of a command that was not started. The others close themselves.
func (s *streams) closeCarriers() {
	if s.carries {
		return
	}
	if s.inlet != nil {
		s.inlet.close()
	}
	for _, o := range s.outlets {
		o.close()
	}
}

func (s *streams) close() error {
	for _, f := range append(s.ends, s.ours...) {
		f.Close() // again, where the command has run
	}
	s.closeCarriers()
	return s.hangUp()
}
