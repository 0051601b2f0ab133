package egress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A resolver that is held back answers when a test lets it, and counts.
type heldBack struct {
	mu       sync.Mutex
	asked    map[string]int
	running  int
	most     int
	gone     chan string // names that were given up
	release  chan struct{}
	answered func(name string) ([]netip.Addr, time.Duration, error)
}

func newHeld(answered func(name string) ([]netip.Addr, time.Duration, error)) *heldBack {
	return &heldBack{asked: map[string]int{}, gone: make(chan string, 100), release: make(chan struct{}), answered: answered}
}

func (s *heldBack) Lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	a, _, err := s.lookupTTL(ctx, name)
	return a, err
}

func (s *heldBack) lookupTTL(ctx context.Context, name string) ([]netip.Addr, time.Duration, error) {
	s.mu.Lock()
	s.asked[name]++
	s.running++
	s.most = max(s.most, s.running)
	s.mu.Unlock()
	defer func() { s.mu.Lock(); s.running--; s.mu.Unlock() }()
	select {
	case <-s.release:
		return s.answered(name)
	case <-ctx.Done():
		s.gone <- name
		return nil, 0, ctx.Err()
	}
}

func (s *heldBack) count(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[name]
}

var one = netip.MustParseAddr("192.0.2.1")

func oneFor(ttl time.Duration) func(string) ([]netip.Addr, time.Duration, error) {
	return func(string) ([]netip.Addr, time.Duration, error) { return []netip.Addr{one}, ttl, nil }
}

