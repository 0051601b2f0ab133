package egress

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// TestSecurityNetworkSlow: who begins to speak and does not go on is given up, however he
// does it, and keeps nobody else from the network. With more patience each of them is
// still there, so that it is the patience that ends it.
func TestSecurityNetworkSlow(t *testing.T) {
	hello := string(helloOf(t, &tls.Config{ServerName: "a.example.com"}))
	for name, row := range map[string]struct {
		port  uint16
		said  string
		drips bool // a byte now and then
	}{
		"silence": {443, "", false}, "silence on 80": {80, "", false}, "half a hello": {443, hello[:100], false}, "half a record": {443, hello[:3], false},
		"a hello a byte now and then": {443, hello, true}, "half a request": {80, "GET / HTTP/1.1\r\nHost: a.exam", false}, "fields without end": {80, "GET / HTTP/1.1\r\n" + strings.Repeat("x: y\r\n", 1000), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, patience := range []time.Duration{time.Second, time.Minute} {
				w := newWorld(t, []string{"a.example.com"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
				w.s.Patience = patience
				w.outside[address("192.0.2.1:443")] = echo
				var ended atomic.Int32
				for range 20 {
					c := w.ask("a.example.com", row.port)
					defer c.Close()
					go drip(c, row.said, row.drips)
					go func() {
						_, _ = io.ReadAll(c)
						ended.Add(1)
					}()
				}
				other := w.ask("a.example.com", 443)
				_, _ = io.WriteString(other, hello)
				_ = other.CloseWrite()
				if heard, err := io.ReadAll(other); err != nil || string(heard) != hello+", all" {
					t.Errorf("another hears %d bytes, %v", len(heard), err)
				}
				other.Close()
				for range 200 {
					if time.Sleep(20 * time.Millisecond); ended.Load() == 20 {
						break
					}
				}
				if n := ended.Load(); (n == 20) != (patience < time.Minute) {
					t.Errorf("with a patience of %v %d of 20 are ended", patience, n)
				}
			}
		})
	}
}

// drip says a text at once, or a byte now and then.
func drip(c net.Conn, text string, drips bool) {
	for part := range strings.SplitSeq(text, "") {
		if !drips {
			part = text
		}
		if _, err := io.WriteString(c, part); err != nil || !drips {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// TestSecurityNetworkLies: lengths by TCP that are not true keep no other question from
// its answer.
func TestSecurityNetworkLies(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a, _, _ := answerer(t)
	go func() { _ = a.ServeTCP(l) }()
	query := question(t, "registry.example.com.", dnsmessage.TypeA, false)
	length := func(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
	for name, lie := range map[string][]byte{
		"longer than it is": append(length(len(query)+100), query...), "shorter": append(length(5), query...), "nothing": length(0), "half a length": {0}, "the most there is": length(65535),
		"garbage": append(length(300), make([]byte, 300)...),
	} {
		var wait sync.WaitGroup
		for range 40 {
			c, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write(lie)
			wait.Go(func() { time.Sleep(20 * time.Millisecond); c.Close() })
		}
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = c.Write(append(length(len(query)), query...))
		var size [2]byte
		answer := make([]byte, 512)
		_, err = io.ReadFull(c, size[:])
		if err == nil {
			answer = answer[:binary.BigEndian.Uint16(size[:])]
			_, err = io.ReadFull(c, answer)
		}
		c.Close()
		wait.Wait()
		if err != nil {
			t.Errorf("%s: another question has no answer: %v", name, err)
		} else if got := said(t, answer); got != "Success 198.18.1.0" {
			t.Errorf("%s: another question is answered by %s", name, got)
		}
	}
}

// TestSecurityNetworkNames: names below a suffix that is allowed, without end. There are
// so many and no more, those that have an address keep it, and the log says what was.
func TestSecurityNetworkNames(t *testing.T) {
	everywhere := nowhere{netip.MustParseAddr("192.0.2.1")}
	failed := map[string]error{}
	a := &Answerer{Policy: Policy{Allow: rules(t, "*.example.com")}, Names: &Names{}, Resolver: everywhere, Failed: func(name string, err error) { failed[name] = err }}
	ask := func(i int) string {
		return said(t, a.Answer(t.Context(), question(t, fmt.Sprintf("x%d.example.com.", i), dnsmessage.TypeA, false), false))
	}
	first, other := ask(0), ""
	for i := range maxNames {
		if got := ask(i); !strings.HasPrefix(got, "Success 198.1") {
			t.Fatalf("%d: %s", i, got)
		} else if i == maxNames-1 {
			other = got
		}
	}
	if got := ask(maxNames); got != "ServerFailure" || failed[fmt.Sprintf("x%d.example.com", maxNames)] != errTooManyNames {
		t.Errorf("one more: %s, %v", got, failed)
	}
	if ask(0) != first || ask(maxNames-1) != other || first == other {
		t.Errorf("addresses changed: %s, %s", first, other)
	}
}

// nowhere is a resolver for which each name has the same address.
type nowhere []netip.Addr

func (n nowhere) Lookup(context.Context, string) ([]netip.Addr, error) { return n, nil }

// TestFlowsOf: there are no more flows than descriptors for them.
func TestFlowsOf(t *testing.T) {
	for descriptors, want := range map[uint64]int{0: 1, 255: 1, 256: 1, 1024: 128, 4096: 640, 1 << 20: mostFlows, 1<<64 - 1: mostFlows} {
		if got := flowsOf(descriptors); got != want {
			t.Errorf("%d: %d", descriptors, got)
		}
	}
}
