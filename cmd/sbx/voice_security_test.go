package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// speakRows have sbx end, wait or be silent before it has looked at what they left.
var speakRows = []row{
	speakBy("pipe-closed", "kill sbx by its own line, after the reader of standard error has gone", both,
		[]string{"sh", "-c", `"$@" 2>&1 | head -1 >/dev/null; echo TRIED: said`, "sh"}, `seq 100; : > s; chmod u+s s`),
	speakBy("terminal-closed", "the same by a terminal's output", hostOnly,
		[]string{"sh", "-c", `"$@" 2>/dev/null | head -1 >/dev/null; echo TRIED: said`, "sh"}, `seq 10000`, "-t"),
	speakBy("socket-shutdown", "shut down a socket that is standard error", hostOnly, []string{"python3", "-c", speakSocket, "1"}, shutDown),
	speakBy("socket-one", "shut down a socket that is all standard streams", hostOnly, []string{"python3", "-c", speakSocket, "3"}, shutDown),
	speakBy("pipe-filled", "fill standard error, so that sbx's lines are lost", hostOnly, []string{"python3", "-c", speakPipe}, fillPipe("")),
	speakBy("pipe-full", "fill standard error, and have sbx wait for room there", hostOnly, []string{"python3", "-c", speakPipe}, fillPipe("fcntl.fcntl(2, fcntl.F_SETFL, flags)")),
	speakBy("signal-reader", "have sbx wait for a reader of standard output until somebody ends it", hostOnly, []string{"python3", "-c", speakFIFO}, `seq 30000`),
	speakBy("signal-early", "be so short that sbx has not asked for signals", hostOnly, []string{"python3", "-c", speakEarly}, `sleep 0.01`),
}

// speakBy is a row by a shell line behind what it plants, and a launcher's parent that says
// how it was.
func speakBy(id, tries string, views []view, wrap []string, line string, flags ...string) row {
	return row{id: "speak-" + id, group: "run later", tries: tries, views: views, wrap: wrap, flags: flags,
		cmd: []string{"sh", "-c", `mkdir -p .vscode; echo "{}" > .vscode/tasks.json; echo OWNED > .envrc; : > .newtool; ` + line},
		judge: func(s *scene) string {
			for _, name := range []string{".envrc", ".vscode"} {
				if _, err := os.Lstat(s.path("{PROJECT}/" + name)); err == nil {
					return name + " is left"
				}
			}
			return ""
		}}
}

const shutDown = `: > s; chmod u+s s; exec python3 -c '
import socket
for fd in 0, 1, 2:
	try: socket.socket(fileno=fd).shutdown(socket.SHUT_RDWR)
	except OSError: pass
'`

// fillPipe is a line that fills standard error.
func fillPipe(then string) string {
	return `: > s; chmod u+s s; exec python3 -c '
import os, fcntl
flags = fcntl.fcntl(2, fcntl.F_GETFL)
fcntl.fcntl(2, fcntl.F_SETFL, flags | os.O_NONBLOCK)
for size in 4096, 1:
	try:
		while True: os.write(2, b"." * size)
	except BlockingIOError: pass
` + then + `
'`
}

// speakVerdict says whether a line came that tells of what was left.
const speakVerdict = `
def verdict(out):
	ok = b"newtool" in out and b"moved aside" in out
	print("TRIED: said" if ok else "BROKE: not said: %r" % out[-200:])
	sys.exit(not ok)
`

// speakSocket gives the launcher sockets, as node does.
const speakSocket = `
import socket, subprocess, sys` + speakVerdict + `
ours, theirs = socket.socketpair()
silent, quiet = socket.socketpair()
one = sys.argv[1] == "3"
p = subprocess.Popen(sys.argv[2:], stdin=theirs if one else subprocess.DEVNULL, stdout=theirs if one else quiet, stderr=theirs)
theirs.close(), quiet.close()
out = b""
while True:
	some = ours.recv(1 << 16)
	if not some: break
	out += some
p.wait()
verdict(out)
`

// speakPipe gives the launcher a pipe that nobody reads until what was left is gone.
const speakPipe = `
import os, subprocess, sys, time` + speakVerdict + `
r, w = os.pipe()
p = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stderr=w)
os.close(w)
for n in range(500):
	if p.poll() is not None or os.path.exists("s") and not os.path.exists(".envrc"): break
	time.sleep(.02)
left = os.path.exists(".envrc")
out = b""
while True:
	some = os.read(r, 1 << 16)
	if not some: break
	out += some
p.wait()
if left:
	print("BROKE: .envrc is there while nobody reads")
	sys.exit(1)
verdict(out)
`

