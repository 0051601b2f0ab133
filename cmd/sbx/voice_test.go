package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestVoice says lines to a file that takes them, that waits, and that takes none.
func TestVoice(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	v := &voice{file: w}
	v.share()
	if _, err := unix.FcntlInt(w.Fd(), unix.F_SETPIPE_SZ, 4096); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetNonblock(int(w.Fd()), true); err != nil { // as the command may
		t.Fatal(err)
	}
	var want strings.Builder
	for i := range 3 {
		line := fmt.Sprintf("%d%s\n", i, strings.Repeat(".", 3000))
		fmt.Fprint(v, line) // which waits for nothing
		want.WriteString(line)
	}
	got := make([]byte, want.Len())
	for n := 0; n < len(got); {
		some, err := unix.Read(int(r.Fd()), got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += some
	}
	if unsaid := v.settle(); unsaid != nil || string(got) != want.String() {
		t.Errorf("unsaid %.20q, said %.20q", unsaid, got)
	}
	r.Close()
	fmt.Fprint(v, "first\n")
	fmt.Fprint(v, "second\n")
	if unsaid := v.settle(); strings.Join(unsaid, "") != "first\nsecond\n" {
		t.Errorf("nobody reads: unsaid %q", unsaid)
	}
	if unsaid := v.settle(); unsaid != nil {
		t.Errorf("unsaid again %q", unsaid)
	}
}
