package userns

import (
	"runtime"

	"github.com/sbxrun/sbx/userns/child"
)

// program is what a child runs, and what only the supervisor needs to know of it.
type program struct {
	*child.Program
	cells    map[FD]int // which register is whose
	sent     []Send     // the steps that hand descriptors over, in order
	messages []*message
	received *receivedStreams
	pinned   runtime.Pinner
	next     *program
}
