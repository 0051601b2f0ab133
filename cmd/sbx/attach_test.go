package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// until waits for something to be so.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for limit := time.Now().Add(testenv.Patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%s: it did not come to be", what)
		}
	}
}

// TestAttachTerminal: a shell that was left is returned to, has the terminal's size, and
// is left by the keys, with the terminal as it was.
func TestAttachTerminal(t *testing.T) {
	_, sbx := lives(t)
	y := shell(t)
	y.Types("PS1='inner> ' sbx run -dt -e PS1 --name shell -- bash --norc --noprofile --noediting -i\n")
	y.Sees("outer> ")
	y.Types("sbx attach shell; echo code $?\n")
	y.Types("stty size\n")
	y.Sees("24 80\r\n")
	y.Resizes(33, 101)
	y.Types("trap 'echo re''sized' WINCH; stty size\n")
	y.Sees("33 101\r\n")
	y.Sees("inner> ")
	y.Types("\x10\x11")
	y.Sees("sbx: detached; sbx attach shell returns to it\r\n")
	y.Sees("code 0\r\nouter> ")
	y.Types("stty -a | grep -o -e '-*icanon'\n")
	y.Sees("'\r\nicanon")
	y.Sees("outer> ")
	// Who returns has the screen drawn, though the size is the same.
	y.Types("sbx attach --detach-keys a,x shell; echo code $?\n")
	y.Types("\n") // at which the shell looks at what came
	y.Sees("resized")
	y.Types("echo 1''2; ca")
	y.Types("t\n")
	y.Sees("12\r\n")
	y.Types("typed\n")
	y.Sees("typed\r\ntyped\r\n")
	y.Types("\x03") // which forgets what is typed too soon
	y.Sees("inner> ")
	y.Types("exit 5\n")
	y.Sees("code 5\r\nouter> ")
	y.Types("stty -a | grep -o -e '-*icanon'\n")
	y.Sees("'\r\nicanon")
	if code := sbx("wait", "shell"); code != "5\n" {
		t.Errorf("the shell ended with %s", code)
	}
	if log := sbx("logs", "shell"); !strings.Contains(log, "33 101\r\n") {
		t.Errorf("the log is %q", log)
	}
	sbx("rm", "shell")
}

