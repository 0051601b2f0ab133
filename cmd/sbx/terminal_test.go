package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A typist sits at a terminal, types, and reads what is shown.
type typist struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	shown  chan []byte
	unread []byte
}

// sit starts a command as leader of a session with a terminal of 24 rows of 80.
func sit(t *testing.T, name string, args ...string) *typist {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		skip(t, "no terminal: %v", err)
	}
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		skip(t, "no terminal: %v", err)
	}
	defer slave.Close()
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	y := &typist{t: t, master: os.NewFile(uintptr(fd), "master"), shown: make(chan []byte, 1000)}
	y.cmd = exec.Command(name, args...)
	y.cmd.Dir = project(t)
	y.cmd.Env = append(os.Environ(), "PS1=outer> ", "TERM=dumb", "PATH="+strings.TrimSuffix(tool(t, "sbx"), "/sbx")+":"+os.Getenv("PATH"))
	y.cmd.Stdin, y.cmd.Stdout, y.cmd.Stderr = slave, slave, slave
	y.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := y.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			b := make([]byte, 4096)
			n, err := y.master.Read(b)
			if err != nil {
				close(y.shown)
				return
			}
			y.shown <- b[:n]
		}
	}()
	t.Cleanup(func() {
		_ = y.cmd.Process.Kill() // it ended by itself
		_ = y.cmd.Wait()
		y.master.Close()
	})
	return y
}

func (y *typist) types(text string) {
	y.t.Helper()
	if _, err := y.master.WriteString(text); err != nil {
		y.t.Fatal(err)
	}
}

// sees waits for a text, and gives what was shown before it.
func (y *typist) sees(text string) string {
	y.t.Helper()
	limit := time.After(10 * time.Second)
	for {
		if i := bytes.Index(y.unread, []byte(text)); i >= 0 {
			before := string(y.unread[:i])
			y.unread = y.unread[i+len(text):]
			return before
		}
		select {
		case b, ok := <-y.shown:
			if !ok {
				y.t.Fatalf("the terminal closed before %q; shown: %q", text, y.unread)
			}
			y.unread = append(y.unread, b...)
		case <-limit:
			y.t.Fatalf("%q is not shown, but %q", text, y.unread)
		}
	}
}

// shell sits down at an interactive shell.
func shell(t *testing.T) *typist {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		skip(t, "%v", err)
	}
	needNamespaces(t)
	y := sit(t, "bash", "--norc", "--noprofile", "--noediting", "-i")
	y.sees("outer> ")
	return y
}

func TestTerminalIsItsOwn(t *testing.T) {
	y := shell(t)
	y.types("sbx run -- sh -c 'tty; stty size; ls -1 /dev/pts; echo done' ; tty\n")
	y.sees("/dev/pts/0\r\n24 80\r\n0\r\nptmx\r\ndone\r\n/dev/pts/")
	y.sees("outer> ")
	// The size follows.
	y.types("sbx run -- sh -c 'trap \"stty size; exit\" WINCH; echo ready; while :; do sleep 0.05; done'\n")
	y.sees("\r\nready")
	time.Sleep(50 * time.Millisecond)
	if err := unix.IoctlSetWinsize(int(y.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 33, Col: 101}); err != nil {
		t.Fatal(err)
	}
	y.sees("33 101")
}

func TestControlC(t *testing.T) {
	y := shell(t)
	y.types("sbx run -- sh -c 'echo ready; exec sleep 60'; echo code $?\n")
	y.sees("\r\nready")
	time.Sleep(50 * time.Millisecond)
	y.types("\x03")
	y.sees("code 130")
	y.sees("outer> ")
	y.types("stty -a | grep -o -e '-*icanon'\n")
	y.sees("'\r\nicanon")
}

// TestControlZ: the command stops, sbx with it, the shell has its terminal as it
// was, and fg goes on.
func TestControlZ(t *testing.T) {
	y := shell(t)
	y.types("sbx run -- sh -c 'echo ready; exec cat'\n")
	y.sees("\r\nready")
	time.Sleep(50 * time.Millisecond)
	y.types("one\n")
	y.sees("one\r\none\r\n")
	y.types("\x1a")
	y.sees("Stopped")
	y.sees("outer> ")
	y.types("stty -a | grep -o -e '-*icanon'\n")
	y.sees("'\r\nicanon")
	y.types("fg\n")
	y.sees("cat'\r\n")
	time.Sleep(50 * time.Millisecond)
	y.types("two\n")
	y.sees("two\r\ntwo\r\n")
	y.types("\x04")
	y.sees("outer> ")
}

// TestShellInside has job control of its own: what stops there is not sbx.
func TestShellInside(t *testing.T) {
	y := shell(t)
	y.types("PS1='inner> ' sbx run -e PS1 -- bash --norc --noprofile --noediting -i\n")
	y.sees("inner> ")
	y.types("sleep 60\n")
	time.Sleep(300 * time.Millisecond)
	y.types("\x1a")
	y.sees("Stopped")
	y.sees("inner> ")
	y.types("kill -9 %1; exit 5\n")
	y.types("exit 5\n")
	y.sees("outer> ")
	y.types("echo code $?\n")
	y.sees("code 5")
}

// TestControlZOfPipe: without a terminal of its own the command is stopped and
// continued along with sbx.
func TestControlZOfPipe(t *testing.T) {
	y := shell(t)
	y.types("sbx run -- sh -c 'echo ready; sleep 1; echo end' | cat\n")
	y.sees("\r\nready")
	time.Sleep(100 * time.Millisecond)
	y.types("\x1a")
	y.sees("Stopped")
	y.types("fg\n")
	y.sees("end\r\n")
	y.sees("outer> ")
}

// TestTerminalIsRestored when the command is killed (R26).
func TestTerminalIsRestored(t *testing.T) {
	y := shell(t)
	y.types("sbx run -- sh -c 'stty raw -echo; kill -9 $$'; echo code $?\n")
	y.sees("code 137")
	y.sees("outer> ")
	y.types("stty -a | grep -o -e '-*icanon' -e '-*echo '\n")
	y.sees("'\r\nicanon")
}

// TestTyping: a build cannot type into the caller's terminal, with a terminal of
// its own or with the caller's as standard input (CVE-2017-5226).
func TestTyping(t *testing.T) {
	y := shell(t)
	hostile := tool(t, "hostile")
	y.types("sbx run -v " + hostile + ":/tmp/h:ro -- /tmp/h tiocsti; echo; echo o''ne\n")
	y.sees("one\r\n")
	y.types("sbx run -v " + hostile + ":/tmp/h:ro -- /tmp/h tiocsti | cat; echo t''wo\n")
	y.sees("TIOCSTI: operation not permitted")
	y.sees("two\r\n")
	y.types("sleep 0.2; echo thr''ee\n")
	before := y.sees("three\r\n")
	if strings.Contains(before, "INJECTED") {
		t.Errorf("typed into the caller's terminal: %q", before)
	}
}

// TestColoursAndBytes: what the command prints is what is shown.
func TestColoursAndBytes(t *testing.T) {
	y := shell(t)
	y.types("sbx run -- printf '\\033[31mred\\033[0m\\n'\n")
	y.sees("\x1b[31mred\x1b[0m\r\n")
}
