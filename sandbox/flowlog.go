package sandbox

import (
	"fmt"
	"sync"
	"time"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// A flowLog keeps the connections of a sandbox, those from it and those to it.
type flowLog struct {
	mu               sync.Mutex
	flows            []egress.Flow
	refused, allowed int
	tell             func(egress.Flow) // or nil
}

// What is remembered and told is bounded: a sandbox can be refused any number of times.
// What was allowed has a bound of its own, so that nobody hides where he went behind ten
// thousand refusals.
const (
	mostRefused = 10_000
	mostAllowed = 100_000
)

func (l *flowLog) note(f egress.Flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	count, most, what := &l.refused, mostRefused, "refused"
	if f.Allowed {
		count, most, what = &l.allowed, mostAllowed, "allowed"
	}
	if *count++; *count == most+1 {
		f = egress.Flow{Start: f.Start, Error: fmt.Sprintf("more than %d connections were %s: from here on they are not noted", most, what)}
	}
	if *count <= most+1 {
		l.add(f)
	}
}

func (l *flowLog) add(f egress.Flow) {
	l.flows = append(l.flows, f)
	if l.tell != nil {
		l.tell(f)
	}
}

// end says how many were left out.
func (l *flowLog) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r, a := max(0, l.refused-mostRefused), max(0, l.allowed-mostAllowed); r+a > 0 {
		l.add(egress.Flow{Start: time.Now(), Error: fmt.Sprintf("%d refused and %d allowed connections or names were not noted", r, a)})
	}
}

func (l *flowLog) all() []egress.Flow {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flows
}
