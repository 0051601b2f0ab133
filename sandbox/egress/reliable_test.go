package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestUpstreams: what a host outside does, or its network, the program sees as far as it
// can, and the log says the cause.
func TestUpstreams(t *testing.T) {
	four, six := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	unreachable := func(context.Context) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
	}
	hangs := func(ctx context.Context) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
	refuses := func(context.Context) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	}
	works := func(context.Context) (net.Conn, error) {
		near, far := pair(t)
		go echo(far)
		return near, nil
	}
	breaks := func(context.Context) (net.Conn, error) {
		near, far := pair(t)
		go func() {
			_, _ = far.Write([]byte("half"))
			_, _ = io.ReadFull(far, make([]byte, 5))
			reset(far)
			far.Close()
		}()
		return near, nil
	}
	type dialler = func(context.Context) (net.Conn, error)
	for name, row := range map[string]struct {
		addresses []netip.Addr
		four, six dialler
		heard     string
		err       error // that the program sees
		cause     string
	}{
		"both families": {[]netip.Addr{four, six}, works, works, "hello, all", nil, ""}, "IPv6 alone": {[]netip.Addr{six}, nil, works, "hello, all", nil, ""}, "IPv4 alone": {[]netip.Addr{four}, works, nil, "hello, all", nil, ""},
		"both, without IPv6 here": {[]netip.Addr{six, four}, works, unreachable, "hello, all", nil, ""}, "both, without IPv4 here": {[]netip.Addr{four, six}, unreachable, works, "hello, all", nil, ""},
		"both, of which one hangs": {[]netip.Addr{six, four}, works, hangs, "hello, all", nil, ""},
		"IPv6 alone, without IPv6": {[]netip.Addr{six}, nil, unreachable, "", syscall.ECONNRESET, "network is unreachable"}, "nobody there": {[]netip.Addr{four}, refuses, nil, "", syscall.ECONNRESET, "connection refused"},
		"a host that hangs": {[]netip.Addr{four}, hangs, nil, "", syscall.ECONNRESET, "no answer in 2s"}, "a host that breaks off": {[]netip.Addr{four}, breaks, nil, "half", syscall.ECONNRESET, "connection reset by peer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, []string{"a.example.com:22"}, nil, nil, table{"a.example.com": row.addresses})
			w.s.Patience = 2 * time.Second
			w.s.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
				if to.Addr().Is4() {
					return row.four(ctx)
				}
				return row.six(ctx)
			}
			c := w.ask("a.example.com", 22)
			defer c.Close()
			heard := make(chan string, 1)
			failed := make(chan error, 1)
			go func() {
				b, err := io.ReadAll(c)
				heard <- string(b)
				failed <- err
			}()
			_, sent := io.WriteString(c, "hello")
			_ = c.CloseWrite()
			got, err := <-heard, <-failed
			if err == nil && (errors.Is(sent, syscall.ECONNRESET) || errors.Is(sent, syscall.EPIPE)) {
				err = syscall.ECONNRESET // which a socket says once
			}
			if got != row.heard && row.err == nil || !errors.Is(err, row.err) {
				t.Errorf("the program sees %q, %v", got, err)
			}
			if f := w.flow(); !f.Allowed || !strings.Contains(f.Error, row.cause) || (f.Error == "") != (row.cause == "") {
				t.Errorf("%+v", f)
			}
		})
	}
}

// TestManyAddresses: a name that leads to thousands has some of them tried.
func TestManyAddresses(t *testing.T) {
	var all []netip.Addr
	for i := range 4000 {
		all = append(all, netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}))
	}
	w := newWorld(t, []string{"a.example.com:22"}, nil, nil, table{"a.example.com": all})
	c := w.ask("a.example.com", 22)
	defer c.Close()
	if f := w.flow(); !strings.Contains(f.Error, "connection refused") || len(w.dialled) != mostAddresses {
		t.Errorf("%d dialled, %+v", len(w.dialled), f)
	}
}

// A nameserver answers queries as a test says.
type nameserver struct {
	mu     sync.Mutex
	asked  []string
	answer func(query dnsmessage.Message, tcp bool) []byte
}

// dial is for HostResolver.
func (n *nameserver) dial(_ context.Context, network, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	tcp := strings.HasPrefix(network, "tcp")
	go func() {
		defer far.Close()
		b := make([]byte, 4096)
		for {
			k, err := far.Read(b)
			if err != nil {
				return
			}
			if k > 2 && tcp { // the length is of its own
				n.reply(far, b[2:k], tcp)
			} else if k > 2 {
				n.reply(far, b[:k], tcp)
			}
		}
	}()
	if tcp {
		return near, nil
	}
	return packets{near}, nil
}

// packets is a pipe that Go's resolver takes for UDP.
type packets struct{ net.Conn }

func (packets) ReadFrom([]byte) (int, net.Addr, error)      { return 0, nil, errors.ErrUnsupported }
func (packets) WriteTo([]byte, net.Addr) (n int, err error) { return 0, errors.ErrUnsupported }

