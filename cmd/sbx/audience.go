package main

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/sbxrun/sbx/sandbox/control"
)

// kept is how much output is kept for a client that does not read. One for whom there
// is more, and who takes nothing for a while, is let go: the command waits no longer
// than that, and once.
const (
	kept  = 1 << 20
	while = 2 * time.Second
)

// parting is how long a client has to take the last when all is over, and the kernel to
// let go of what a killed supervisor held.
const parting = 2 * time.Second

// audience are the clients that are attached.
type audience struct {
	mu      sync.Mutex
	members map[*member]bool
	over    bool
}

// A member is one of them.
type member struct {
	conn  *control.Conn
	queue []frame
	size  int           // of what is in the queue
	wake  chan struct{} // has something in it when the queue may have
	taken chan struct{} // when something was taken from it
	last  bool          // what is in the queue is all that will come
}

type frame struct {
	kind    control.Kind
	payload []byte
}

// join takes a client in. From then on it has all output.
func (a *audience) join(c *control.Conn) (*member, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return nil, os.ErrProcessDone
	}
	m := &member{conn: c, wake: make(chan struct{}, 1), taken: make(chan struct{}, 1)}
	if a.members == nil {
		a.members = map[*member]bool{}
	}
	a.members[m] = true
	return m, nil
}

// leave is for a client that is no more.
func (a *audience) leave(m *member) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m.queue, m.last = nil, true
	delete(a.members, m)
	rouse(m.wake)
	rouse(m.taken)
}

func rouse(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// send has something sent to all.
func (a *audience) send(kind control.Kind, b []byte) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.members) == 0 || len(b) == 0 {
		return
	}
	b = bytes.Clone(b)
	for _, m := range slices.Collect(maps.Keys(a.members)) {
		room := a.room(m, len(b))
		switch {
		case m.last:
		case !room:
			m.end(control.End{Error: "output came faster than it was read here"})
		default:
			m.queue, m.size = append(m.queue, frame{kind, b}), m.size+len(b)
			rouse(m.wake)
		}
	}
}

// room waits until there is room for more in a client's queue, as long as that takes
// from it, and tells whether there is. The audience is locked.
func (a *audience) room(m *member, size int) bool {
	for !m.last && m.size > 0 && m.size+size > kept {
		a.mu.Unlock()
		taken := true
		select {
		case <-m.taken:
		case <-time.After(while):
			taken = false
		}
		a.mu.Lock()
		if !taken {
			return m.size+size <= kept
		}
	}
	return true
}

func (m *member) end(e control.End) {
	b, _ := json.Marshal(e) // a struct of a number and a text
	m.queue, m.last = append(m.queue, frame{control.KindEnd, b}), true
	rouse(m.wake)
}

// end says to all that the command has ended for good. Who does not listen is not
// waited for.
func (a *audience) end(code int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.over = true
	for m := range a.members {
		if !m.last {
			m.end(control.End{Exit: code})
		}
		_ = m.conn.SendUntil(time.Now().Add(parting)) // it is gone
	}
}

// serve sends a client what there is for it, to the end.
func (a *audience) serve(m *member) {
	for {
		f, last := a.next(m)
		switch {
		case f.payload != nil:
			if m.conn.Send(f.kind, f.payload) != nil {
				return // it is gone
			}
		case last:
			return
		default:
			<-m.wake
		}
	}
}

func (a *audience) next(m *member) (f frame, last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(m.queue) == 0 {
		m.queue = nil // with the room that it had
		return f, m.last
	}
	f, m.queue[0] = m.queue[0], frame{}
	m.queue = m.queue[1:]
	if f.kind != control.KindEnd {
		m.size -= len(f.payload)
	}
	rouse(m.taken)
	return f, false
}
