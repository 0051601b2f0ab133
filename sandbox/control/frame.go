package control

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// A Kind says what a frame is.
type Kind byte

const (
	// KindRequest and KindReply are JSON.
	KindRequest Kind = 'Q'
	KindReply   Kind = 'A'
	// Of an attached client: what goes in, that no more will, a size as JSON; and
	// what comes out.
	KindStdin  Kind = 'i'
	KindEOF    Kind = 'z'
	KindSize   Kind = 'r'
	KindStdout Kind = 'o'
	KindStderr Kind = 'e'
	// KindNote is what sbx says meanwhile, and KindEnd, as JSON, the last: an End.
	KindNote Kind = 'n'
	KindEnd  Kind = 'x'
)

// maxFrame is the size of the largest frame that is taken: an environment and all that
// a command is confined by fit in.
const maxFrame = 32 << 20

// maxFiles is how many descriptors may come with a frame.
const maxFiles = 8

// A Conn carries frames, and descriptors with them. One goroutine may receive and
// several send.
type Conn struct {
	socket *net.UnixConn
	mu     sync.Mutex // of those who send
}

// Send sends a frame. The files stay the caller's.
func (c *Conn) Send(kind Kind, payload []byte, files ...*os.File) error {
	if len(payload) > maxFrame {
		return fmt.Errorf("a frame of %d bytes is too large", len(payload))
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	b := make([]byte, 5, 5+len(payload))
	b[0] = byte(kind)
	binary.BigEndian.PutUint32(b[1:], uint32(len(payload)))
	b = append(b, payload...)
	c.mu.Lock()
	defer c.mu.Unlock()
	n, _, err := c.socket.WriteMsgUnix(b, rights, nil)
	if err == nil && n < len(b) {
		_, err = c.socket.Write(b[n:])
	}
	return err
}

// SendJSON sends a frame of JSON.
func (c *Conn) SendJSON(kind Kind, what any, files ...*os.File) error {
	b, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return c.Send(kind, b, files...)
}

// A Frame is what was received. Its files are the receiver's.
type Frame struct {
	Kind    Kind
	Payload []byte
	Files   []*os.File
}

// Close closes the files that came with it.
func (f Frame) Close() {
	for _, file := range f.Files {
		file.Close()
	}
}

// Receive receives a frame, and io.EOF when there will be none.
func (c *Conn) Receive() (f Frame, err error) {
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	var head [5]byte
	rights := make([]byte, unix.CmsgSpace(4*maxFiles))
	n, rightsLen, flags, _, err := c.socket.ReadMsgUnix(head[:], rights)
	if n == 0 && (err == nil || errors.Is(err, io.EOF)) {
		return f, io.EOF
	}
	if err != nil {
		return f, err
	}
	if f.Files, err = files(rights[:rightsLen]); err != nil {
		return f, err
	}
	if flags&unix.MSG_CTRUNC != 0 {
		return f, errors.New("more descriptors came than may")
	}
	if _, err := io.ReadFull(c.socket, head[n:]); err != nil {
		return f, unexpected(err)
	}
	f.Kind = Kind(head[0])
	size := binary.BigEndian.Uint32(head[1:])
	if size > maxFrame {
		return f, fmt.Errorf("a frame of %d bytes is too large", size)
	}
	f.Payload = make([]byte, size)
	_, err = io.ReadFull(c.socket, f.Payload)
	return f, unexpected(err)
}

// unexpected is for an end in the middle of a frame.
func unexpected(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func files(rights []byte) (out []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return out, err
		}
		for _, fd := range fds {
			out = append(out, os.NewFile(uintptr(fd), "received"))
		}
	}
	return out, nil
}

// SendUntil bounds how long those who send wait for a peer that does not receive.
func (c *Conn) SendUntil(t time.Time) error { return c.socket.SetWriteDeadline(t) }

// Close ends the connection.
func (c *Conn) Close() error { return c.socket.Close() }
