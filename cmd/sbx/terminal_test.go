package main

import (
	"strings"
	"testing"
	"time"
)

// firstMoments are what passes, on a busy machine too, between a command's first line and the
// moment from which signals and sizes are the command's: the first 10 ms are sbx's own, see
// session.go.
const firstMoments = 500 * time.Millisecond

func TestTerminalIsItsOwn(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -- sh -c 'tty; stty size; ls -1 /dev/pts; echo done' ; tty\n")
	y.Sees("/dev/pts/0\r\n24 80\r\n0\r\nptmx\r\ndone\r\n/dev/pts/")
	y.Sees("outer> ")
	// The size follows.
	y.Types("sbx run -- sh -c 'trap \"stty size; exit\" WINCH; echo ready; while :; do sleep 0.05; done'\n")
	y.Sees("\r\nready")
	time.Sleep(firstMoments)
	y.Resizes(33, 101)
	y.Sees("33 101")
}

func TestControlC(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -- sh -c 'echo ready; exec sleep 60'; echo code $?\n")
	y.Sees("\r\nready")
	time.Sleep(firstMoments)
	y.Types("\x03")
	y.Sees("code 130")
	y.Sees("outer> ")
	y.Types("stty -a | grep -o -e '-*icanon'\n")
	y.Sees("'\r\nicanon")
}

// TestControlZ: the command stops, sbx with it, the shell has its terminal as it
// was, and fg goes on.
func TestControlZ(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -- sh -c 'echo ready; exec cat'\n")
	y.Sees("\r\nready")
	time.Sleep(firstMoments)
	y.Types("one\n")
	y.Sees("one\r\none\r\n")
	y.Types("\x1a")
	y.Sees("Stopped")
	y.Sees("outer> ")
	y.Types("stty -a | grep -o -e '-*icanon'\n")
	y.Sees("'\r\nicanon")
	y.Types("fg\n")
	y.Sees("cat'\r\n")
	time.Sleep(firstMoments)
	y.Types("two\n")
	y.Sees("two\r\ntwo\r\n")
	y.Types("\x04")
	y.Sees("outer> ")
}

// TestShellInside has job control of its own: what stops there is not sbx.
func TestShellInside(t *testing.T) {
	y := shell(t)
	y.Types("PS1='inner> ' sbx run -e PS1 -- bash --norc --noprofile --noediting -i\n")
	y.Sees("inner> ")
	y.Types("sh -c 'echo re''ady; exec sleep 60'\n")
	y.Sees("ready\r\n")
	y.Types("\x1a")
	y.Sees("Stopped")
	y.Sees("inner> ")
	y.Types("kill -9 %1; exit 5\n")
	y.Types("exit 5\n")
	y.Sees("outer> ")
	y.Types("echo code $?\n")
	y.Sees("code 5")
}

// TestControlZOfPipe: without a terminal of its own the command is stopped and
// continued along with sbx.
func TestControlZOfPipe(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -- sh -c 'echo ready; until test -e go; do sleep 0.1; done; echo end' | cat\n")
	y.Sees("\r\nready")
	time.Sleep(firstMoments)
	y.Types("\x1a")
	y.Sees("Stopped")
	y.Types("touch go; fg\n")
	y.Sees("end\r\n")
	y.Sees("outer> ")
}

// TestTerminalIsRestored when the command is killed (R26).
func TestTerminalIsRestored(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -- sh -c 'stty raw -echo; kill -9 $$'; echo code $?\n")
	y.Sees("code 137")
	y.Sees("outer> ")
	y.Types("stty -a | grep -o -e '-*icanon' -e '-*echo '\n")
	y.Sees("'\r\nicanon")
}

// TestTyping: a build cannot type into the caller's terminal, with a terminal of
// its own or with the caller's as standard input (CVE-2017-5226).
func TestTyping(t *testing.T) {
	y := shell(t)
	hostile := tool(t, "hostile")
	y.Types("sbx run -v " + hostile + ":/tmp/h:ro -- /tmp/h tiocsti; echo; echo o''ne\n")
	y.Sees("one\r\n")
	y.Types("sbx run -v " + hostile + ":/tmp/h:ro -- /tmp/h tiocsti | cat; echo t''wo\n")
	y.Sees("TIOCSTI: operation not permitted")
	y.Sees("two\r\n")
	y.Types("sleep 0.2; echo thr''ee\n")
	before := y.Sees("three\r\n")
	if strings.Contains(before, "INJECTED") {
		t.Errorf("typed into the caller's terminal: %q", before)
	}
}

// TestColoursAndBytes: what the command prints is what is shown.
func TestColoursAndBytes(t *testing.T) {
	y := shell(t)
	y.Types("sbx run -- printf '\\033[31mred\\033[0m\\n'\n")
	y.Sees("\x1b[31mred\x1b[0m\r\n")
}
