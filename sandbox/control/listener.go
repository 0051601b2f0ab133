package control

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Listener is where a supervisor is asked.
type Listener struct {
	socket *net.UnixListener
	group  sync.WaitGroup
}

// short calls use with a name of the path that fits in a socket's address, which has
// 108 bytes (unix(7)).
func short(path string, use func(name string) error) error {
	dir, err := unix.Open(filepath.Dir(path), unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: filepath.Dir(path), Err: err}
	}
	defer unix.Close(dir)
	if len(path) < 100 {
		return use(path)
	}
	return use("/proc/self/fd/" + strconv.Itoa(dir) + "/" + filepath.Base(path))
}

// Listen listens at a path.
func Listen(path string) (l *Listener, err error) {
	err = short(path, func(name string) error {
		socket, err := net.Listen("unix", name)
		if err == nil {
			l = &Listener{socket: socket.(*net.UnixListener)}
			l.socket.SetUnlinkOnClose(false) // the directory goes as a whole
		}
		return err
	})
	return l, err
}

// patience is how long a client has to ask: one that does not would hold up Drain.
const patience = 2 * time.Second

// A Handler answers a request: it may go on with the connection, which is closed
// behind it.
type Handler func(r Request, c *Conn)

// Serve answers requests until Close.
func (l *Listener) Serve(handle Handler) {
	for {
		socket, err := l.socket.AcceptUnix()
		if err != nil {
			return
		}
		l.group.Go(func() {
			c := &Conn{socket: socket}
			defer c.Close()
			if err := ours(socket); err != nil {
				_ = c.Fail(err) // who may not ask need not be there
				return
			}
			_ = socket.SetReadDeadline(time.Now().Add(patience)) // it cannot fail on what is open
			f, err := c.Receive()
			if err != nil {
				return
			}
			_ = socket.SetReadDeadline(time.Time{})
			f.Close() // nothing that is asked for comes with files
			var r Request
			if err := json.Unmarshal(f.Payload, &r); err != nil || f.Kind != KindRequest {
				_ = c.Fail(fmt.Errorf("no request: %w", err))
				return
			}
			handle(r, c)
		})
	}
}

// ours refuses other users, but root, who may anyway.
func ours(socket *net.UnixConn) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var got error
	if err := raw.Control(func(fd uintptr) { peer, got = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); err != nil {
		return err
	}
	if got != nil {
		return got
	}
	if int(peer.Uid) != os.Getuid() && peer.Uid != 0 {
		return fmt.Errorf("user %d may not ask", peer.Uid)
	}
	return nil
}

// Close takes no more requests.
func (l *Listener) Close() error { return l.socket.Close() }

// Drain waits for those that are being answered.
func (l *Listener) Drain() { l.group.Wait() }

// Fail answers a request with an error.
func (c *Conn) Fail(err error) error {
	r := Reply{Error: err.Error()}
	if h, ok := err.(interface{ Hint() string }); ok {
		r.Hint = h.Hint()
	}
	return c.SendJSON(KindReply, r)
}

// Answer answers a request.
func (c *Conn) Answer(exit int, body any, files ...*os.File) error {
	r := Reply{Exit: exit}
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return c.Fail(err)
		}
		r.Body = b
	}
	return c.SendJSON(KindReply, r, files...)
}
