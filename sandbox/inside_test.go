package sandbox

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestNoSocketInside: where no socket can be had the client is reset, and the next one
// is asked for anew. It is never one of the host's network instead.
func TestNoSocketInside(t *testing.T) {
	host, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	inside := portOf(host.Addr())
	var log flowLog
	p, err := newPublisher(Spec{Publish: []PublishedPort{{Address: netip.MustParseAddr("127.0.0.1"), Sandbox: inside}}}, &log)
	if err != nil {
		t.Fatal(err)
	}
	p.serve()
	connect := func(why string) {
		t.Helper()
		log.mu.Lock()
		log.flows = nil
		log.mu.Unlock()
		c, err := net.Dial("tcp", p.ports[0].at().String()) // which may be reset already
		if err == nil {
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			_, err = c.Read(make([]byte, 1))
			c.Close()
		}
		if !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("%s: %v", why, err)
		}
		for range 500 {
			if flows := log.all(); len(flows) > 0 {
				if last := flows[len(flows)-1].Error; !strings.Contains(last, why) {
					t.Errorf("%s: %s", why, last)
				}
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Errorf("%s: no flow", why)
	}
	connect("the sandbox ended")
	p.inside.mu.Lock()
	p.inside.network, p.inside.owner = devNull(t), devNull(t) // a namespace that cannot be joined
	p.inside.mu.Unlock()
	connect("join user of the owner of the sandbox's network: invalid argument")
	connect("join user")
	before := look(t).descriptors
	if _, err := p.inside.dialTCP(context.Background(), loopback(inside)); err == nil {
		t.Error("connected to the host")
	}
	if after := look(t).descriptors; after != before {
		t.Errorf("left open\n%s\nafter\n%s", after, before)
	}
	p.close(0)
	if _, err := p.inside.dialTCP(context.Background(), loopback(inside)); err == nil {
		t.Error("connected to the host, when it had ended")
	}
	if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a process is left: %d, %v", pid, err)
	}
}

func devNull(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	return f
}
