package sandbox

import (
	"fmt"
	"os"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A StreamError says that a standard stream was not carried to its end.
type StreamError struct {
	Stream string // such as "standard output"
	Err    error
}

func (e *StreamError) Error() string { return e.Stream + ": " + e.Err.Error() }

func (e *StreamError) Unwrap() error { return e.Err }

// carriedSize is the size of the pipe to a carried stream, and of what is moved at once:
// the most that an ordinary user may have (pipe(7)).
const carriedSize = 1 << 20

// A carrier moves bytes between a file of the caller's and the pipe that the command has
// in its place.
type carrier struct {
	stream string
	file   *os.File      // a duplicate: the caller may close its own
	pipe   *os.File      // the end that is not the command's
	done   chan struct{} // closed behind carry
}

// newCarrier makes the pipe. Its result is the end with that index (pipe(2)).
func newCarrier(stream string, file *os.File, theirs int) (*carrier, *os.File, error) {
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, &StreamError{stream, os.NewSyscallError("fcntl", err)}
	}
	own := os.NewFile(uintptr(fd), file.Name())
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		own.Close()
		return nil, nil, &StreamError{stream, os.NewSyscallError("pipe2", err)}
	}
	pipe, end := os.NewFile(uintptr(p[1-theirs]), "pipe"), os.NewFile(uintptr(p[theirs]), "pipe")
	return &carrier{stream: stream, file: own, pipe: pipe, done: make(chan struct{})}, end, nil
}

func (c *carrier) close() {
	c.pipe.Close()
	c.file.Close()
}

func (c *carrier) failed(err error) error { return &StreamError{c.stream, err} }

// An outlet carries what the command writes.
type outlet struct {
	*carrier
	kind uint32 // of the file (S_IFMT), or 0
	progress
	left bool // to what the command left behind: nobody waits for its end
}

func newOutlet(c *carrier) *outlet {
	var st unix.Stat_t
	_ = unix.Fstat(int(c.file.Fd()), &st) // what is wrong with it the first write says
	return &outlet{carrier: c, kind: st.Mode & unix.S_IFMT}
}

// carry returns when all that could write to the pipe has ended or closed it. A file that
// takes no more closes the pipe, which ends the command as the end of any reader does.
func (o *outlet) carry() error {
	defer o.close()
	withoutLimitSignal()
	from, to := int(o.pipe.Fd()), int(o.file.Fd())
	if o.kind == unix.S_IFSOCK { // a second pipe takes longer to make than most of them carry
		return o.ended(o.copy(from, to))
	}
	_, _ = unix.FcntlInt(uintptr(from), unix.F_SETPIPE_SZ, carriedSize) // a smaller one is enough
	flags, err := unix.FcntlInt(uintptr(to), unix.F_GETFL, 0)
	if err == nil && flags&unix.O_APPEND == 0 { // to which nothing is spliced (splice(2))
		err = o.splice(from, to)
	}
	if err == nil {
		err = o.copy(from, to)
	}
	return o.ended(err)
}

// ended is the error of what is carried, if it is one.
func (o *outlet) ended(err error) error {
	if err == unix.EPIPE || err == unix.ECONNRESET || err == nil {
		return nil // what read the file has ended: the command learns it by its own pipe
	}
	return o.failed(err)
}

// splice moves what is in the pipe to a second one, and from there to the file: a splice to
// a file locks the pipe meanwhile (fs/splice.c, iter_file_splice_write), and the command
// would wait. It returns at the end, or where the file knows no splice(2).
func (o *outlet) splice(from, to int) error {
	var p [2]int
	if err := unix.Pipe2(p[:], unix.O_CLOEXEC); err != nil {
		return nil // copied, then
	}
	second := p[0]
	defer unix.Close(second)
	_, _ = unix.FcntlInt(uintptr(second), unix.F_SETPIPE_SZ, carriedSize) // a smaller one is enough
	for {
		n, err := unix.Splice(from, nil, p[1], nil, carriedSize, 0)
		if err == unix.EINTR {
			continue
		}
		if err == nil && n > 0 {
			o.taken.Add(n)
			if err = move(second, to, n); err == nil {
				o.given.Add(n)
				continue
			}
		}
		unix.Close(p[1])
		if err == unix.EINVAL {
			o.taken.Store(o.given.Load())
			err = o.copy(second, to) // what was moved there
		}
		return err
	}
}

// move splices that many bytes to a file.
func move(from, to int, n int64) error {
	for n > 0 {
		moved, err := unix.Splice(from, nil, to, nil, int(n), 0)
		if err != nil && !goesOn(err, to, unix.POLLOUT) {
			return err
		}
		n -= max(moved, 0)
	}
	return nil
}

// copiedSize is how much is copied at once, where nothing can be spliced.
const copiedSize = 256 << 10

// copy is splice for files that know no splice(2).
func (o *outlet) copy(from, to int) error {
	b := make([]byte, copiedSize)
	for {
		n, err := unix.Read(from, b)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil || n == 0:
			return err
		}
		o.taken.Add(int64(n))
		for rest := b[:n]; len(rest) > 0; {
			n, err := unix.Write(to, rest)
			if err != nil && !goesOn(err, to, unix.POLLOUT) {
				return err
			}
			rest = rest[max(n, 0):]
		}
		o.given.Add(int64(n))
	}
}

// An inlet carries what the command reads.
type inlet struct {
	*carrier
	answers  bool     // at once, to each read
	seekable bool     // and has an offset
	start    int64    // where that was
	moved    int64    // bytes from there on
	held     int64    // of these, bytes that are not in the pipe
	left     *os.File // another end of the pipe, by which the unread bytes are counted
	ended    atomic.Bool
}

