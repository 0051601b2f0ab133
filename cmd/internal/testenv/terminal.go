package testenv

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

// A Typist sits at a terminal, types, and reads what is shown.
type Typist struct {
	t      *testing.T
	master *os.File
	cmd    *exec.Cmd
	shown  chan []byte
	unread []byte
}

// Sit starts a command as leader of a session with a terminal of 24 rows of 80.
func Sit(t *testing.T, name string, args ...string) *Typist {
	t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		Skip(t, "no terminal: %v", err)
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
		Skip(t, "no terminal: %v", err)
	}
	defer slave.Close()
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	y := &Typist{t: t, master: os.NewFile(uintptr(fd), "master"), shown: make(chan []byte, 1000)}
	y.cmd = exec.Command(name, args...)
	y.cmd.Dir = Project(t)
	y.cmd.Env = append(os.Environ(), "PS1=outer> ", "TERM=dumb", "PATH="+strings.TrimSuffix(Tool(t, "sbx"), "/sbx")+":"+os.Getenv("PATH"))
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

// Dir is the command's directory.
func (y *Typist) Dir() string { return y.cmd.Dir }

// Types types.
func (y *Typist) Types(text string) {
	y.t.Helper()
	if _, err := y.master.WriteString(text); err != nil {
		y.t.Fatal(err)
	}
}

// Patience is how long a busy machine may take for what takes no time on another.
const Patience = 30 * time.Second

// Sees waits for a text, and gives what was shown before it.
func (y *Typist) Sees(text string) string {
	y.t.Helper()
	limit := time.After(Patience)
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

// Shell sits down at an interactive shell.
func Shell(t *testing.T) *Typist {
	t.Helper()
	if _, err := exec.LookPath("bash"); err != nil {
		Skip(t, "%v", err)
	}
	NeedNamespaces(t)
	y := Sit(t, "bash", "--norc", "--noprofile", "--noediting", "-i")
	y.Sees("outer> ")
	return y
}

// Resizes gives the terminal another size.
func (y *Typist) Resizes(rows, columns uint16) {
	y.t.Helper()
	if err := unix.IoctlSetWinsize(int(y.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
		y.t.Fatal(err)
	}
}
