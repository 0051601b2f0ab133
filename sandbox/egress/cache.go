package egress

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// An answer is kept for its TTL, within these: a program connects soon after it asked,
	// and a machine moves to another network.
	leastKept = 5 * time.Second
	mostKept  = time.Minute
	// nothingKept is how long a name stays unknown: a resolver asks for both families, and
	// again with a search list.
	nothingKept = time.Second
	// mostAnswers bounds those that are kept, and largestAnswer each: a program may ask for
	// any number of names, of which the owner names any number of addresses.
	mostAnswers   = 1024
	largestAnswer = 256
	// mostLookups is how many names are asked for at a time, each by two questions. Home
	// routers and VPNs drop what is more than 30 at once, which costs 5 seconds each.
	mostLookups = 12
	// longestLookup bounds one: resolv.conf(5) has three servers, two attempts, 5 seconds.
	longestLookup = 30 * time.Second
)

// A Cache asks a resolver one question for all that want the same name at the same time,
// and keeps the answer for a while. It judges nothing: each connection does, of the answer
// that it gets.
type Cache struct {
	resolver Resolver
	now      func() time.Time
	turns    chan struct{}

	mu     sync.Mutex
	kept   map[string]*lookup
	asking map[string]*lookup
}

// A lookup is one question, and then its answer, which does not change any more.
type lookup struct {
	done      chan struct{}
	waiting   int // for the answer, under the cache's lock
	cancel    context.CancelFunc
	addresses []netip.Addr
	err       error
	until     time.Time
}

// NewCache makes a cache of a resolver's answers.
func NewCache(r Resolver) *Cache {
	return &Cache{resolver: r, now: time.Now, turns: make(chan struct{}, mostLookups), kept: map[string]*lookup{}, asking: map[string]*lookup{}}
}

// A timedResolver also tells for how long an answer may be kept. Zero is unknown.
type timedResolver interface {
	lookupTTL(ctx context.Context, name string) ([]netip.Addr, time.Duration, error)
}

// Lookup gives the addresses of a name. A question that nobody waits for is given up.
func (c *Cache) Lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	l := c.join(name)
	select {
	case <-l.done:
		return slices.Clone(l.addresses), l.err
	case <-ctx.Done():
		c.leave(name, l)
		return nil, context.Cause(ctx)
	}
}

// join gives the kept answer, the question that is on its way, or a new one.
func (c *Cache) join(name string) *lookup {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l := c.kept[name]; l != nil && c.now().Before(l.until) {
		return l
	}
	l := c.asking[name]
	if l == nil {
		ctx, cancel := context.WithTimeout(context.Background(), longestLookup)
		l = &lookup{done: make(chan struct{}), cancel: cancel}
		c.asking[name] = l
		go c.ask(ctx, name, l)
	}
	l.waiting++
	return l
}

func (c *Cache) leave(name string, l *lookup) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if l.waiting--; l.waiting == 0 {
		l.cancel()
		if c.asking[name] == l { // what comes now is not to wait for an end
			delete(c.asking, name)
		}
	}
}

func (c *Cache) ask(ctx context.Context, name string, l *lookup) {
	defer l.cancel()
	var ttl time.Duration
	l.addresses, ttl, l.err = c.lookup(ctx, name)
	c.mu.Lock()
	defer c.mu.Unlock()
	defer close(l.done)
	if c.asking[name] == l {
		delete(c.asking, name)
	}
	switch {
	case errors.Is(l.err, ErrNoName), l.err == nil && len(l.addresses) == 0:
		ttl = nothingKept
	case l.err != nil || len(l.addresses) > largestAnswer:
		return
	default:
		ttl = min(max(ttl, leastKept), mostKept)
	}
	c.makeRoom()
	l.until = c.now().Add(ttl)
	c.kept[name] = l
}

func (c *Cache) lookup(ctx context.Context, name string) (addresses []netip.Addr, ttl time.Duration, err error) {
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return nil, 0, context.Cause(ctx)
	}
	if r, ok := c.resolver.(timedResolver); ok {
		return r.lookupTTL(ctx, name)
	}
	addresses, err = c.resolver.Lookup(ctx, name)
	return addresses, 0, err
}

// makeRoom drops what is old, or any one where nothing is.
func (c *Cache) makeRoom() {
	if len(c.kept) < mostAnswers {
		return
	}
	now := c.now()
	for name, l := range c.kept {
		if !now.Before(l.until) {
			delete(c.kept, name)
		}
	}
	for name := range c.kept {
		if len(c.kept) < mostAnswers {
			return
		}
		delete(c.kept, name)
	}
}

// forget has a name be asked for again: the answer that a cache keeps leads nowhere, as
// after a move to another network.
func forget(r Resolver, name string) {
	c, ok := r.(*Cache)
	if !ok {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.kept, name)
}
