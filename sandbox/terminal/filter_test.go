package terminal

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// filtered is what comes of text that is written in one piece.
func filtered(text string) string {
	var out bytes.Buffer
	if n, err := New(&out).Write([]byte(text)); n != len(text) || err != nil {
		panic(err)
	}
	return out.String()
}

func TestPasses(t *testing.T) {
	for _, text := range whole {
		var out bytes.Buffer
		f := New(&out)
		if _, err := f.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if out.String() != text || f.Dropped() != nil {
			t.Errorf("%q: got %q, dropped %v", text, &out, f.Dropped())
		}
	}
}

func TestDrops(t *testing.T) {
	for _, c := range dropped {
		var out bytes.Buffer
		f := New(&out)
		if _, err := f.Write([]byte(c.text)); err != nil {
			t.Fatal(err)
		}
		name := c.text[:min(len(c.text), 60)]
		if out.String() != c.left {
			t.Errorf("%q: got %q, want %q", name, &out, c.left)
		}
		got := f.Dropped()
		if c.kind == nothing && got != nil || c.kind != nothing && (len(got) != 1 || got[0].Kind != c.kind) {
			t.Errorf("%q: dropped %v, want %v", name, got, c.kind)
		}
	}
}

// TestSplits: what passes does not depend on how the output is cut.
func TestSplits(t *testing.T) {
	texts := append([]string{}, whole...)
	for _, c := range dropped {
		texts = append(texts, c.text, "before "+c.text+" after\x1b[1mé")
	}
	for _, text := range texts {
		if len(text) > 200 {
			continue
		}
		want := filtered(text)
		for i := range len(text) + 1 {
			var out bytes.Buffer
			f := New(&out)
			for _, part := range []string{text[:i], text[i:]} {
				if _, err := io.WriteString(f, part); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != want {
				t.Errorf("%q cut at %d: got %q, want %q", text, i, &out, want)
			}
		}
		if got := bytewise(text); got != want {
			t.Errorf("%q byte by byte: got %q, want %q", text, got, want)
		}
		if again := filtered(want); again != want {
			t.Errorf("%q: filtered again it becomes %q", want, again)
		}
	}
}

func bytewise(text string) string {
	var out bytes.Buffer
	f := New(&out)
	for i := range len(text) {
		if _, err := f.Write([]byte{text[i]}); err != nil {
			panic(err)
		}
	}
	return out.String()
}

func TestCounts(t *testing.T) {
	f := New(io.Discard)
	_, err := io.WriteString(f, "\x1b]52;c;x\a\x1b]0;t\a\x1b]52;c;?\x1b\\\x1b[6n")
	if diff := cmp.Diff([]Drop{{Clipboard, 2}, {Title, 1}, {Query, 1}}, f.Dropped()); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	names := map[string]bool{}
	for k := range kinds {
		names[Kind(k).String()] = true
	}
	if len(names) != kinds {
		t.Errorf("two kinds have one name: %v", names)
	}
}

// TestAnswers: only to what tells nothing, and never to the terminal.
func TestAnswers(t *testing.T) {
	var out bytes.Buffer
	var answers []string
	f := New(&out)
	f.Answer = func(s string) { answers = append(answers, s) }
	if _, err := io.WriteString(f, "\x1b[c\x1b[0c\x1b[>c\x1b[5n\x1b[6n\x1b[21t\x1b[1c\x05\x1bZ\x1b]52;c;?\a"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"\x1b[?1;2c", "\x1b[?1;2c", "\x1b[0n"}, answers); diff != "" || out.Len() > 0 {
		t.Errorf("wrote %q (-want +got):\n%s", &out, diff)
	}
}

// counter counts the writes that reach it, and fails once it is told to.
type counter struct {
	bytes.Buffer
	writes int
	take   int
	err    error
}

func (c *counter) Write(p []byte) (int, error) {
	c.writes++
	if c.err != nil {
		return c.take, c.err
	}
	return c.Buffer.Write(p)
}

// TestOneWrite: a screen that is drawn in one write must not flicker, and no
// text waits for more.
func TestOneWrite(t *testing.T) {
	for text, want := range map[string]int{
		"plain": 1, "": 0, "\x1b]0;t\a": 0, "a\x1b[31mb\x1b]0;t\ac\xe9\x1b[": 1, "a\xe2": 1, "\xe2": 0,
	} {
		var c counter
		f := New(&c)
		if n, err := io.WriteString(f, text); n != len(text) || err != nil || c.writes != want {
			t.Errorf("%q: %d writes, want %d; %d, %v", text, c.writes, want, n, err)
		}
	}
}

func TestErrors(t *testing.T) {
	c := counter{err: io.ErrClosedPipe}
	if n, err := io.WriteString(New(&c), "text"); n != 0 || !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %d, %v", n, err)
	}
}

func TestAllocatesNothing(t *testing.T) {
	f := New(io.Discard)
	sample := []byte(strings.Join(whole, "") + "\x1b]52;c;x\a\xe9\x1b[31")
	if _, err := f.Write(sample); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = f.Write(sample) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestCooked: where the terminal is not raw a program cannot have Ctrl-C sent as a sequence.
func TestCooked(t *testing.T) {
	const asks = "\x1b[>31ua\x1b[=5ub\x1b[>4;2mc"
	var cooked, raw strings.Builder
	if _, err := NewCooked(&cooked).Write([]byte(asks)); err != nil || cooked.String() != "abc" {
		t.Errorf("%q, %v", cooked.String(), err)
	}
	if _, err := New(&raw).Write([]byte(asks)); err != nil || raw.String() != asks {
		t.Errorf("%q, %v", raw.String(), err)
	}
}
