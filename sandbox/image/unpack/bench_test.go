package unpack

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"golang.org/x/sys/unix"
)

// BenchmarkSmallFiles unpacks 50,000 files of 300 bytes in 1,000 directories.
func BenchmarkSmallFiles(b *testing.B) {
	var items []item
	content := string(bytes.Repeat([]byte("x"), 300))
	for d := range 1000 {
		dir := fmt.Sprintf("usr/lib/modules/%d/%d", d/30, d)
		items = append(items, directory(dir))
		for f := range 50 {
			items = append(items, file(fmt.Sprintf("%s/file-%d", dir, f), content).owner(d%7, d%5))
		}
	}
	benchmark(b, archive(b, items...))
}

// BenchmarkLargeFile unpacks one of 256 MiB.
func BenchmarkLargeFile(b *testing.B) {
	benchmark(b, archive(b, file("large", string(bytes.Repeat([]byte("something "), 256<<20/10)))))
}

// benchmark unpacks into memory: ext4 looks at each inode that was removed in the
// last minutes before it takes a new one, which here would be all of the run before.
func benchmark(b *testing.B, layer []byte) {
	needRoot(b)
	b.SetBytes(int64(len(layer)))
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		y := newYard(b)
		if err := unix.Mount("tmpfs", y.target, "tmpfs", 0, ""); err != nil {
			b.Fatal(err)
		}
		fd := openAs(b, y.target)
		b.StartTimer()
		_, err := Unpack(fd, bytes.NewReader(layer), Options{})
		b.StopTimer()
		unix.Close(fd)
		if err := errors.Join(err, unix.Unmount(y.target, 0)); err != nil {
			b.Fatal(err)
		}
		y.remove()
		b.StartTimer()
	}
}
