package sandbox

import (
	"errors"
	"io"
	"os"
	"reflect"
	"sync"

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
	mu     sync.Mutex
	err    error
	master *os.File
	filter *terminal.Filter // of what the terminal shows, or nil
	shown  io.Writer        // where the filter writes
}

// reader is the file that the command reads in place of r.
func (s *streams) reader(r io.Reader) (*os.File, error) {
	if f, ok := r.(*os.File); ok || r == nil {
		return f, noDirectory("standard input", f)
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

// writer is the file that the command writes in place of w.
func (s *streams) writer(w io.Writer) (*os.File, error) {
	if f, ok := w.(*os.File); ok || w == nil {
		return f, noDirectory("standard output", f)
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	s.ends, s.ours = append(s.ends, pw), append(s.ours, pr)
	s.copies = append(s.copies, func() error {
		defer pr.Close()
		_, err := io.Copy(w, pr)
		return err
	})
	return pw, nil
}

// noDirectory refuses a directory of the host as a standard stream: openat on
// it would leave the sandbox (CVE-2024-21626 was such a descriptor).
func noDirectory(what string, f *os.File) error {
	if f == nil {
		return nil
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return &hintError{errors.New(what + " is a directory of the host"), "give a file, a pipe or /dev/null"}
	}
	return nil
}

// same tells whether both outputs are one, so that the command's writes to them
// keep their order.
func same(a, b io.Writer) bool {
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
}

func (s *streams) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// wait waits for what the command wrote to be through.
func (s *streams) wait() error {
	s.group.Wait()
	return s.err
}

func (s *streams) close() error {
	for _, f := range append(s.ends, s.ours...) {
		f.Close() // again, where the command has run
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.master == nil {
		return nil
	}
	err := s.master.Close()
	s.master = nil
	return err
}
