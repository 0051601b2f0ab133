package sandbox

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// FuzzInterpreter: the file is untrusted, and what is read of it is printed.
func FuzzInterpreter(f *testing.F) {
	if sh, err := os.ReadFile("/bin/sh"); err == nil {
		f.Add(sh[:min(len(sh), 4096)])
	}
	f.Add([]byte("#!/bin/sh -e\n"))
	f.Add([]byte("#!"))
	f.Add([]byte("\x7fELF\x02\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		name := interpreter(bytes.NewReader(b))
		if strings.ContainsAny(name, "\x1b\n\r") {
			t.Errorf("%q would reach the terminal", name)
		}
	})
}

// FuzzLookUp: a root's password and group files are whatever its maker wrote.
func FuzzLookUp(f *testing.F) {
	f.Add("app", "root:x:0:0::/root:/bin/sh\napp:x:33:33::/app:/bin/sh\n", "app:x:33:\nextra:x:44:app\n")
	f.Add("0:0", "", "")
	f.Add("1:games", "x", "games:x:60:")
	f.Add("4294967296", "", "")
	f.Fuzz(func(t *testing.T, name, passwd, group string) {
		a, err := lookUp(name, strings.NewReader(passwd), strings.NewReader(group))
		if err == nil && (a.UID == 1<<32-1 || a.GID == 1<<32-1) {
			t.Errorf("the invalid id passed: %v", a)
		}
	})
}

func TestInterpreter(t *testing.T) {
	sh, err := os.Open("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	defer sh.Close()
	for text, want := range map[string]string{
		"#!/bin/sh -e\n": "/bin/sh", "#! /usr/bin/env python\n": "/usr/bin/env", "plain": "", "#!\n": "", "": "",
	} {
		if got := interpreter(strings.NewReader(text)); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if f, err := os.Open("/bin/sh"); err == nil {
		defer f.Close()
		if got := interpreter(f); !strings.HasPrefix(got, "/") {
			t.Errorf("/bin/sh: got %q", got)
		}
	}
}
