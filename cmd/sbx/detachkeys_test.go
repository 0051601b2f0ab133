package main

import (
	"strings"
	"testing"
)

func TestDetachKeys(t *testing.T) {
	for _, c := range []struct {
		keys    string
		typed   []string
		through string
		detach  bool
	}{
		{"ctrl-p,ctrl-q", []string{"ab\x10\x11cd"}, "ab", true},
		{"ctrl-p,ctrl-q", []string{"ab\x10", "\x11"}, "ab", true},
		{"ctrl-p,ctrl-q", []string{"ab\x10", "c\x10", "\x10", "d"}, "ab\x10c\x10\x10d", false},
		{"ctrl-p,ctrl-q", []string{"\x10", "\x10\x11"}, "\x10", true},
		{"ctrl-p,ctrl-q", []string{"\x11\x11"}, "\x11\x11", false},
		{"a,a,b", []string{"a", "a", "a", "b"}, "a", true},
		{"ctrl-@,x", []string{"\x00", "x"}, "", true},
		{"CTRL-A,D", []string{"\x01d", "\x01D"}, "\x01d", true},
		{"", []string{"\x10\x11"}, "\x10\x11", false},
		// As the kitty keyboard protocol sends them, and modifyOtherKeys of xterm.
		{"ctrl-p,ctrl-q", []string{"a\x1b[112;5u\x1b[113;5u"}, "a", true},
		{"ctrl-p,ctrl-q", []string{"a\x1b[27;5;112~\x1b[27;5;113~"}, "a", true},
		{"ctrl-p,ctrl-q", []string{"\x1b[112;5u", "\x11"}, "", true},
		{"ctrl-p,ctrl-q", []string{"\x1b[112;69u\x1b[113;197u"}, "", true}, // caps lock, num lock too
		{"ctrl-p,ctrl-q", []string{"\x1b[57442;5u\x1b[112;5:1u\x1b[112;5:3u\x1b[57442;1:3u\x1b[57442;5u\x1b[113;5u"}, "\x1b[57442;5u", true},
		{"ctrl-p,ctrl-q", []string{"\x1b[1079::112;5u\x1b[1081::113;5u"}, "", true}, // a Cyrillic keyboard
		{"ctrl-p,ctrl-q", []string{"\x1b[112;5u\x1b[112;5:3u\x1b[97u"}, "\x1b[112;5u\x1b[112;5:3u\x1b[97u", false},
		{"ctrl-p,ctrl-q", []string{"\x1b[112;7u\x1b[113;5u"}, "\x1b[112;7u\x1b[113;5u", false}, // with Alt
		{"ctrl-p,ctrl-q", []string{"\x1b[1;5A\x1b[<0;1;1M\x1b[99999999999999999999u"}, "\x1b[1;5A\x1b[<0;1;1M\x1b[99999999999999999999u", false},
		{"ctrl-p,ctrl-q", []string{"\x1b", "x", "\x1b"}, "\x1bx\x1b", false},
		{"ctrl-p,ctrl-q", []string{"\x10", "\x1b", "x"}, "\x10\x1bx", false},
		{"a,D", []string{"\x1b[97u\x1b[100:68;2u"}, "", true},
	} {
		d, err := parseDetachKeys(c.keys)
		if err != nil {
			t.Fatal(err)
		}
		through, detach := "", false
		for _, typed := range c.typed {
			var b []byte
			b, detach = d.typed([]byte(typed))
			through += string(b)
		}
		if through != c.through || detach != c.detach {
			t.Errorf("%s, typed %q: %q, %v", c.keys, c.typed, through, detach)
		}
	}
	// Wherever a read ends, what was not the keys goes on whole.
	for _, typed := range []string{"a\x1b[112;5u\x1b[112;5:3u\x1b[113;5u", "x\x1b[A\x1bOP\x1b[27;5;112~\x11", "\x1b[112;5u\x1b[Bq\x10\x10z\x1b"} {
		whole, _ := parseDetachKeys("ctrl-p,ctrl-q")
		want, detach := whole.typed([]byte(typed))
		for i := range typed {
			d, _ := parseDetachKeys("ctrl-p,ctrl-q")
			first, _ := d.typed([]byte(typed[:i]))
			second, got := d.typed([]byte(typed[i:]))
			through := strings.TrimSuffix(string(first)+string(second), "\x1b")
			if got != detach || through != strings.TrimSuffix(string(want), "\x1b") {
				t.Errorf("%q in two at %d: %q, %v, want %q, %v", typed, i, through, got, want, detach)
			}
		}
	}
	for _, keys := range []string{",", "ctrl-", "ctrl-1", "ab", "a,,b", "\x10", "meta-x"} {
		if _, err := parseDetachKeys(keys); err == nil {
			t.Errorf("%q are keys", keys)
		}
	}
}

func TestLogMax(t *testing.T) {
	for text, want := range map[string]int64{"": 10 << 20, "none": 0, "64k": 64 << 10, "65536": 64 << 10, "3M": 3 << 20, "2g": 2 << 30} {
		if got, err := parseLogMax(text); got != want || err != nil {
			t.Errorf("%s is %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"0", "-1m", "1k", "k", "m1", "1t", "99999999999g", "None"} {
		if n, err := parseLogMax(text); err == nil {
			t.Errorf("%s is %d", text, n)
		}
	}
}
