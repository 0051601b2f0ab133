package unpack

import (
	"bytes"
	"fmt"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// FuzzUnpack: no tar writes outside of the target, and none is too much for it.
func FuzzUnpack(f *testing.F) {
	if os.Getenv(inside) != "" {
		inMemory(f)
	}
	for _, r := range rows {
		if r.name == "deep" || r.o.MaxPath+int(r.o.MaxBytes+r.o.MaxEntries) > 0 {
			continue
		}
		f.Add(archive(f, r.items...))
	}
	f.Fuzz(func(t *testing.T, layer []byte) {
		y := newYard(t)
		defer y.remove()
		below := openAs(t, y.canary)
		defer unix.Close(below)
		o := Options{Squash: os.Getenv(inside) == "", MaxBytes: 1 << 20, MaxEntries: 100, Lowers: []int{below}}
		fd := openAs(t, y.target)
		defer unix.Close(fd)
		start := time.Now()
		layer = bytes.Clone(layer)
		sum(layer)
		report, err := Unpack(fd, bytes.NewReader(layer), o)
		y.check(t)
		if report.Bytes > o.MaxBytes || report.Entries > o.MaxEntries || time.Since(start) > 10*time.Second {
			t.Errorf("%+v, %v", report, err)
		}
	})
}

// sum makes the checksums of headers right, without which a changed header is no
// header.
func sum(layer []byte) {
	for ; len(layer) >= blockSize; layer = layer[blockSize:] {
		if string(layer[257:262]) != "ustar" {
			continue
		}
		copy(layer[148:156], "        ")
		n := 0
		for _, b := range layer[:blockSize] {
			n += int(b)
		}
		copy(layer[148:156], fmt.Sprintf("%06o\x00 ", n))
	}
}

// inMemory has temporary directories in memory, which is many times faster than a
// disk. User attributes are there since Linux 6.6.
func inMemory(f *testing.F) {
	f.Helper()
	at, err := os.MkdirTemp("", "unpack-")
	if err != nil {
		f.Fatal(err)
	}
	if err := unix.Mount("tmpfs", at, "tmpfs", 0, ""); err != nil {
		f.Fatal(err)
	}
	f.Setenv("TMPDIR", at)
	f.Cleanup(func() {
		_ = unix.Unmount(at, unix.MNT_DETACH)
		_ = os.Remove(at)
	})
}