// until waits for something that other goroutines do.
func until(t *testing.T, done func() bool) {
	t.Helper()
	for range 10_000 {
		if done() {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Fatal("it does not come")
}

func (c *Cache) waiting(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.asking[name]; l != nil {
		return l.waiting
	}
	return 0
}

// TestCacheShares: those that want a name at the same time share a question, and one that
// goes away does not take it from the others.
func TestCacheShares(t *testing.T) {
	s := newHeld(oneFor(0))
	c := NewCache(s)
	var failed atomic.Int32
	var all sync.WaitGroup
	ask := func(ctx context.Context) {
		all.Go(func() {
			if a, err := c.Lookup(ctx, "a.example.com"); err != nil || !slices.Equal(a, []netip.Addr{one}) {
				failed.Add(1)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	ask(ctx)
	until(t, func() bool { return c.waiting("a.example.com") == 1 })
	for range 24 {
		ask(t.Context())
	}
	until(t, func() bool { return c.waiting("a.example.com") == 25 })
	cancel()
	until(t, func() bool { return c.waiting("a.example.com") == 24 })
	close(s.release)
	all.Wait()
	if n := s.count("a.example.com"); n != 1 || failed.Load() != 1 {
		t.Errorf("%d questions, %d failed", n, failed.Load())
	}
}

// TestCacheGivesUp: a question for which nobody waits ends, and the next one is new.
func TestCacheGivesUp(t *testing.T) {
	s := newHeld(oneFor(0))
	c := NewCache(s)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		until(t, func() bool { return s.count("a.example.com") == 1 })
		cancel()
	}()
	if _, err := c.Lookup(ctx, "a.example.com"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if name := <-s.gone; name != "a.example.com" {
		t.Error(name)
	}
	close(s.release)
	if a, err := c.Lookup(t.Context(), "a.example.com"); err != nil || len(a) != 1 || s.count("a.example.com") != 2 {
		t.Error(a, err, s.asked)
	}
}

// TestCacheKeeps: for how long an answer is.
func TestCacheKeeps(t *testing.T) {
	many := make([]netip.Addr, largestAnswer+1)
	for name, row := range map[string]struct {
		answer []netip.Addr
		ttl    time.Duration
		err    error
		kept   time.Duration
	}{
		"no TTL": {[]netip.Addr{one}, 0, nil, leastKept}, "a short one": {[]netip.Addr{one}, time.Second, nil, leastKept}, "a long one": {[]netip.Addr{one}, time.Hour, nil, mostKept},
		"one between": {[]netip.Addr{one}, 20 * time.Second, nil, 20 * time.Second}, "no such name": {nil, time.Hour, ErrNoName, nothingKept}, "no address": {nil, time.Hour, nil, nothingKept},
		"a failure": {nil, time.Hour, errDown, 0}, "very many addresses": {many, time.Hour, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newHeld(func(string) ([]netip.Addr, time.Duration, error) { return row.answer, row.ttl, row.err })
			close(s.release)
			c := NewCache(s)
			now := time.Now()
			c.now = func() time.Time { return now }
			ask := func() int {
				a, err := c.Lookup(t.Context(), "a.example.com")
				if !errors.Is(err, row.err) || len(a) != len(row.answer) {
					t.Errorf("%d addresses, %v", len(a), err)
				}
				return s.count("a.example.com")
			}
			ask()
			if now = now.Add(row.kept - 1); row.kept > 0 && ask() != 1 {
				t.Error("it is not kept")
			}
			if now = now.Add(1); ask() != 2 {
				t.Error("it is kept longer")
			}
		})
	}
}

// TestCacheBounds: names are asked for a few at a time, and not all are kept.
func TestCacheBounds(t *testing.T) {
	s := newHeld(oneFor(time.Hour))
	c := NewCache(s)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() { _, _ = c.Lookup(t.Context(), fmt.Sprintf("a%d.example.com", i)) })
	}
	until(t, func() bool { c.mu.Lock(); defer c.mu.Unlock(); return len(c.asking) == 100 })
	close(s.release)
	all.Wait()
	if s.most > mostLookups {
		t.Errorf("%d at a time", s.most)
	}
	for i := range 2 * mostAnswers {
		_, _ = c.Lookup(t.Context(), fmt.Sprintf("b%d.example.com", i))
	}
	if len(c.kept) > mostAnswers {
		t.Errorf("%d are kept", len(c.kept))
	}
}

// TestCacheIsJudged: a kept answer is judged for each connection, and one that leads
// nowhere is asked for again.
func TestCacheIsJudged(t *testing.T) {
	names := table{"a.example.com": {one}}
	w := newWorld(t, []string{"a.example.com:22"}, nil, nil, names)
	out := &asked{Resolver: names}
	w.s.Resolver = NewCache(out)
	ours := false
	w.s.Own = func(a netip.Addr) error {
		if ours {
			return fmt.Errorf("%s is this machine", a)
		}
		return nil
	}
	w.outside[address("192.0.2.1:22")] = echo
	ask := func() (heard string, f Flow) {
		c := w.ask("a.example.com", 22)
		defer c.Close()
		_ = c.CloseWrite()
		b, _ := io.ReadAll(c)
		return string(b), w.flow()
	}
	for range 3 {
		if heard, f := ask(); heard != ", all" || f.Error != "" {
			t.Errorf("%q, %+v", heard, f)
		}
	}
	if len(out.names) != 1 {
		t.Errorf("asked %d times", len(out.names))
	}
	ours = true // as after a VPN has come up
	if heard, f := ask(); heard != "" || !strings.Contains(f.Error, "is this machine") || len(out.names) != 1 {
		t.Errorf("%q, %+v, asked %d times", heard, f, len(out.names))
	}
	ours = false
	delete(w.outside, address("192.0.2.1:22"))
	if heard, f := ask(); heard != "" || !strings.Contains(f.Error, "refused") || len(out.names) != 2 { // it was refused before
		t.Errorf("%q, %+v, asked %d times", heard, f, len(out.names))
	}
	names["a.example.com"] = []netip.Addr{netip.MustParseAddr("192.0.2.2")}
	w.outside[address("192.0.2.2:22")] = echo
	if heard, f := ask(); heard != ", all" || len(out.names) != 3 {
		t.Errorf("%q, %+v, asked %d times", heard, f, len(out.names))
	}
}

// TestTTL: the least one of the answer's records is taken, aliases too.
func TestTTL(t *testing.T) {
	n := &nameserver{answer: func(q dnsmessage.Message, _ bool) []byte {
		m := saying(q, 0)
		if q.Questions[0].Type == dnsmessage.TypeA {
			m = saying(q, 0, &dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("b.example.com.")}, &dnsmessage.AResource{A: one.As4()})
			m.Answers[0].Header.TTL, m.Answers[1].Header.TTL, m.Answers[1].Header.Name = 30, 3600, dnsmessage.MustNewName("b.example.com.")
		}
		b, err := m.Pack()
		if err != nil {
			t.Error(err)
		}
		return b
	}}
	a, d, err := HostResolver{Dial: n.dial}.lookupTTL(t.Context(), "a.example.com")
	if err != nil || !slices.Equal(a, []netip.Addr{one}) || d != 30*time.Second {
		t.Error(a, d, err)
	}
}

// A resolver of a home router drops what is more than 30 questions at once.
type router struct {
	packets net.PacketConn
	mu      sync.Mutex
	open    int
	total   int
	dropped int
}

func newRouter(t *testing.T) *router {
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	r := &router{packets: p}
	go r.serve()
	return r
}

func (r *router) serve() {
	for b := make([]byte, 4096); ; {
		n, from, err := r.packets.ReadFrom(b)
		if err != nil {
			return
		}
		var m dnsmessage.Message
		if m.Unpack(b[:n]) != nil {
			continue
		}
		r.mu.Lock()
		r.total++
		if r.open == 30 {
			r.dropped++
			r.mu.Unlock()
			continue
		}
		r.open++
		r.mu.Unlock()
		time.AfterFunc(30*time.Millisecond, func() { // as far away as one is
			answer := saying(m, 0)
			if m.Questions[0].Type == dnsmessage.TypeA {
				answer = saying(m, 0, &dnsmessage.AResource{A: one.As4()})
			}
			if b, err := answer.Pack(); err == nil {
				_, _ = r.packets.WriteTo(b, from)
			}
			r.mu.Lock()
			r.open--
			r.mu.Unlock()
		})
	}
}

func (r *router) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, "udp", r.packets.LocalAddr().String())
}

// TestBurst: 50 programs that ask at once and then connect, of 40 names, are not too many
// for a resolver that drops bursts.
func TestBurst(t *testing.T) {
	r := newRouter(t)
	w := newWorld(t, []string{"*.example.com:22"}, nil, nil, nil)
	cache := NewCache(HostResolver{Dial: r.dial})
	a := &Answerer{Policy: w.s.Policy, Names: w.s.Names, Resolver: cache}
	w.s.Resolver = cache
	w.outside[address("192.0.2.1:22")] = echo
	var all sync.WaitGroup
	names := 40
	for i := range 50 {
		name := fmt.Sprintf("h%d.example.com", i%names)
		all.Go(func() {
			for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
				if got := said(t, a.Answer(t.Context(), question(t, name+".", kind, false), false)); !strings.HasPrefix(got, "Success") {
					t.Error(got)
				}
			}
			c := w.ask(name, 22)
			defer c.Close()
			_ = c.CloseWrite()
			if heard, err := io.ReadAll(c); string(heard) != ", all" || err != nil {
				t.Errorf("%q, %v", heard, err)
			}
		})
	}
	all.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dropped > 0 || r.total != 2*names {
		t.Errorf("%d questions, %d dropped", r.total, r.dropped)
	}
}
