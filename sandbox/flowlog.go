package sandbox

import (
	"sync"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// A flowLog keeps the connections of a sandbox, those from it and those to it.
type flowLog struct {
	mu    sync.Mutex
	flows []egress.Flow
	tell  func(egress.Flow) // or nil
}

// mostFlows bounds what is remembered: a sandbox can be refused any number of times.
const mostFlows = 10_000

func (l *flowLog) note(f egress.Flow) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.flows) < mostFlows {
		l.flows = append(l.flows, f)
	}
	if l.tell != nil {
		l.tell(f)
	}
}

func (l *flowLog) all() []egress.Flow {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flows
}
