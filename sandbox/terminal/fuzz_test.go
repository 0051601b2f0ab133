package terminal

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzFilter: whatever a program writes, and however it is cut, only what is
// allowed comes out, and the terminal is as before when it ends.
func FuzzFilter(f *testing.F) {
	for _, text := range whole {
		f.Add([]byte(text), uint(1))
	}
	for _, c := range dropped {
		f.Add([]byte(c.text[:min(len(c.text), 400)]), uint(2))
	}
	for _, text := range samples {
		f.Add([]byte(text), uint(7))
	}
	f.Fuzz(func(t *testing.T, b []byte, cut uint) { hold(t, b, int(cut%64)) })
}

// hold checks what holds of all output.
func hold(t *testing.T, b []byte, cut int) {
	var out bytes.Buffer
	f := New(&out)
	if n, err := f.Write(b); n != len(b) || err != nil {
		t.Fatal(n, err)
	}
	shown := out.String()
	tokens, err := allowed(shown)
	if err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	if again := filtered(shown); again != shown {
		t.Errorf("%q becomes %q and then %q", b, shown, again)
	}

	m := newModel()
	m.show(tokens)
	restore := string(f.Restore())
	if tokens, err = allowed(restore); err != nil {
		t.Fatalf("%q is restored by %q: %v", b, restore, err)
	}
	m.show(tokens)
	if diff := m.changed(); diff != "" {
		t.Errorf("%q, shown as %q, restored by %q leaves (-want +got):\n%s", b, shown, restore, diff)
	}

	out.Reset()
	f = New(&out)
	for rest := b; len(rest) > 0; {
		n := min(cut+1, len(rest))
		if _, err := f.Write(rest[:n]); err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
	}
	if out.String() != shown || string(f.Restore()) != restore {
		t.Errorf("%q in pieces of %d: got %q, want %q", b, cut+1, &out, shown)
	}
}

// TestMixtures puts parts of what is known together, which reaches further in
// a second than bytes at random.
func TestMixtures(t *testing.T) {
	parts := append([]string{"\x1b[", "\x1b", ";", "?", "1", "h", "\x18", "\xe2", "\x9b", "\a", "\x1b\\", ":", "\x1b]", " "}, whole...)
	for _, c := range dropped {
		parts = append(parts, c.text)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var b strings.Builder
		for range random.IntN(20) {
			part := parts[random.IntN(len(parts))]
			b.WriteString(part[:min(len(part), 300)])
		}
		hold(t, []byte(b.String()), random.IntN(20))
		if t.Failed() {
			return
		}
	}
}
