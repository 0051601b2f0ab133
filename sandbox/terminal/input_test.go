package terminal

import (
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pair opens a terminal's two sides.
func pair(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil && os.Getenv("SBX_MUST_WORK") != "1" {
		t.Skip("no terminal: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close() })
	var n int
	conn, err := master.SyscallConn()
	if err == nil {
		err = conn.Control(func(fd uintptr) {
			if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
				n, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
			}
		})
	}
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { slave.Close() })
	return master, slave
}

// TestInput: it reads what is typed, and ends when the terminal is hung up.
func TestInput(t *testing.T) {
	master, slave := pair(t)
	if _, err := master.WriteString("one\n"); err != nil {
		t.Fatal(err)
	}
	in, b := &Input{File: slave}, make([]byte, 10)
	if n, err := in.Read(b); err != nil || string(b[:n]) != "one\n" {
		t.Errorf("%q, %v", b[:n], err)
	}
	master.Close()
	if n, err := in.Read(b); n != 0 || err != io.EOF {
		t.Errorf("of a terminal that was hung up: %d, %v", n, err)
	}
}

// TestTypeEnd: the end is there for each read behind the last line, and a line that is
// unfinished is finished for a program that edits it.
func TestTypeEnd(t *testing.T) {
	master, slave := pair(t)
	if _, err := master.WriteString("one\ntwo"); err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() { TypeEnd(master, true); close(over) }()
	read := func() string {
		b := make([]byte, 10)
		n, err := unix.Read(int(slave.Fd()), b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	for _, want := range []string{"one\n", "two", "", "", ""} {
		if got := read(); got != want {
			t.Errorf("read %q, want %q", got, want)
		}
	}
	modes, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	modes.Lflag &^= unix.ICANON
	modes.Iflag &^= unix.ICRNL
	if err := unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, modes); err != nil {
		t.Fatal(err)
	}
	seen := ""
	for len(seen) < 20 && (len(seen) < 2 || seen[len(seen)-1] != endOfFile) {
		seen += read()
	}
	if cr := seen[len(seen)-2:]; cr != "\r\x04" {
		t.Errorf("a program that edits lines read %q", seen)
	}
	master.Close()
	select {
	case <-over:
	case <-time.After(10 * time.Second):
		t.Error("it types on at a terminal that is no more")
	}
}
