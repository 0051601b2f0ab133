package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// execs runs sbx exec, and gives what both it and the command print, and the exit code.
func execs(t *testing.T, dir, in string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.Command(tool(t, "sbx"), append([]string{"exec"}, args...)...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(in)
	out, err := cmd.CombinedOutput()
	if _, ok := err.(*exec.ExitError); err != nil && !ok {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// execWants checks what is printed, all of it or a part, and the exit code.
func execWants(t *testing.T, dir, want string, code int, args ...string) {
	t.Helper()
	out, got := execs(t, dir, "from stdin\n", args...)
	part, whole := strings.CutPrefix(want, "...")
	if got != code || !strings.Contains(out, part) || !whole && out != want {
		t.Errorf("sbx exec %q: exit code %d, want %d; printed\n%s\nwant\n%s", args, got, code, out, want)
	}
}

func TestExec(t *testing.T) {
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "-e", "COLOUR=red", "--", "sleep", "1000")
	defer sbx("rm", "-f", "box")
	for _, c := range []struct {
		want string
		code int
		args []string
	}{
		{"red\n", 0, []string{"box", "sh", "-c", "echo $COLOUR"}},
		{"blue\n", 0, []string{"-e", "COLOUR=blue", "box", "sh", "-c", "echo $COLOUR"}},
		{"/tmp\n", 0, []string{"-w", "/tmp", "box", "pwd"}},
		{dir + "\n", 0, []string{"box", "pwd"}},
		{"--help -i\n", 0, []string{"box", "echo", "--help", "-i"}},
		{"-- x\n", 0, []string{"box", "--", "echo", "--", "x"}},
		{"", 0, []string{"box", "cat"}},
		{"from stdin\n", 0, []string{"-i", "box", "cat"}},
		{"", 7, []string{"box", "sh", "-c", "exit 7"}},
		{"", 143, []string{"box", "sh", "-c", "kill -TERM $$"}},
		{"...in no directory of PATH", 127, []string{"box", "no-such-program"}},
		{"...permission denied", 126, []string{"box", "/etc/passwd"}},
		{"...sbx: hint: the directory is not there in the sandbox", 125, []string{"-w", "/nowhere", "box", "true"}},
		{"...sbx: hint: sbx ps lists them", 125, []string{"boxes", "true"}},
		{"...no command to run", 125, []string{"box"}},
		{"...no sandbox to run it in", 125, nil},
		{"...want an absolute path", 125, []string{"-w", "tmp", "box", "true"}},
		{"...choose one", 125, []string{"-d", "-t", "box", "true"}},
		{"...exec true\n", 0, []string{"--dry-run", "box", "true"}},
		{"...Usage: sbx exec", 0, []string{"-h"}},
	} {
		execWants(t, dir, c.want, c.code, c.args...)
	}
	execWants(t, dir, "", 0, "-d", "box", "sh", "-c", "echo left > left; exec sleep 1000")
	for since := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if b, _ := os.ReadFile(filepath.Join(dir, "left")); string(b) == "left\n" {
			break
		}
		if time.Since(since) > testenv.Patience {
			t.Fatal("what was left did not run")
		}
	}
	sbx("rm", "-f", "box")
	execWants(t, dir, "...sbx: hint: sbx ps lists them", 125, "box", "true")
	sbx("run", "-d", "--name", "box", "--", "true")
	sbx("wait", "box")
	execWants(t, dir, "...it does not run", 125, "box", "true")
}

// TestExecWithoutDirectory: the sandbox's own directory was removed meanwhile.
func TestExecWithoutDirectory(t *testing.T) {
	dir, sbx := lives(t)
	gone := filepath.Join(dir, "gone")
	if err := os.Mkdir(gone, 0o755); err != nil {
		t.Fatal(err)
	}
	sbx("run", "-d", "--name", "box", "-w", "gone", "--", "sleep", "1000")
	defer sbx("rm", "-f", "box")
	if err := os.Remove(gone); err != nil {
		t.Fatal(err)
	}
	execWants(t, dir, "...sbx: chdir "+gone+": no such file or directory", 125, "box", "true")
	execWants(t, dir, "/\n", 0, "-w", "/", "box", "pwd")
}

// TestExecRoots enters root file systems, as several users.
func TestExecRoots(t *testing.T) {
	root, image := needDebian(t), needImage(t)
	dir, sbx := lives(t)
	for name, flags := range map[string][]string{
		"rootfs": {"--rootfs", root}, "layers": {"--layer", t.TempDir(), "--layer", root}, "image": {"--image", "oci:" + image + ":12", "--entrypoint", ""},
	} {
		t.Run(name, func(t *testing.T) {
			sbx(append(append([]string{"run", "-d", "--name", "box"}, flags...), "--", "sh", "-c",
				"mkdir -m 700 /home/new; echo new:x:77:60::/home/new:/bin/sh >> /etc/passwd; chown 77:60 /home/new; touch /made; exec sleep 1000")...)
			defer sbx("rm", "-f", "box")
			for since := time.Now(); time.Since(since) < testenv.Patience; time.Sleep(10 * time.Millisecond) {
				if _, code := execs(t, dir, "", "box", "test", "-e", "/made"); code == 0 {
					break
				}
			}
			const who = `id -u; id -g; id -G; echo $HOME; grep CapEff /proc/self/status | tr -d '\t'`
			for _, c := range []struct {
				want string
				code int
				args []string
			}{
				{"0\n0\n0\n/root\nCapEff:00000000800405fb\n", 0, []string{"box", "sh", "-c", who}},
				{"5\n60\n60\n/usr/games\nCapEff:0000000000000000\n", 0, []string{"-u", "games", "box", "sh", "-c", who}},
				{"5\n44\n44\n/usr/games\nCapEff:0000000000000000\n", 0, []string{"-u", "games:video", "box", "sh", "-c", who}},
				{"77\n60\n60\n/home/new\nCapEff:0000000000000000\n", 0, []string{"-u", "new", "-w", "/home/new", "box", "sh", "-c", who}},
				{"1234\n0\n0\n/\nCapEff:0000000000000000\n", 0, []string{"-u", "1234", "box", "sh", "-c", who}},
				{"games\n", 0, []string{"box", "sh", "-c", "touch /f && chown games /f && stat -c %U /f"}},
				{"", 143, []string{"-u", "games", "box", "sh", "-c", "kill -TERM $$"}},
				{"...user \"nobody-like-that\"", 125, []string{"-u", "nobody-like-that", "box", "true"}},
				{"...permission denied", 125, []string{"-u", "games", "-w", "/home/new", "box", "true"}},
				{"...has no id in the sandbox", 125, []string{"-u", "100000", "box", "true"}},
			} {
				execWants(t, dir, c.want, c.code, c.args...)
			}
		})
	}
	t.Run("another user's", func(t *testing.T) {
		sbx("run", "-d", "--name", "box", "--rootfs", root, "-u", "games", "--cap-add", "NET_RAW", "--", "sleep", "1000")
		defer sbx("rm", "-f", "box")
		execWants(t, dir, "5\nCapEff:0000000000002000\n", 0, "box", "sh", "-c", "id -u; grep CapEff /proc/self/status | tr -d '\t'")
		execWants(t, dir, "0\n", 0, "-u", "0", "box", "id", "-u")
	})
}

// TestExecHostilePasswd: what is in the place of the files of users is not waited for, and no
// link leads out of the sandbox.
func TestExecHostilePasswd(t *testing.T) {
	root := needDebian(t)
	dir, sbx := lives(t)
	for name, script := range map[string]string{
		"fifo": "mkfifo /etc/passwd", "directory": "mkdir /etc/passwd", "link": "ln -s /proc/1/root/etc/passwd /etc/passwd", "gone": "true", "device": "ln -s /dev/zero /etc/passwd",
	} {
		t.Run(name, func(t *testing.T) {
			sbx("run", "-d", "--name", "box", "--rootfs", root, "--", "sh", "-c", "rm /etc/passwd; "+script+"; touch /tmp/made; exec sleep 1000")
			defer sbx("rm", "-f", "box")
			until(t, "made", func() bool { _, code := execs(t, dir, "", "box", "test", "-e", "/tmp/made"); return code == 0 })
			execWants(t, dir, "7\n", 0, "-u", "7", "box", "id", "-u")
			execWants(t, dir, "...games", 125, "-u", "games", "box", "id", "-u")
		})
	}
}

// heard begins a program, and waits until it has written something.
func heard(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		_, err = out.Read(make([]byte, 8))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestExecSignals: a signal to sbx exec is the command's, whoever's it is.
func TestExecSignals(t *testing.T) {
	root := needDebian(t)
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "--rootfs", root, "--", "sleep", "1000")
	defer sbx("rm", "-f", "box")
	for _, user := range []string{"root", "games"} {
		cmd := exec.Command(tool(t, "sbx"), "exec", "-u", user, "box", "sh", "-c", "trap 'exit 9' TERM; echo there; while :; do sleep 0.05; done")
		cmd.Dir = dir
		heard(t, cmd)
		time.Sleep(firstMoments)
		if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 9 {
			t.Errorf("%s: %v", user, err)
		}
	}
}

// TestExecTerminal: the command has a terminal in the sandbox, with job control.
func TestExecTerminal(t *testing.T) {
	y := shell(t)
	y.Types("export XDG_RUNTIME_DIR=$(mktemp -d); sbx run -d --name box -- sleep 1000; echo be''gun\n")
	y.Sees("begun\r\n")
	y.Sees("outer> ")
	defer func() {
		y.Types("sbx rm -f box; echo remo''ved; rm -r $XDG_RUNTIME_DIR\n")
		y.Sees("removed")
	}()
	y.Types("sbx exec box sh -c 'tty; stty size; echo $TERM; echo do''ne'\n")
	y.Sees("/dev/pts/0\r\n24 80\r\ndumb\r\ndone\r\n")
	y.Sees("outer> ")
	y.Types("sbx exec box sh -c 'echo rea''dy; exec sleep 60'; echo code $?\n")
	y.Sees("ready\r\n")
	time.Sleep(firstMoments)
	y.Types("\x03")
	y.Sees("code 130")
	y.Sees("outer> ")
	y.Types("sbx exec box sh -c 'echo rea''dy; exec cat'\n")
	y.Sees("ready\r\n")
	time.Sleep(firstMoments)
	y.Types("\x1a")
	y.Sees("Stopped")
	y.Sees("outer> ")
	y.Types("fg\n")
	y.Sees("cat'\r\n")
	time.Sleep(firstMoments)
	y.Types("two\n")
	y.Sees("two\r\ntwo\r\n")
	y.Types("\x04")
	y.Sees("outer> ")
}

// TestExecKilled kills sbx exec with SIGKILL 200 times, from its first moments on. None
// of its commands goes on.
func TestExecKilled(t *testing.T) {
	dir, sbx := lives(t)
	testenv.Adopt(t)
	mark := fmt.Sprintf("86394.%d", os.Getpid())
	sbx("run", "-d", "--name", "box", "--", "sleep", "1000")
	defer sbx("rm", "-f", "box")
	for i := range kills(t) {
		cmd := exec.Command(tool(t, "sbx"), "exec", "box", "sleep", mark)
		cmd.Dir = dir
		killedSoon(t, cmd, i, 12*time.Millisecond)
	}
	gone(t, mark)
	if out, code := execs(t, dir, "", "box", "sh", "-c", "set -- /proc/[0-9]*; echo $#"); out != "3\n" || code != 0 { // two of the sandbox, and this one
		t.Errorf("%s processes are in the sandbox", out)
	}
}

// TestExecStopped: one that is stopped does not keep the sandbox from its end.
func TestExecStopped(t *testing.T) {
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "box", "--", "sleep", "1000")
	cmd := exec.Command(tool(t, "sbx"), "exec", "box", "sh", "-c", "echo there; sleep 1000")
	cmd.Dir = dir
	heard(t, cmd)
	if err := cmd.Process.Signal(unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	sbx("rm", "-f", "box")
	if took := time.Since(begun); took > 9*time.Second {
		t.Errorf("the sandbox took %v to end", took)
	}
	if err := cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 137 {
		t.Errorf("it ended with %v", err)
	}
}

// TestPlainExec: a line without flags means what the grammar makes of it.
func TestPlainExec(t *testing.T) {
	for line, plain := range map[string]bool{
		"box true": true, "box -- true": true, "box make -j 4 --help": true, "box -- make -- x": true, "box make -- x": true, "box -- -x": true, "box sh -c @x": true,
		"box": false, "box --": false, "": false, "-- box true": false, "-it box sh": false, "box -it sh": false, "box --user=1 sh": false,
	} {
		args := strings.Fields(line)
		got, ok := plainExec(args)
		if ok != plain {
			t.Errorf("%q: plain %v", line, ok)
		}
		if !ok {
			continue
		}
		want, _, err := parseExecFlags(args)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v, %v", line, got, want, err)
		}
	}
	if _, ok := plainExec([]string{"", "true"}); ok {
		t.Error("no name is a name")
	}
}
