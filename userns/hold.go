package userns

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// HeldSignals are signals that do what they do by default until a child executes its
// program (Input.Held), and are kept from then on: the caller has work to do that the
// program must not be able to escape.
type HeldSignals struct {
	before map[unix.Signal]sigaction
}

// sigaction is the kernel's.
type sigaction struct {
	handler, flags, restorer uintptr
	mask                     uint64
}

// What the handler knows. It is told the number of its signal and nothing else, so the
// rest can only be here, once for the process, as handlers are.
var (
	holds   *atomic.Uint32 // 1 when signals are kept
	pending atomic.Uint64  // the signals that came since, each a bit
	//lint:ignore U1000 the handler, which is assembly, gives it back to signals
	defaultAction sigaction
)

// HoldSignals takes the signals until Release, for one child of this process at a time.
// Signal.Notify keeps signals too, by a goroutine with a thread of its own: to start these
// takes a tenth of what a short command takes in all. A signal that is ignored stays so.
func HoldSignals(signals ...unix.Signal) *HeldSignals {
	if holds == nil {
		holds = sharedWord()
	}
	holds.Store(0)
	pending.Store(0)
	h := &HeldSignals{before: make(map[unix.Signal]sigaction, len(signals))}
	handler, restorer := holdStart()
	hold := sigaction{handler: handler, flags: saOnStack | saRestart, mask: ^uint64(0)}
	if restorer != 0 {
		hold.flags, hold.restorer = hold.flags|saRestorer, restorer
	}
	for _, sig := range signals {
		var before sigaction
		if act(sig, nil, &before) && before.handler != ignored && act(sig, &hold, nil) {
			h.before[sig] = before
		}
	}
	return h
}

// sharedWord is one that a child can write to that has other memory. Where there is no such
// the supervisor writes to it, as soon as it hears of the child.
func sharedWord() *atomic.Uint32 {
	page, err := unix.MmapPtr(-1, 0, nil, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return new(atomic.Uint32)
	}
	return (*atomic.Uint32)(page)
}

// sigaction(2). The stack is one that Go gives each thread: a goroutine's is too small.
const (
	ignored    = 1
	saRestorer = 0x04000000
	saOnStack  = 0x08000000
	saRestart  = 0x10000000
)

// act sets what a signal does, or tells it.
func act(sig unix.Signal, set, was *sigaction) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(sig), uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(was)), 8, 0, 0)
	return errno == 0
}

// begin has signals be kept from now on.
func (h *HeldSignals) begin() {
	if h != nil {
		holds.Store(1)
	}
}

// word is what a child writes 1 to that executes its program, or nil.
func (h *HeldSignals) word() *uint32 {
	if h == nil {
		return nil
	}
	return (*uint32)(unsafe.Pointer(holds))
}

// Release has the signals do what they did before, and gives those that were kept. To miss
// none, ask for them by signal.Notify before, and call it again a little later: another
// thread may just be in the handler.
func (h *HeldSignals) Release() (came []unix.Signal) {
	for sig, before := range h.before {
		act(sig, &before, nil)
	}
	bits := pending.Swap(0)
	for sig := unix.Signal(1); sig <= 64; sig++ {
		if bits>>(sig-1)&1 != 0 {
			came = append(came, sig)
		}
	}
	return came
}

// holdStart is the address of the handler, and of what it returns to, where the kernel
// does not know that itself.
func holdStart() (handler, restorer uintptr)
