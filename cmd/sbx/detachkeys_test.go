package main

import "testing"

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
