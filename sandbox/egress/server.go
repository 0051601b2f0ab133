package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// A Server takes connections of a sandbox to where they may go.
type Server struct {
	Policy   Policy
	Names    *Names
	Resolver Resolver
	// Dial connects to an address outside, which was judged, or, for Publish, inside.
	Dial func(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Upstream says what is reached by a proxy outside. Nil is nothing.
	Upstream *Upstream
	// Own refuses an address that is the machine's, at this moment. Nil refuses none.
	Own func(netip.Addr) error
	// Log is told of each flow that ended. It may be called at any time, and not twice at
	// once. Nil drops it.
	Log func(Flow)
	// Owner finds the process of a connection by its two ends, as the sandbox sees them.
	// Nil does not.
	Owner func(network string, from, to netip.AddrPort) (pid int, command string)
	// MostFlows bounds those that are open at a time. Zero is 4096, or fewer where the
	// process may open too few descriptors.
	MostFlows int
	// Patience is how long a program may take to say what it wants, and a dial. Zero is
	// half a minute.
	Patience time.Duration

	logging sync.Mutex
	open    sync.Map // net.Conn, to be closed at the end, and its *connection
	flows   sync.WaitGroup
	count   chan struct{}
	once    sync.Once
	ctx     context.Context
	cancel  context.CancelFunc
}

var errTooManyFlows = errors.New("too many connections are open at once")

func (s *Server) begin() {
	s.once.Do(func() {
		if s.MostFlows <= 0 {
			s.MostFlows = flowLimit()
		}
		if s.Patience <= 0 {
			s.Patience = 30 * time.Second
		}
		s.count = make(chan struct{}, s.MostFlows)
		s.ctx, s.cancel = context.WithCancel(context.Background())
	})
}

// Serve accepts connections until the listener is closed, and takes each to the name or
// address that it is for.
func (s *Server) Serve(l net.Listener) error { return s.accept(l, s.flow) }

// ServeRedirected does the same with connections that Redirect brings.
func (s *Server) ServeRedirected(l net.Listener) error { return s.accept(l, s.redirected) }

// Forward takes all connections of a listener to one address, which the rule names and
// nothing else is asked about.
func (s *Server) Forward(l net.Listener, to netip.AddrPort, rule string) error {
	return s.accept(l, func(c net.Conn) *connection { return s.forwarded(c, to, rule) })
}

func (s *Server) accept(l net.Listener, flow func(net.Conn) *connection) error {
	s.begin()
	for {
		c, err := l.Accept()
		var passing interface{ Temporary() bool }
		switch {
		case errors.As(err, &passing) && passing.Temporary(): // no descriptors, for example
			time.Sleep(10 * time.Millisecond)
			continue
		case err != nil:
			return err
		}
		f := flow(c)
		select {
		case s.count <- struct{}{}:
			s.flows.Go(func() {
				defer func() { <-s.count }()
				f.run()
			})
		default:
			f.end(errTooManyFlows)
		}
	}
}

// Close ends all flows, and returns when they have.
func (s *Server) Close() {
	s.begin()
	s.cancel()
	s.open.Range(func(c, _ any) bool {
		c.(net.Conn).Close()
		return true
	})
	s.flows.Wait()
}

func (s *Server) log(f Flow) {
	if s.Log == nil {
		return
	}
	s.logging.Lock()
	defer s.logging.Unlock()
	s.Log(f)
}

// reach resolves a name and dials the first of its addresses that answers. Each is judged
// for each connection, and the one that was is dialled: the owner of the name may name
// another each time (DNS rebinding), and an address may come to be this machine's.
func (s *Server) reach(ctx context.Context, host string, literal bool, port uint16) (way, error) {
	addresses, err := s.lookup(ctx, host, literal)
	if err != nil {
		return way{}, s.late(ctx, err)
	}
	allowed, refused := s.allowed(addresses, host, literal, port)
	if len(allowed) == 0 {
		forget(s.Resolver, host)
		return way{}, refused
	}
	c, err := race(ctx, allowed, port, s.Dial)
	if err != nil {
		forget(s.Resolver, host)
		return way{}, s.late(ctx, err)
	}
	return way{Conn: c, address: c.RemoteAddr().String()}, nil
}

// allowed gives those of a host's addresses that may be dialled, and why another may
// not.
func (s *Server) allowed(addresses []netip.Addr, host string, literal bool, port uint16) (allowed []netip.Addr, refused error) {
	name := host
	if literal {
		name = ""
	}
	for _, a := range addresses {
		if err := Public(a, s.Own); err != nil && !s.Policy.private(name, a, port) {
			refused = &errPrivate{host, err}
			continue
		}
		if v := s.Policy.Address(a, port); !v.Allowed && v.Rule != "" { // denied by its address
			refused = &errDenied{a, v.Rule}
			continue
		}
		allowed = append(allowed, a.Unmap())
	}
	return allowed[:min(len(allowed), mostAddresses)], refused
}

// mostAddresses is how many of a name's are tried: its owner may name thousands.
const mostAddresses = 32

// late says that it is the time that was up.
func (s *Server) late(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no answer in %v: %w", s.Patience, err)
	}
	return err
}

func (s *Server) lookup(ctx context.Context, host string, literal bool) ([]netip.Addr, error) {
	if literal {
		a, err := netip.ParseAddr(host)
		return []netip.Addr{a}, err
	}
	addresses, err := s.Resolver.Lookup(ctx, host)
	if err == nil && len(addresses) == 0 {
		err = errors.New("it has no address")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", host, err)
	}
	return addresses, nil
}

// errPrivate says that a name leads where only the caller should go.
type errPrivate struct {
	host string
	err  error
}

func (e *errPrivate) Error() string {
	return fmt.Sprintf("%s leads to no public address: %v", e.host, e.err)
}

func (e *errPrivate) Unwrap() error { return e.err }

// errDenied says that a name leads to an address that a rule forbids.
type errDenied struct {
	address netip.Addr
	rule    string
}

func (e *errDenied) Error() string { return fmt.Sprintf("%s: %s", e.address, e.rule) }
