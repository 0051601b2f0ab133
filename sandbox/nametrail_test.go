package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTrail does to a name what editors and attackers do, before and after its mask is said
// to be back.
func TestTrail(t *testing.T) {
	write := func(path string) {
		t.Helper()
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	read := func(path string) {
		t.Helper()
		if _, err := os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name          string
		do            func(file, other string)
		hosts, opened bool
	}{
		{"nothing", func(string, string) {}, false, false},
		{"replaced", func(file, other string) { rename(other, file) }, true, false},
		{"replaced by what a second process opened first", func(file, other string) { read(other); rename(other, file) }, false, false},
		{"replaced while another process has it open", func(file, other string) {
			f, err := os.OpenFile(other+".new", os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			rename(other+".new", file)
		}, false, false},
		{"replaced by one that was taken away and made again", func(file, other string) {
			_ = os.Remove(other)
			write(other)
			rename(other, file)
		}, false, false},
		{"replaced by one that was moved away and made again", func(file, other string) {
			rename(other, other+".old")
			write(other)
			rename(other, file)
		}, false, false},
		{"replaced, and closed after that", func(file, other string) {
			f, err := os.OpenFile(other+".new", os.O_CREATE|os.O_WRONLY, 0o644)
			if err != nil {
				t.Fatal(err)
			}
			rename(other+".new", file)
			f.Close()
		}, false, false},
		{"replaced by an old file", func(file, other string) { rename(filepath.Join(filepath.Dir(file), "old"), file) }, false, false},
		{"replaced by a link to another", func(file, other string) {
			_ = os.Link(filepath.Join(filepath.Dir(file), "old"), file+".new")
			rename(file+".new", file)
		}, false, false},
		{"read and replaced, as by git", func(file, other string) { read(file); rename(other, file) }, true, false},
		{"replaced and read", func(file, other string) { rename(other, file); read(file) }, true, true},
		{"replaced and written", func(file, other string) { rename(other, file); write(file) }, false, true},
		{"replaced twice", func(file, other string) { rename(other, file); write(other); rename(other, file) }, false, false},
		{"moved away and made again", func(file, other string) { rename(file, other); write(file) }, false, true},
		{"removed and made again", func(file, other string) { _ = os.Remove(file); write(file) }, false, true},
		{"removed and renamed to", func(file, other string) { _ = os.Remove(file); rename(other, file) }, false, false},
		{"written in place", func(file, other string) { write(file) }, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			file, other := filepath.Join(dir, "file"), filepath.Join(dir, "other")
			write(file)
			write(filepath.Join(dir, "old"))
			trails, err := newNameTrails([]string{file})
			if err != nil {
				t.Fatal(err)
			}
			defer closeLater(trails.fd)
			if err := trails.watch(dir, dir); err != nil {
				t.Fatal(err)
			}
			write(other)
			tt.do(file, other)
			trails.seal()
			read(file)
			write(file) // later is no matter
			trails.read()
			got := trails.take(file)
			if got.hosts() != tt.hosts || got.opened != tt.opened {
				t.Errorf("hosts %v, opened %v, want %v, %v: %+v", got.hosts(), got.opened, tt.hosts, tt.opened, got)
			}
			another := filepath.Join(dir, "another")
			write(another)
			rename(another, file)
			trails.seal()
			if got := trails.take(file); !got.hosts() {
				t.Errorf("what was done to the file before counts against the one that replaced it: %+v", got)
			}
		})
	}
}

// TestTrailLost overflows the queue: then nothing is known.
func TestTrailLost(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	trails, err := newNameTrails([]string{file})
	if err != nil {
		t.Fatal(err)
	}
	defer closeLater(trails.fd)
	if err := trails.watch(dir, dir); err != nil {
		t.Fatal(err)
	}
	for range 10000 { // two reports each, where 16,384 is the usual limit
		for _, name := range []string{"a", "b"} {
			if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := os.Rename(filepath.Join(dir, "a"), file); err != nil {
		t.Fatal(err)
	}
	trails.seal()
	if trails.take(file).hosts() {
		t.Error("a file is the host's although reports were lost")
	}
}

// TestDraftsLost takes away more new files than are remembered, while they are open: then
// none is one process's own.
func TestDraftsLost(t *testing.T) {
	d := newDrafts()
	report := func(at string, masks ...uint32) {
		for _, mask := range masks {
			e := nameEvent{dir: "/d", name: at, mask: mask, cookie: 1}
			d.count(e)
			d.add(e, e.path(), false)
		}
	}
	for n := range draftLimit + 1 {
		report(strconv.Itoa(n), unix.IN_CREATE, unix.IN_OPEN, unix.IN_DELETE)
	}
	report("lock", unix.IN_CREATE, unix.IN_OPEN, unix.IN_CLOSE_WRITE, unix.IN_MOVED_FROM)
	if d.left.whole() {
		t.Errorf("it is: %+v", d.left)
	}
	d.lost = time.Time{}
	report("lock", unix.IN_CREATE, unix.IN_OPEN, unix.IN_CLOSE_WRITE, unix.IN_MOVED_FROM)
	if d.left.whole() {
		t.Errorf("it is later: %+v", d.left)
	}
}
