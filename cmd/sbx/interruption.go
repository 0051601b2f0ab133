package main

import (
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// An interruption is a signal that ends what shows an untrusted command's output. It
// is taken, so that the terminal is put right first.
type interruption struct {
	came chan struct{} // closed then
	sig  atomic.Int32
}

func newInterruption() *interruption {
	i := &interruption{came: make(chan struct{})}
	c := make(chan os.Signal, 1)
	signal.Notify(c, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	go func() {
		i.sig.Store(int32((<-c).(syscall.Signal)))
		close(i.came)
	}()
	return i
}

// signal is the one that came, or 0.
func (i *interruption) signal() syscall.Signal { return syscall.Signal(i.sig.Load()) }

// interruptedError says that a signal ended what was asked for.
type interruptedError syscall.Signal

func (e interruptedError) Error() string { return syscall.Signal(e).String() }