// TestAttachKilled: the caller's terminal is put right when the supervisor dies.
func TestAttachKilled(t *testing.T) {
	_, sbx := lives(t)
	y := shell(t)
	y.Types("sbx run -dt --name shell -- sh -c 'while :; do echo tick; sleep 0.1; done'\n")
	y.Sees("outer> ")
	y.Types("sbx attach shell; echo code $?\n")
	y.Sees("tick\r\n")
	for _, r := range recorded(t, sbx) {
		p, err := os.FindProcess(r.Supervisor)
		if err == nil {
			err = p.Kill()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	y.Sees("sbx: shell: its supervisor was killed\r\n")
	y.Sees("code 137\r\nouter> ")
	y.Types("stty -a | grep -o -e '-*icanon'\n")
	y.Sees("'\r\nicanon")
	sbx("rm", "shell")
}

// TestHostileOutput: what drives a terminal stays away from the one on which the log is
// shown, or who attached sits, and is in what is no terminal, since it is what was written.
func TestHostileOutput(t *testing.T) {
	dir, sbx := lives(t)
	y := shell(t)
	const evil = `\033]0;title\a\033]52;c;aGk=\a\033P$q\033\\\\\033[6n\033c\033[31mred`
	script := fmt.Sprintf(`until test -e %s/go; do echo waiting; sleep 0.05; done; printf '%s'; echo; printf '%s' >&2; echo >&2; sleep 0.5; echo end`, dir, evil, evil)
	for _, flags := range [][]string{{"-d"}, {"-d", "-t"}} {
		os.Remove(filepath.Join(dir, "go"))
		sbx(append(append([]string{"run"}, flags...), "--name", "evil", "--", "sh", "-c", script)...)
		y.Types("sbx attach evil\n")
		y.Sees("waiting\r")
		if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		attached := y.Sees("end\r") // and what ends a line, twice where a terminal's output is shown on a terminal
		y.Sees("outer> ")
		y.Types("sbx logs evil\n")
		logged := y.Sees("end\r")
		y.Sees("outer> ")
		for how, shown := range map[string]string{"attached": attached, "logged": logged} {
			if strings.Count(shown, "\x1b[31mred") != 2 {
				t.Errorf("%v, %s: %q", flags, how, shown)
			}
			for _, bad := range []string{"\x1b]", "\x1bP", "\x1bc", "\x1b[6n"} {
				if strings.Contains(shown, bad) {
					t.Errorf("%v, %s: %q is shown: %q", flags, how, bad, shown)
				}
			}
		}
		if raw := sbx("logs", "evil"); len(flags) == 1 && !strings.Contains(raw, "waiting\n\x1b]0;title\a\x1b]52;") {
			t.Errorf("the log is %q", raw)
		}
		sbx("wait", "evil")
		sbx("rm", "evil")
	}
}

// attached begins sbx attach. What it prints goes to out, and its words are given back
// when it has ended, with its exit code.
func attached(t *testing.T, out io.Writer, args ...string) func() (words string, code int) {
	t.Helper()
	cmd := exec.Command(tool(t, "sbx"), append([]string{"attach"}, args...)...)
	var words bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &words
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() (string, int) {
		_ = cmd.Wait() // its code says it
		return words.String(), cmd.ProcessState.ExitCode()
	}
}

// TestSeveralAttached: each has all, and one that does not read is let go, and ends
// neither the others nor the command.
func TestSeveralAttached(t *testing.T) {
	dir, sbx := lives(t)
	const script = `until test -e go; do echo wait; sleep 0.05; done; seq 1000000; echo end; exit 4`
	sbx("run", "-d", "--name", "many", "--", "sh", "-c", script)
	stuck, end, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stuck.Close()
	slow := attached(t, end, "many")
	end.Close()
	b := make([]byte, 4)
	if _, err := io.ReadFull(stuck, b); err != nil || string(b) != "wait" {
		t.Fatalf("%q, %v", b, err)
	}
	var files []string
	var ends []func() (string, int)
	for i := range 2 {
		f, err := os.Create(filepath.Join(dir, fmt.Sprint("out", i)))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files, ends = append(files, f.Name()), append(ends, attached(t, f, "many"))
		until(t, "attached", func() bool { st, err := f.Stat(); return err == nil && st.Size() > 0 })
	}
	if err := os.WriteFile(filepath.Join(dir, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if code := sbx("wait", "many"); code != "4\n" {
		t.Errorf("it ended with %s", code)
	}
	want := seq(1000000) + "end\n"
	for i, ended := range ends {
		if words, code := ended(); words != "" || code != 4 {
			t.Errorf("client %d ended with %d: %s", i, code, words)
		}
		got, err := os.ReadFile(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if all := strings.ReplaceAll(string(got), "wait\n", ""); all != want {
			t.Errorf("client %d has %d bytes, want %d", i, len(all), len(want))
		}
	}
	got, err := io.ReadAll(stuck)
	if err != nil {
		t.Fatal(err)
	}
	words, code := slow()
	if all := strings.ReplaceAll(strings.TrimPrefix(string(got), "\n"), "wait\n", ""); len(all) == len(want) || !strings.HasPrefix(want, all) {
		t.Errorf("the client that did not read has %d bytes of %d", len(all), len(want))
	}
	if code != exitFailed || !strings.Contains(words, "read here") || !strings.Contains(words, "sbx logs many has it") {
		t.Errorf("the client that did not read ended with %d: %s", code, words)
	}
	sbx("rm", "many")
}

func seq(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}
