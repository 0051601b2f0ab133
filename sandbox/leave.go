package sandbox

import (
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// A command that enters a sandbox can leave processes in it, which may keep its output open
// for as long as the sandbox lives. What the command itself wrote is carried to its end, and
// what they write at once: a shell does not wait for its process substitutions. Docker waits
// as long for them.
const (
	afterwords = 2 * time.Second
	silence    = 250 * time.Millisecond
	leftPoll   = 5 * time.Millisecond
)

// progress is how far a stream was carried, in bytes.
type progress struct {
	taken, given atomic.Int64
}

// A countedReader counts what is copied from it: what one read took is written when the
// next begins.
type countedReader struct {
	file *os.File
	progress
}

func (r *countedReader) Read(b []byte) (int, error) {
	r.given.Store(r.taken.Load())
	n, err := r.file.Read(b)
	r.taken.Add(int64(max(n, 0)))
	return n, err
}

// letGo waits, when the command has ended, until its output is carried, and no longer for
// what others write.
func (s *streams) letGo() {
	var group sync.WaitGroup
	for _, o := range s.outlets {
		group.Go(func() { o.left = !s.drained(&o.progress, o.pipe, o.done) })
	}
	copied := make(chan struct{})
	go func() {
		s.group.Wait()
		close(copied)
	}()
	for _, r := range s.counted {
		group.Go(func() {
			if !s.drained(&r.progress, r.file, copied) {
				_ = r.file.SetReadDeadline(time.Now()) // it is closed, where it cannot be set
			}
		})
	}
	group.Wait()
}

// drained waits until a stream is at its end, or what the command wrote is carried and
// nothing comes any more.
func (s *streams) drained(c *progress, pipe *os.File, done <-chan struct{}) (end bool) {
	wrote := c.taken.Load() + buffered(pipe)
	last, quiet, limit := int64(-1), time.Now(), time.Now().Add(afterwords)
	for {
		select {
		case <-done:
			return true
		case <-s.interrupted():
			return false
		case <-time.After(leftPoll):
		}
		taken, given := c.taken.Load(), c.given.Load()
		if taken != last || given != taken || buffered(pipe) > 0 {
			last, quiet = taken, time.Now()
		}
		if given >= wrote && (time.Since(quiet) > silence || time.Now().After(limit)) {
			return false
		}
	}
}

// buffered is how much of a pipe was not read.
func buffered(pipe *os.File) int64 {
	n := 0
	if conn, err := pipe.SyscallConn(); err == nil {
		_ = conn.Control(func(fd uintptr) { n, _ = unix.IoctlGetInt(int(fd), unix.TIOCINQ) }) // of one that is closed there is nothing
	}
	return int64(n)
}
