package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A Request is what a supervisor is asked for.
type Request struct {
	// Do names it: see the constants.
	Do string `json:"do"`
	// Signal is for Signal, and is the one for Stop where it is not 0. All has it sent
	// to every process of the sandbox.
	Signal int  `json:"signal,omitempty"`
	All    bool `json:"all,omitempty"`
	// Grace is how long a command has until it is killed, for Stop and Restart. Less than 0
	// is as long as the sandbox says.
	Grace time.Duration `json:"grace,omitempty"`
	// Name is for Rename.
	Name string `json:"name,omitempty"`
	// Stdin says that an attached client sends, and Size of what size its terminal is.
	Stdin bool `json:"stdin,omitempty"`
	Size  Size `json:"size,omitzero"`
}

// What may be asked for.
const (
	Signal = "signal" // a signal to the command
	Stop   = "stop"   // to end, and is answered when it has
	Wait   = "wait"   // is answered when it has ended, for good
	Enter  = "enter"  // what a process in it is confined by, a pidfd of it, and its cgroup
	Attach = "attach" // its streams
	// Restart ends the command and begins it again, and is answered when it runs.
	Restart = "restart"
	Rename  = "rename"
	Pause   = "pause"
	Resume  = "resume"
	Usage   = "usage" // what it takes of the machine
	Reach   = "reach" // a pidfd of its first process, and its root
	Top     = "top"   // its processes
)

// Size is a terminal's.
type Size struct{ Rows, Columns uint16 }

// A Reply answers a request.
type Reply struct {
	Error string `json:"error,omitempty"`
	Hint  string `json:"hint,omitempty"`
	// Exit is the exit code, for Stop and Wait.
	Exit int `json:"exit"`
	// Body is what was asked for, as JSON.
	Body json.RawMessage `json:"body,omitempty"`
}

// Attached answers Attach: whether the command has a terminal, and takes input.
type Attached struct {
	Terminal bool `json:"terminal"`
	Stdin    bool `json:"stdin"`
}

// End is the last that an attached client hears: how the command ended, or why the
// client is let go before that.
type End struct {
	Exit  int    `json:"exit"`
	Error string `json:"error,omitempty"`
}

// A Failure is an error of the supervisor's.
type Failure struct{ Message, Mending string }

func (f *Failure) Error() string { return f.Message }

// Hint names what mends it.
func (f *Failure) Hint() string { return f.Mending }

// ErrNobody says that no supervisor listens: the sandbox has ended.
var ErrNobody = errors.New("it does not run")

// Dial connects to the supervisor that listens at a path, of any length.
func Dial(path string) (*Conn, error) {
	var conn net.Conn
	err := short(path, func(name string) (err error) {
		conn, err = net.Dial("unix", name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNobody, err)
	}
	return &Conn{socket: conn.(*net.UnixConn)}, nil
}

// Ask sends a request and has the reply. The files with it are the caller's.
func (c *Conn) Ask(r Request) (Reply, []*os.File, error) {
	if err := c.SendJSON(KindRequest, r); err != nil {
		if errors.Is(err, unix.EPIPE) {
			err = ErrNobody
		}
		return Reply{}, nil, err
	}
	f, err := c.Receive()
	if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
		err = ErrNobody
	}
	if err != nil {
		return Reply{}, nil, err
	}
	var reply Reply
	err = json.Unmarshal(f.Payload, &reply)
	if f.Kind != KindReply {
		err = fmt.Errorf("a frame of kind %q is no reply", f.Kind)
	}
	if err == nil && reply.Error != "" {
		err = &Failure{reply.Error, reply.Hint}
	}
	if err != nil {
		f.Close()
		return reply, nil, err
	}
	return reply, f.Files, nil
}

// Ask asks the supervisor that listens at a path.
func Ask(path string, r Request) (Reply, []*os.File, error) {
	c, err := Dial(path)
	if err != nil {
		return Reply{}, nil, err
	}
	defer c.Close()
	return c.Ask(r)
}