func newInlet(stream string, file *os.File) (*inlet, *os.File, error) {
	c, end, err := newCarrier(stream, file, 0)
	if err != nil {
		return nil, nil, err
	}
	var st unix.Stat_t
	err = unix.Fstat(int(c.file.Fd()), &st)
	kind := st.Mode & unix.S_IFMT
	i := &inlet{carrier: c, answers: err == nil && (kind == unix.S_IFBLK || kind == unix.S_IFREG && st.Size > 0)} // trace_pipe has no size
	i.start, err = unix.Seek(int(c.file.Fd()), 0, unix.SEEK_CUR)
	i.seekable = err == nil
	return i, end, nil
}

// carry returns at the end of the file, or when nothing reads the pipe any more.
func (i *inlet) carry() error {
	from, to := int(i.file.Fd()), int(i.pipe.Fd())
	_, _ = unix.FcntlInt(uintptr(to), unix.F_SETPIPE_SZ, carriedSize) // a smaller one is enough
	err := error(unix.EINVAL)
	if i.answers {
		err = i.splice(from, to)
	}
	if err == unix.EINVAL {
		err = i.copy(from, to)
	}
	i.ended.Store(true) // before left, behind which poll(2) finds a reader again
	switch {
	case !i.seekable:
	case err == unix.EPIPE:
		i.giveBack(i.pipe)
	default:
		i.left = reader(to)
	}
	i.pipe.Close()
	switch err {
	case nil, unix.EPIPE, unix.EBADF: // or the file is not open for reading, as the command would find
		return nil
	}
	return i.failed(err)
}

// settle sets the file's offset behind what the command has read, which has ended. An
// inlet that waits for more, or for a process that the command has left behind, is left
// to itself.
func (i *inlet) settle() {
	select {
	case <-i.done:
	default:
		if !i.unread() {
			go func() {
				<-i.done
				i.close()
			}()
			return
		}
		<-i.done
	}
	if i.left != nil {
		i.giveBack(i.left)
	}
	i.close()
}

func (i *inlet) close() {
	if i.left != nil {
		i.left.Close()
	}
	i.file.Close()
}

// unread tells whether the inlet ends by itself: it has a file that always gives an answer,
// and nobody to give it to.
func (i *inlet) unread() (ends bool) {
	raw, err := i.pipe.SyscallConn()
	if err == nil && i.answers {
		err = raw.Control(func(fd uintptr) {
			set := []unix.PollFd{{Fd: int32(fd)}}
			n, err := unix.Poll(set, 0)
			ends = err == nil && n == 1 && set[0].Revents&unix.POLLERR != 0
		})
	}
	return ends || err != nil || i.ended.Load()
}

// giveBack sets the offset behind what was read, unless another process has moved it. The
// command may have written to the pipe itself, so the count is bounded.
func (i *inlet) giveBack(pipe *os.File) {
	n, err := unix.IoctlGetInt(int(pipe.Fd()), unix.TIOCINQ)
	unread := min(int64(n)+i.held, i.moved)
	fd := int(i.file.Fd())
	at, seekErr := unix.Seek(fd, 0, unix.SEEK_CUR)
	if err == nil && seekErr == nil && at == i.start+i.moved && unread > 0 {
		_, _ = unix.Seek(fd, -unread, unix.SEEK_CUR) // it could be asked where it is
	}
}

// reader opens a pipe for reading by its other end. It gives nil where it cannot.
func reader(pipe int) *os.File {
	fd, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", pipe), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return os.NewFile(uintptr(fd), "pipe")
}

// splice is for files that answer at once: it locks the pipe while it waits for one, and
// what reads the pipe could not even be killed (fs/splice.c, splice_file_to_pipe).
func (i *inlet) splice(from, to int) error {
	for {
		n, err := unix.Splice(from, nil, to, nil, carriedSize, 0)
		switch {
		case err != nil && !goesOn(err, from, unix.POLLIN):
			return err
		case err == nil && n == 0:
			return nil
		}
		i.moved += max(n, 0)
	}
}

// copy is splice for all other files.
func (i *inlet) copy(from, to int) error {
	b := make([]byte, copiedSize)
	for {
		n, err := unix.Read(from, b)
		switch {
		case err != nil && !goesOn(err, from, unix.POLLIN):
			return err
		case err != nil:
			continue
		case n == 0:
			return nil
		}
		i.moved, i.held = i.moved+int64(n), int64(n)
		for i.held > 0 {
			w, err := unix.Write(to, b[n-int(i.held):n])
			if err != nil && err != unix.EINTR {
				return err
			}
			i.held -= int64(max(w, 0))
		}
	}
}

// withoutLimitSignal has a file that reached the caller's RLIMIT_FSIZE be an error. Without
// a handler, Go ends the program by the signal. The thread ends with the goroutine.
func withoutLimitSignal() {
	var most unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &most) == nil && most.Cur == unix.RLIM_INFINITY {
		return
	}
	runtime.LockOSThread()
	blocked := unix.Sigset_t{}
	blocked.Val[0] = 1 << (unix.SIGXFSZ - 1)
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, &blocked, nil) // it cannot fail
}

// goesOn tells whether what failed is to be tried again, and waits until it can be.
func goesOn(err error, fd int, events int16) bool {
	if err == unix.EAGAIN {
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: events}}, -1) // the next try says what is wrong
		return true
	}
	return err == unix.EINTR
}