// speakFIFO gives the launcher a FIFO that nobody reads, and ends it.
const speakFIFO = `
import os, signal, subprocess, sys, time
os.mkfifo("fifo")
fifo = os.open("fifo", os.O_RDWR)
for name in "SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1":
	p = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=fifo, stderr=subprocess.DEVNULL, start_new_session=True)
	while p.poll() is None and not os.path.exists(".newtool"): time.sleep(.001)
	time.sleep(.1)
	p.send_signal(getattr(signal, name))
	time.sleep(.1)
	if p.poll() is None: p.send_signal(signal.SIGTERM) # what SIGUSR1 does is the command's, which has ended
	p.wait()
	try: os.killpg(p.pid, signal.SIGKILL) # what writes to the FIFO without a sandbox
	except ProcessLookupError: pass
	for left in ".envrc", ".vscode":
		if os.path.exists(left):
			print("BROKE:", left, "is left after", name, "and exit code", p.returncode)
			sys.exit(1)
	os.unlink(".newtool")
	os.set_blocking(fifo, False)
	try:
		while True: os.read(fifo, 1 << 20)
	except BlockingIOError: os.set_blocking(fifo, True)
print("TRIED: ended")
`

// speakEarly ends the launcher as soon as there is a file, and a little later each time.
const speakEarly = `
import os, signal, subprocess, sys, time
for n in range(40):
	name = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")[n % 4]
	p = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
	while p.poll() is None and not os.path.exists(".envrc"): pass
	time.sleep(n / 4 * .002)
	p.send_signal(getattr(signal, name))
	p.wait()
	for left in ".envrc", ".vscode":
		if os.path.exists(left):
			print("BROKE:", left, "is left after", name, n, "and exit code", p.returncode)
			sys.exit(1)
print("TRIED: ended")
`

// TestSecurityUnsaid: what could not be said is kept for the next sbx, and where it tells
// of what was left in place, the exit code does too.
func TestSecurityUnsaid(t *testing.T) {
	dir, _ := lives(t)
	t.Setenv("XDG_STATE_HOME", filepath.Join(t.TempDir(), "state"))
	notices := func() string {
		t.Helper()
		cmd := exec.Command(tool(t, "sbx"), "ps")
		cmd.Dir = dir
		var out bytes.Buffer
		cmd.Stderr = &out
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		return out.String()
	}
	run := func(args ...string) int {
		t.Helper()
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		cmd := exec.Command(tool(t, "sbx"), append([]string{"run", "--no-profile"}, args...)...)
		cmd.Dir, cmd.Stderr = dir, w
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r.Close()
		err = cmd.Wait()
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return cmd.ProcessState.ExitCode()
	}
	if code, out := run("--", "sh", "-c", "sleep 0.1; exit 3"), notices(); code != 3 || out != "" {
		t.Errorf("nothing to say: exit code %d, %s", code, out)
	}
	if code, out := run("--", "sh", "-c", "sleep 0.1; mkdir a; echo > a/.envrc; exit 3"), notices(); code != 3 || !strings.Contains(out, "moved aside") || !strings.Contains(out, "sbx run in "+dir) {
		t.Errorf("all was moved: exit code %d, %s", code, out)
	}
	if code, out := run("--name", "unsaid", "--", "sh", "-c", "sleep 0.1; echo > .newtool"), notices(); code != exitFailed || !strings.Contains(out, "new names, check them before you use the project: .newtool") {
		t.Errorf("a file stays: exit code %d, %s", code, out)
	}
	if code := run("-q", "--", "sh", "-c", "sleep 0.1; echo > .othertool"); code != 0 {
		t.Errorf("not to be said: exit code %d", code)
	}
}

// TestSIGPIPEIsDefault: sbx ignores it, and neither a command nor one that enters does, by
// which pipelines end.
func TestSIGPIPEIsDefault(t *testing.T) {
	_, sbx := lives(t)
	const line = "yes | head -1; sed -n s/^SigIgn://p /proc/self/status"
	ends := func(how, out string) {
		t.Helper()
		if lines := strings.Fields(out); len(lines) != 2 || lines[0] != "y" || !strings.HasSuffix(lines[1], "00") && !strings.HasSuffix(lines[1], "01") {
			t.Errorf("%s: %q", how, out)
		} else if ignored := lines[1][len(lines[1])-4]; ignored != '0' { // bit 12 is SIGPIPE
			t.Errorf("%s: SigIgn is %s", how, lines[1])
		}
	}
	ends("run", sbx("run", "--", "sh", "-c", line))
	sbx("run", "-d", "--name", "left", "--restart", "on-failure:1", "--", "sh", "-c", "test -e again || { : > again; exit 1; }; "+line+"; exec sleep 100")
	until(t, "the second command", func() bool { return strings.Count(sbx("logs", "left"), "\n") == 2 })
	ends("run -d", sbx("logs", "left"))
	ends("exec", sbx("exec", "left", "sh", "-c", line))
	sbx("rm", "-f", "left")
}
