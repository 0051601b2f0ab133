package userns

import (
	"bytes"
	"debug/elf"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestInitImage: what PID 1 becomes is one small segment that nobody can write.
func TestInitImage(t *testing.T) {
	image := initImage()
	f, err := elf.NewFile(bytes.NewReader(image))
	if err != nil {
		t.Fatal(err)
	}
	if len(image) > 2048 || f.Type != elf.ET_EXEC || f.Entry != initBase+initText || len(f.Progs) != 2 {
		t.Errorf("%d bytes, type %v, entry %#x, %d segments", len(image), f.Type, f.Entry, len(f.Progs))
	}
	if p := f.Progs[0]; p.Type != elf.PT_LOAD || p.Flags != elf.PF_R|elf.PF_X || p.Filesz != uint64(len(image)) {
		t.Errorf("the segment is %+v", p.ProgHeader)
	}
	if p := f.Progs[1]; p.Type != elf.PT_GNU_STACK || p.Flags&elf.PF_X != 0 {
		t.Errorf("the stack is %+v", p.ProgHeader)
	}
	if n := initRules + 8*len(initCalls()); n > initText {
		t.Errorf("the filter ends at %#x", n)
	}
}

// TestInitIsApart: it has nothing of the supervisor's memory, descriptors and
// arguments, its memory is closed, and it is confined.
func TestInitIsApart(t *testing.T) {
	needNamespaces(t)
	p, err := pid1("sleep 10").Start(Input{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = p.Kill(), p }()
	read := func(file string) string {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/" + file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	status := read("status")
	for _, want := range []string{"Name:\t" + initName, "NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000"} {
		if !strings.Contains(status, want) {
			t.Errorf("no %q in\n%s", want, status)
		}
	}
	for line := range strings.Lines(status) {
		if size, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if kb, err := strconv.Atoi(strings.Fields(size)[0]); err != nil || kb > 256 {
				t.Errorf("it has %d kB of memory, %v", kb, err)
			}
		}
	}
	if got := read("cmdline"); got != initName+"\x00" {
		t.Errorf("its arguments are %q", got)
	}
	if _, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID()) + "/environ"); err == nil && os.Getuid() != 0 {
		t.Error("its memory is open")
	}
}
