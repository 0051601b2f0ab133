package journal

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// begin begins a log whose clock goes on by a second with each look at it.
func begin(t testing.TB, max int64) *Journal {
	t.Helper()
	j, err := Create(t.TempDir(), max)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	j.now = func() time.Time { at = at.Add(time.Second); return at }
	t.Cleanup(func() { j.Close() })
	return j
}

func write(t testing.TB, s *Stream, text string) {
	t.Helper()
	if n, err := s.Write([]byte(text)); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %d: %v", n, len(text), err)
	}
}

// read gives what is in a log, a string for each record.
func read(t testing.TB, dir string, o Options) (lines []string) {
	t.Helper()
	r, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		rec, err := r.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		tag := "F"
		if rec.Partial {
			tag = "P"
		}
		lines = append(lines, rec.Stream+" "+tag+" "+string(rec.Text))
	}
}

var all = Options{Tail: -1}

func TestForm(t *testing.T) {
	j := begin(t, DefaultMax)
	write(t, j.Stream(Stdout), "one\ntwo\n")
	write(t, j.Stream(Stderr), "\x00\x1b[31m\xff\n")
	write(t, j.Stream(Sbx), "said\n")
	write(t, j.Stream(Stdout), "no end")
	j.Close()
	got, err := os.ReadFile(path(j.dir, 1))
	if err != nil {
		t.Fatal(err)
	}
	want := "2026-01-02T03:04:06.000000006Z stdout F one\n2026-01-02T03:04:06.000000006Z stdout F two\n" +
		"2026-01-02T03:04:07.000000006Z stderr F \x00\x1b[31m\xff\n2026-01-02T03:04:08.000000006Z sbx F said\n" +
		"2026-01-02T03:04:10.000000006Z stdout P no end\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func TestParts(t *testing.T) {
	j := begin(t, DefaultMax)
	out, errs := j.Stream(Stdout), j.Stream(Stderr)
	long := strings.Repeat("x", maxText)
	write(t, out, "pass")
	write(t, errs, "between\n")
	write(t, out, "word: ")
	out.Flush()
	write(t, out, "secret\n\n")
	write(t, out, long+"\n"+long+"y\n")
	write(t, out, long[1:])
	write(t, out, "ab\n")
	write(t, out, long+long+"z")
	out.Flush()
	want := []string{"stderr F between", "stdout P password: ", "stdout F secret", "stdout F ", "stdout F " + long, "stdout P " + long, "stdout F y",
		"stdout P " + long[1:] + "a", "stdout F b", "stdout P " + long, "stdout P " + long, "stdout P z"}
	if diff := cmp.Diff(want, read(t, j.dir, all)); diff != "" {
		t.Error(diff)
	}
}

// TestPrompt: a line without an end is there soon.
func TestPrompt(t *testing.T) {
	j := begin(t, DefaultMax)
	write(t, j.Stream(Stdout), "Name: ")
	for limit := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if got := read(t, j.dir, all); len(got) > 0 {
			if got[0] != "stdout P Name: " {
				t.Errorf("got %q", got)
			}
			return
		}
		if time.Now().After(limit) {
			t.Fatal("the beginning of a line is not written")
		}
	}
}

// TestRotation: the newest stay, within the bound, and no record is torn.
func TestRotation(t *testing.T) {
	j := begin(t, MinMax)
	out := j.Stream(Stdout)
	for i := range 20000 {
		write(t, out, fmt.Sprintf("line %05d\n", i))
		if i%500 == 0 {
			size := int64(0)
			names, _ := filepath.Glob(j.dir + "/*")
			for _, name := range names {
				st, err := os.Stat(name)
				if err != nil {
					t.Fatal(err)
				}
				size += st.Size()
			}
			if size > MinMax || len(names) > 2 {
				t.Fatalf("after %d lines: %d bytes in %v", i, size, names)
			}
		}
	}
	got := read(t, j.dir, all)
	if len(got) < 500 {
		t.Fatalf("%d lines are left", len(got))
	}
	for i, line := range got {
		if want := fmt.Sprintf("stdout F line %05d", 20000-len(got)+i); line != want {
			t.Fatalf("line %d is %q, want %q", i, line, want)
		}
	}
}

