package terminal

import (
	"bytes"
	"io"
	"testing"
)

func TestRestore(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"plain\x1b[31":                     "",
		"\x1b[31mred\x1b[0m":               "",
		"\x1b[?25l\x1b[?25h":               "",
		"\x1b]0;title\a\x1b[?2l":           "",
		"\x1b[2J\x1b[H\x1b7\x1b8":          "",
		"\x1b[?1048h\x1b[s\x1b[u":          "",
		"\x1b[31m":                         "\x1b[m",
		"\x1b[38;5;0m":                     "\x1b[m",
		"\x1b[?1049h":                      "\x1b[?1049l",
		"\x1b[?47h\x1b[?1049h":             "\x1b[?47l",
		"\x1b[?1047h":                      "\x1b[?1047l",
		"\x1b[?1049h\x1b[?47l":             "",
		"\x1b[?25l":                        "\x1b[?25h",
		"\x1b[?1h\x1b=":                    "\x1b[?1l\x1b>",
		"\x1b[?2004h":                      "\x1b[?2004l",
		"\x1b[?1006;1003;1000h":            "\x1b[?1000l\x1b[?1003l\x1b[?1006l",
		"\x1b[?9h\x1b[?1015h\x1b[?1016h":   "\x1b[?9l\x1b[?1015l\x1b[?1016l",
		"\x1b[?1002h\x1b[?1005h":           "\x1b[?1002l\x1b[?1005l",
		"\x1b[?1004h":                      "\x1b[?1004l",
		"\x1b[?7l":                         "\x1b[?7h",
		"\x1b[?5h\x1b[?12h":                "\x1b[?5l\x1b[?12l",
		"\x1b[2;10r":                       "\x1b7\x1b[r\x1b8",
		"\x1b[;10r":                        "\x1b7\x1b[r\x1b8",
		"\x1b[2;10r\x1b[r":                 "",
		"\x1b[?6h":                         "\x1b[?6l\x1b[9999;1H",
		"\x1b[2;10r\x1b[?6h":               "\x1b[?6l\x1b[r\x1b[9999;1H",
		"\x1b[4h":                          "\x1b[4l",
		"\x0e":                             "\x0f",
		"\x1b(0\x1b)0\x0e":                 "\x0f\x1b(B\x1b)B",
		"\x1b(0\x1b(B":                     "",
		"\x1b[?2026h":                      "\x1b[?2026l",
		"\x1b[>1u\x1b[>3u\x1b[<u":          "\x1b[<1u",
		"\x1b[>1u\x1b[?1049h\x1b[>1u":      "\x1b[<1u\x1b[?1049l\x1b[<1u",
		"\x1b[=1u":                         "\x1b[<1u",
		"\x1b[>4;2m":                       "\x1b[>4m",
		"\x1b[>4;2m\x1b[>4m":               "",
		"\x1b[3 q":                         "\x1b[0 q",
		"\x1b[3 q\x1b[ q":                  "",
		"\x1b[!p":                          "\x1b[?7h",
		"\x1bc":                            "\x1b[?7h",
		"\x1b[31m\x1b7\x1b[m\x1b8":         "\x1b[m",            // the place had the colour
		"\x1b(0\x1b[?1049h\x1b(B":          "\x1b[?1049l\x1b(B", // and so has the main screen
		"\x1b[?1049h\x1b[?25l\x1b[31m\x1b": "\x1b[?1049l\x1b[?25h\x1b[m",
	} {
		f := New(io.Discard)
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
		got := string(f.Restore())
		if got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if passed := filtered(text + "\x18" + got); len(passed) < len(got) || passed[len(passed)-len(got):] != got {
			t.Errorf("%q: what restores it would not pass: %q", text, got)
		}
		if again := f.Restore(); len(again) > 0 {
			t.Errorf("%q: again %q", text, again)
		}
	}
}

// TestRestoreAfterShortWrite: the terminal took a part of a sequence.
func TestRestoreAfterShortWrite(t *testing.T) {
	c := counter{take: 3, err: io.ErrShortWrite}
	f := New(&c)
	if _, err := io.WriteString(f, "\x1b[?25l"); err == nil {
		t.Fatal("no error")
	}
	if got, want := string(f.Restore()), "\x18\x1b[?25h"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRestoreWhileWriting is for the race detector: a run may end while there
// is output still.
func TestRestoreWhileWriting(t *testing.T) {
	var out bytes.Buffer
	f := New(&out)
	done := make(chan bool)
	go func() {
		defer close(done)
		for range 1000 {
			_, _ = io.WriteString(f, "\x1b[?25lx\x1b]0;t\a")
		}
	}()
	for range 100 {
		f.Restore()
		f.Dropped()
	}
	<-done
	if got := string(f.Restore()); got != "\x1b[?25h" && got != "" {
		t.Errorf("got %q", got)
	}
}
