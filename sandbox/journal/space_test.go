package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// disk has the log on a disk of a size, of which others take some.
func disk(t *testing.T, j *Journal, size int64, others *int64) {
	t.Helper()
	j.spare = func(*os.File) (int64, error) {
		names, err := filepath.Glob(j.dir + "/*")
		left := size - *others
		for _, name := range names {
			st, err := os.Stat(name)
			if err != nil {
				return 0, err
			}
			left -= st.Size()
		}
		return left, err
	}
}

// TestSmallDisk: on a disk that is smaller than the log may be, the newest lines stay
// and none is lost.
func TestSmallDisk(t *testing.T) {
	j := begin(t, DefaultMax)
	disk(t, j, 56<<10, new(int64))
	out := j.Stream(Stdout)
	for i := range 4000 {
		write(t, out, fmt.Sprintf("line %05d\n", i))
		if left, err := j.spare(nil); err != nil || left < 0 {
			t.Fatalf("after %d lines %d bytes are left: %v", i, left, err)
		}
	}
	j.Close()
	got := read(t, j.dir, all)
	if len(got) < 1 || got[len(got)-1] != "stdout F line 03999" {
		t.Errorf("%d lines are left, the last %q", len(got), got[max(len(got)-1, 0):])
	}
	for _, line := range got {
		if !strings.HasPrefix(line, "stdout F line ") {
			t.Errorf("in the log: %q", line)
		}
	}
}

// TestOthersFillTheDisk: what is there stays, and what is lost is said when it begins
// and, in all, at the end.
func TestOthersFillTheDisk(t *testing.T) {
	j := begin(t, DefaultMax)
	others := int64(0)
	disk(t, j, 10<<20, &others)
	out := j.Stream(Stdout)
	write(t, out, "before\n")
	others = 20 << 20
	j.room = 0
	for range 10 {
		write(t, out, "lost\n")
	}
	others = 0
	write(t, out, "after\n")
	others = 20 << 20
	j.room = 0
	write(t, out, "lost again\n")
	j.Close()
	want := "stdout F before|sbx F output is lost from here on: no space left on device|stdout F after|sbx F 50 bytes of output were lost: no space left on device"
	if got := strings.Join(read(t, j.dir, all), "|"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestWriteFails: the kernel's word counts, whatever the file system says is free.
func TestWriteFails(t *testing.T) {
	j := begin(t, DefaultMax)
	real := j.file
	defer real.Close()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	j.file = full
	j.spare = func(*os.File) (int64, error) { return 1 << 30, nil }
	out := j.Stream(Stdout)
	write(t, out, "lost\n")
	if j.lost != 4 || j.noted {
		t.Errorf("lost %d bytes, noted %v", j.lost, j.noted)
	}
	j.file = real
	write(t, out, "after\n")
	if got, want := strings.Join(read(t, j.dir, all), "|"), "sbx F output is lost from here on: no space left on device|stdout F after"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestTornWrite: of a batch that was written in part nothing stays.
func TestTornWrite(t *testing.T) {
	j := begin(t, DefaultMax)
	j.spare = func(*os.File) (int64, error) { return 1 << 30, nil }
	out := j.Stream(Stdout)
	write(t, out, "before\n")
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: uint64(j.size) + 60, Max: was.Max}); err != nil { // Go ignores SIGXFSZ
		t.Fatal(err)
	}
	write(t, out, "one\ntwo\nthree\n")
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	write(t, out, "after\n")
	if got, want := strings.Join(read(t, j.dir, all), "|"), "stdout F before|sbx F output is lost from here on: file too large|stdout F after"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