func TestTail(t *testing.T) {
	j := begin(t, DefaultMax)
	out := j.Stream(Stdout)
	for i := range 10 {
		write(t, out, fmt.Sprintln(i))
	}
	write(t, out, "long ")
	out.Flush()
	write(t, out, "line\n")
	if got := read(t, j.dir, Options{Tail: 2}); !cmp.Equal(got, []string{"stdout F 9", "stdout P long ", "stdout F line"}) {
		t.Errorf("two lines: %q", got)
	}
	if got := read(t, j.dir, Options{Tail: 0}); got != nil {
		t.Errorf("no lines: %q", got)
	}
	if got := read(t, j.dir, Options{Tail: 1000}); len(got) != 12 {
		t.Errorf("more lines than there are: %q", got)
	}
	since := time.Date(2026, 1, 2, 3, 4, 5+9, 6, time.UTC)
	if got := read(t, j.dir, Options{Tail: -1, Since: since}); len(got) != 4 || got[0] != "stdout F 8" {
		t.Errorf("since %v: %q", since, got)
	}
	if got := read(t, j.dir, Options{Tail: 3, Since: since.Add(time.Second)}); len(got) != 3 || got[0] != "stdout F 9" {
		t.Errorf("three lines since later: %q", got)
	}
	write(t, out, "open")
	out.Flush()
	if got := read(t, j.dir, Options{Tail: 1}); !cmp.Equal(got, []string{"stdout P open"}) {
		t.Errorf("the open line: %q", got)
	}
}

// TestTailOfTwoFiles counts the lines of both.
func TestTailOfTwoFiles(t *testing.T) {
	j := begin(t, MinMax)
	out := j.Stream(Stdout)
	for i := 0; j.number < 3 || j.size > 1000; i++ {
		write(t, out, fmt.Sprintf("%d\n", i))
	}
	for i := range 3 {
		write(t, out, fmt.Sprintf("last %d\n", i))
	}
	got := read(t, j.dir, Options{Tail: 400})
	if len(got) != 400 || got[399] != "stdout F last 2" {
		t.Errorf("%d lines, the last %q", len(got), got[len(got)-1])
	}
}

// TestFollow: a reader that keeps up has all, over many files, and ends.
func TestFollow(t *testing.T) {
	j := begin(t, MinMax)
	out := j.Stream(Stdout)
	over := make(chan struct{})
	r, err := Open(j.dir, Options{Tail: -1, Follow: over})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	const lines = 5000
	step := make(chan struct{}, 300) // the writer is so many lines ahead at most, which is less than a file
	go func() {
		for i := range lines {
			step <- struct{}{}
			_, _ = fmt.Fprintf(out, "line %d\n", i)
		}
		j.Close()
		close(over)
	}()
	for i := range lines {
		rec, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("line %d", i); string(rec.Text) != want || rec.Stream != Stdout {
			t.Fatalf("%s %q, want %q", rec.Stream, rec.Text, want)
		}
		<-step
	}
	if rec, err := r.Next(); err != io.EOF {
		t.Errorf("at the end: %q, %v", rec.Text, err)
	}
	if j.number < 5 {
		t.Errorf("only %d files were begun", j.number)
	}
}

// TestOutpaced: a reader that does not keep up is told so.
func TestOutpaced(t *testing.T) {
	j := begin(t, MinMax)
	out := j.Stream(Stdout)
	write(t, out, "first\n")
	over := make(chan struct{})
	close(over)
	r, err := Open(j.dir, Options{Tail: -1, Follow: over})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if rec, err := r.Next(); err != nil || string(rec.Text) != "first" {
		t.Fatalf("%q, %v", rec.Text, err)
	}
	for j.number < 6 {
		write(t, out, "more\n")
	}
	told := 0
	for {
		rec, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if rec.Stream == Sbx {
			told++
			if string(rec.Text) != "files of the log that were gone before they were read: 3" {
				t.Errorf("said %q", rec.Text)
			}
		}
	}
	if told != 1 {
		t.Errorf("told %d times", told)
	}
}

