package main

import (
	"fmt"
	"os"
	"sync"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// bars show on a terminal how far each layer is. They leave the cursor as it is, so
// nothing has to be put back whatever ends the program.
type bars struct {
	all *mpb.Progress
	mu  sync.Mutex
	of  map[string]*mpb.Bar // by chain
}

// canShow tells whether a file is a terminal on which lines can be written anew.
func canShow(f *os.File) bool {
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	term := os.Getenv("TERM")
	return err == nil && term != "" && term != "dumb"
}

func newBars(on *os.File) *bars {
	return &bars{all: mpb.New(mpb.WithOutput(on), mpb.PopCompletedMode()), of: map[string]*mpb.Bar{}}
}

// arrived is how many bytes of a layer are there, and whether it is unpacked. It may
// be fewer than before: the layer begins anew then.
func (b *bars) arrived(l store.Layer, n int64, unpacked bool) {
	bar, err := b.bar(l)
	if err != nil {
		return // the bars have ended
	}
	bar.SetCurrent(n)
	if unpacked {
		bar.SetTotal(l.Size, true)
	}
}

func (b *bars) bar(l store.Layer) (*mpb.Bar, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if bar := b.of[l.Chain]; bar != nil {
		return bar, nil
	}
	// A bar of no size is not complete when all has arrived: it is unpacked then.
	bar, err := b.all.Add(0, mpb.BarStyle().Build(),
		mpb.PrependDecorators(decor.Name("layer "+l.Digest[7:19]+" ")), // a digest, as the store has looked
		mpb.AppendDecorators(decor.Any(state)))
	if err == nil {
		bar.SetTotal(l.Size, false)
		b.of[l.Chain] = bar
	}
	return bar, err
}

func state(s decor.Statistics) string {
	size := fmt.Sprintf("%.1f MB", float64(s.Total)/1e6)
	switch {
	case s.Completed:
		return size
	case s.Current >= s.Total:
		return size + ", unpacking"
	}
	return fmt.Sprintf("%.1f of %s", float64(s.Current)/1e6, size)
}

// Write shows lines above the bars.
func (b *bars) Write(lines []byte) (int, error) { return b.all.Write(lines) }

// end shows them a last time.
func (b *bars) end() { b.all.Shutdown() }
