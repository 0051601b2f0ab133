package hint

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// controls are what may not reach a terminal.
var controls = []string{
	"\x00", "\x07", "\x1b[2J", "\r", "\x7f", "\u0080", "\u009b31m", "\u009d0;x\u009c", "\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069", "\u2028", "\u2029",
	"\u200b", "\ufeff", "\U000e0001", "\x9b", "\xff\xfe", "\xc2", "\u00ad",
}

func harmful(s string) bool {
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if r != '\n' && (r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xad || r == 0x61c || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e ||
			r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r == 0xe0001 || r == utf8.RuneError && size == 1) {
			return true
		}
	}
	return false
}

func TestSafeText(t *testing.T) {
	for _, c := range controls {
		got := SafeText("a" + c + "b")
		if harmful(got) || !strings.HasPrefix(got, "a\\") || !strings.HasSuffix(got, "b") {
			t.Errorf("%q: %q", c, got)
		}
	}
	for _, s := range []string{"", "plain", `a "b" \c`, "Grüße 世界 🙂", "\ufffd"} {
		if got := SafeText(s); got != s {
			t.Errorf("%q: %q", s, got)
		}
	}
	if got := SafeText("one\ntwo \"q\" \\ \x1b"); got != `one\ntwo "q" \ \x1b` {
		t.Errorf("%q", got)
	}
}

func TestShort(t *testing.T) {
	for _, s := range []string{"", "/home/ada/p", strings.Repeat("x", shortLimit), strings.Repeat("é", shortLimit/2)} {
		if got := Short(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
	for _, unit := range []string{"d/", "é", "世", "🙂", "\x80", "\xff\xfe"} {
		s := "/first/" + strings.Repeat(unit, 13000) + "/last"
		got := Short(s)
		if len(got) > shortLimit+8 || !strings.HasPrefix(got, "/first/") || !strings.HasSuffix(got, "/last") || strings.Count(got, "…") != 1 || utf8.ValidString(got) != utf8.ValidString(s) {
			t.Errorf("%q: %q", unit, got)
		}
	}
}

func TestWriteJSON(t *testing.T) {
	for _, write := range []func(*strings.Builder, any) error{
		func(b *strings.Builder, v any) error { return WriteJSON(b, v) }, func(b *strings.Builder, v any) error { return WriteJSONLine(b, v) },
	} {
		for _, c := range append(controls, "plain <>&", "Grüße 世界 🙂") {
			in := map[string]any{"a" + c: []string{c + "b"}, "raw": json.RawMessage(`"` + strings.ToValidUTF8("x\u009by", "") + `"`)}
			var b strings.Builder
			if err := write(&b, in); err != nil {
				t.Fatal(err)
			}
			if harmful(b.String()) {
				t.Errorf("%q: %q", c, b.String())
			}
			var out map[string]any
			if err := json.Unmarshal([]byte(b.String()), &out); err != nil {
				t.Errorf("%q: %v", b.String(), err)
			}
			if want := strings.ToValidUTF8(c, "\ufffd"); utf8.ValidString(c) && out["a"+want].([]any)[0] != want+"b" {
				t.Errorf("%q reads %q", b.String(), out)
			}
		}
	}
	var b strings.Builder
	if err := WriteJSONLine(&b, "<a>"); err != nil || b.String() != "\"<a>\"\n" {
		t.Errorf("%q, %v", b.String(), err)
	}
}
