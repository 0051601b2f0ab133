package main

import (
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A voice writes lines to standard error. While a command runs, and afterwards, that file
// is the command's too, which can shut it down, fill it, or have it not wait (O_NONBLOCK is
// the open file's, not the descriptor's). So from then on lines are written by a goroutine
// of their own, for which nothing waits but settle, and those that cannot be written are
// kept.
type voice struct {
	file *os.File

	mu      sync.Mutex
	shared  bool          // the command has the file too
	lines   []string      // that are to be written
	writing chan struct{} // closed when the goroutine has written them, or nil
	unsaid  []string
	late    time.Time // when nothing waits any more, once settle was called
}

// share says that a command gets the file.
func (v *voice) share() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.shared = true
}

func (v *voice) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.shared {
		return v.file.Write(b)
	}
	if v.lines = append(v.lines, string(b)); v.writing == nil {
		v.writing = make(chan struct{})
		go v.write(v.writing)
	}
	return len(b), nil
}

// write writes the lines that there are, unless settle has given them up.
func (v *voice) write(done chan struct{}) {
	defer close(done)
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.lines) > 0 {
		line := v.lines[0]
		v.mu.Unlock()
		err := writeAll(int(v.file.Fd()), line)
		v.mu.Lock()
		if v.writing != done {
			return
		}
		if v.lines = v.lines[1:]; err != nil {
			v.unsaid = append(v.unsaid, line)
		}
	}
	v.writing = nil
}

// writeAll writes as a blocking file would be written to. It raises no SIGPIPE, which the
// runtime does for os.File on descriptors 1 and 2.
func writeAll(fd int, text string) error {
	for b := []byte(text); len(b) > 0; {
		n, err := unix.Write(fd, b)
		switch {
		case err == unix.EAGAIN:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1) // the next try says what is wrong
		case err != nil && err != unix.EINTR:
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}

// lastSaid is how long a reader may take to take what sbx says when all is done. A pager
// takes it when somebody turns the page.
const lastSaid = 10 * time.Second

// settle waits for the last line, for lastSaid in all, and gives those that were not said.
func (v *voice) settle() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.late.IsZero() {
		v.late = time.Now().Add(lastSaid)
	}
	if writing := v.writing; writing != nil {
		v.mu.Unlock()
		select {
		case <-writing:
		case <-time.After(time.Until(v.late)):
		}
		v.mu.Lock()
	}
	unsaid := append(v.unsaid, v.lines...)
	v.unsaid, v.lines, v.writing = nil, nil, nil
	return unsaid
}