func (n *nameserver) reply(c net.Conn, query []byte, tcp bool) {
	var m dnsmessage.Message
	if m.Unpack(query) != nil {
		return
	}
	n.mu.Lock()
	n.asked = append(n.asked, m.Questions[0].Name.String())
	n.mu.Unlock()
	answer := n.answer(m, tcp)
	if tcp {
		answer = append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...)
	}
	_, _ = c.Write(answer)
}

// saying makes an answer with that code and these records of the question's name.
func saying(q dnsmessage.Message, code dnsmessage.RCode, bodies ...dnsmessage.ResourceBody) dnsmessage.Message {
	m := dnsmessage.Message{Header: dnsmessage.Header{ID: q.ID, Response: true, RecursionAvailable: true, RCode: code}, Questions: q.Questions}
	for _, b := range bodies {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Questions[0].Name, Class: dnsmessage.ClassINET, TTL: 1}, Body: b})
	}
	return m
}

// TestHostResolver: a name server that lies, fails or is not there.
func TestHostResolver(t *testing.T) {
	good := &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}
	name := dnsmessage.MustNewName
	pack := func(m dnsmessage.Message) []byte {
		b, err := m.Pack()
		if err != nil {
			t.Error(err)
		}
		return b
	}
	isA := func(q dnsmessage.Message) bool { return q.Questions[0].Type == dnsmessage.TypeA }
	for label, row := range map[string]struct {
		answer func(q dnsmessage.Message, tcp bool) []byte
		count  int
		err    string
	}{
		"an address": {func(q dnsmessage.Message, _ bool) []byte {
			if isA(q) {
				return pack(saying(q, 0, good))
			}
			return pack(saying(q, 0))
		}, 1, ""},
		"no such name":       {func(q dnsmessage.Message, _ bool) []byte { return pack(saying(q, dnsmessage.RCodeNameError)) }, 0, ErrNoName.Error()},
		"a server's failure": {func(q dnsmessage.Message, _ bool) []byte { return pack(saying(q, dnsmessage.RCodeServerFailure)) }, 0, "server misbehaving"},
		"an answer for another name": {func(q dnsmessage.Message, _ bool) []byte {
			m := saying(q, 0, good)
			m.Questions = []dnsmessage.Question{{Name: name("evil.example.org."), Type: q.Questions[0].Type, Class: dnsmessage.ClassINET}}
			return pack(m)
		}, 0, "timeout"},
		"an answer to another question": {func(q dnsmessage.Message, _ bool) []byte {
			m := saying(q, 0, good)
			m.ID++
			return pack(m)
		}, 0, "timeout"},
		"garbage": {func(dnsmessage.Message, bool) []byte { return []byte("no answer at all") }, 0, "timeout"},
		"an alias of itself": {func(q dnsmessage.Message, _ bool) []byte {
			return pack(saying(q, 0, &dnsmessage.CNAMEResource{CNAME: q.Questions[0].Name}, &dnsmessage.CNAMEResource{CNAME: q.Questions[0].Name}))
		}, 0, ErrNoName.Error()},
		"more than there is room for": {func(q dnsmessage.Message, tcp bool) []byte {
			m := saying(q, 0)
			if !tcp {
				m.Truncated = true
				return pack(m)
			}
			for i := range 4000 {
				if isA(q) {
					m.Answers = append(m.Answers, saying(q, 0, &dnsmessage.AResource{A: [4]byte{203, 0, byte(i >> 8), byte(i)}}).Answers...)
				}
			}
			b := pack(m)
			if len(b) > 65535 {
				t.Errorf("%d bytes", len(b))
			}
			return b
		}, 4000, ""},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			n := &nameserver{answer: row.answer}
			limit := 30 * time.Second
			if row.err == "timeout" {
				limit = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			got, err := HostResolver{Dial: n.dial}.Lookup(ctx, "a.example.com")
			if len(got) != row.count || (err == nil) != (row.err == "") || err != nil && !strings.Contains(err.Error(), row.err) {
				t.Errorf("%d addresses, %v", len(got), err)
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			for _, asked := range n.asked {
				if asked != "a.example.com." {
					t.Errorf("asked for %s", asked)
				}
			}
		})
	}
}

// TestResolverDown: without a resolver a program has no answer for now, and the log the
// cause.
func TestResolverDown(t *testing.T) {
	down := func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "udp", Err: syscall.ENETUNREACH}
	}
	var failed []string
	a := &Answerer{Policy: Policy{Allow: rules(t, "a.example.com")}, Names: &Names{}, Resolver: HostResolver{Dial: down},
		Failed: func(name string, err error) { failed = append(failed, fmt.Sprintf("%s: %v", name, err)) }}
	if got := said(t, a.Answer(t.Context(), question(t, "a.example.com.", dnsmessage.TypeA, false), false)); got != "ServerFailure" {
		t.Error(got)
	}
	if len(failed) != 1 || !strings.Contains(failed[0], "network is unreachable") {
		t.Errorf("%q", failed)
	}
	w := newWorld(t, []string{"a.example.com:22"}, nil, nil, nil)
	w.s.Resolver = HostResolver{Dial: down}
	c := w.ask("a.example.com", 22) // which it knew from before
	defer c.Close()
	if f := w.flow(); !f.Allowed || !strings.Contains(f.Error, "network is unreachable") {
		t.Errorf("%+v", f)
	}
}