// TestCrash: what a crash cut is shown where it is text, and nothing is made of the
// rest.
func TestCrash(t *testing.T) {
	const head = "2026-01-02T03:04:06.000000006Z stdout F "
	for name, c := range map[string]struct {
		file string
		want []string
	}{
		"text":        {head + "whole\n" + head + "cut", []string{"stdout F whole", "stdout P cut"}},
		"head":        {head + "whole\n" + head[:20], []string{"stdout F whole"}},
		"tag":         {head + "whole\n" + head, []string{"stdout F whole"}},
		"nothing":     {"", nil},
		"no log":      {"\x00\xff\n\n \n" + head + "found\nstdout F x\n", []string{"stdout F found"}},
		"no line":     {strings.Repeat("x", 3*maxRecord) + "\n" + head + "found\n", []string{"stdout F found"}},
		"long":        {head + strings.Repeat("x", maxText+1) + "\n" + head + "found\n", []string{"stdout F found"}},
		"other words": {strings.Replace(head, "stdout", "stdin", 1) + "x\n" + strings.Replace(head, "F", "X", 1) + "x\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(path(dir, 7), []byte(c.file), 0o600); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, read(t, dir, all)); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := Open(t.TempDir(), all); err != ErrNone {
		t.Errorf("without a log: %v", err)
	}
}

// TestWithoutEnd writes 100 MB without a newline: the memory stays what it is.
func TestWithoutEnd(t *testing.T) {
	j := begin(t, MinMax)
	out := j.Stream(Stdout)
	piece := bytes.Repeat([]byte("y"), 64<<10)
	for range 100 << 20 / len(piece) {
		_, _ = out.Write(piece)
	}
	j.Close()
	if cap(out.begun) > 2*maxText || cap(j.batch) > 4*flushed {
		t.Errorf("holds %d and %d bytes", cap(out.begun), cap(j.batch))
	}
	for _, line := range read(t, j.dir, all) {
		if strings.Trim(line, "y") != "stdout P " {
			t.Fatalf("a record begins %q", line[:20])
		}
	}
}

// FuzzScan has records found in whatever is there, and none made up.
func FuzzScan(f *testing.F) {
	f.Add([]byte("2026-01-02T03:04:06.000000006Z stdout F x\n2026-01-02T03:04:06Z stderr P \x00"), 3)
	f.Add([]byte(strings.Repeat("long", maxText)+"\n"), 4096)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		const good = "2026-01-02T03:04:06.000000006Z stderr F the last\n"
		whole := append(append(bytes.Clone(b), '\n'), good...)
		s := scanner{}
		s.reset(&pieces{whole, max(size&0xffff, 1)})
		last := ""
		for {
			rec, err := s.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(rec.Text) > maxText || bytes.ContainsRune(rec.Text, '\n') {
				t.Fatalf("a record of %d bytes", len(rec.Text))
			}
			if !bytes.Contains(whole, append(append([]byte(rec.Stream+" "), map[bool]byte{false: 'F', true: 'P'}[rec.Partial], ' '), rec.Text...)) {
				t.Fatalf("%q is not in there", rec.Text)
			}
			last = string(rec.Text)
		}
		if rec, ok := s.cut(); ok {
			t.Fatalf("%q is behind the end", rec.Text)
		}
		if last != "the last" {
			t.Fatalf("the last is %q", last)
		}
	})
}

// pieces is read in pieces.
type pieces struct {
	b    []byte
	size int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), p.size)], p.b)
	p.b = p.b[n:]
	return n, nil
}

// FuzzStreams has what was written to two streams come out of the log, byte for byte.
func FuzzStreams(f *testing.F) {
	f.Add([]byte("a\nb"), []byte("\n\nc\x00"), 2)
	f.Add(bytes.Repeat([]byte("x"), 3*maxText), []byte("\n"), 5000)
	f.Fuzz(func(t *testing.T, a, b []byte, size int) {
		j := begin(t, DefaultMax)
		want := map[string][]byte{Stdout: a, Stderr: b}
		out, errs := j.Stream(Stdout), j.Stream(Stderr)
		size = max(size&0xffff, 1)
		for len(a)+len(b) > 0 {
			n, m := min(size, len(a)), min(size, len(b))
			_, _ = out.Write(a[:n])
			_, _ = errs.Write(b[:m])
			a, b = a[n:], b[m:]
		}
		out.Flush()
		errs.Flush()
		j.Close()
		r, err := Open(j.dir, all)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		got := map[string][]byte{}
		for {
			rec, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got[rec.Stream] = append(got[rec.Stream], rec.Text...)
			if !rec.Partial {
				got[rec.Stream] = append(got[rec.Stream], '\n')
			}
		}
		for stream, want := range want {
			if len(want) < 5<<20 && !bytes.Equal(got[stream], want) {
				t.Fatalf("%s: %d bytes, want %d", stream, len(got[stream]), len(want))
			}
		}
	})
}

func BenchmarkWrite(b *testing.B) {
	for _, length := range []int{20, 80, 1000} {
		b.Run(fmt.Sprint(length), func(b *testing.B) {
			j, err := Create(b.TempDir(), DefaultMax)
			if err != nil {
				b.Fatal(err)
			}
			defer j.Close()
			out := j.Stream(Stdout)
			chunk := bytes.Repeat([]byte(strings.Repeat("x", length-1)+"\n"), 64<<10/length)
			b.SetBytes(int64(len(chunk)))
			for b.Loop() {
				_, _ = out.Write(chunk)
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	j, err := Create(b.TempDir(), DefaultMax)
	if err != nil {
		b.Fatal(err)
	}
	out := j.Stream(Stdout)
	for j.size < 4<<20 {
		fmt.Fprintln(out, strings.Repeat("x", 79))
	}
	b.SetBytes(j.size)
	for b.Loop() {
		read(b, j.dir, all)
	}
}
