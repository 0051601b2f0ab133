package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

const printed = "compiling something or other of seventy-nine letters, as compilers print so often"

// TestGigabyteOfLog: a command that writes 1 GB takes 10 MiB of disk and next to no
// memory, and its end is in the log.
func TestGigabyteOfLog(t *testing.T) {
	_, sbx := lives(t)
	sbx("run", "-d", "--name", "loud", "--", "sh", "-c", "yes '"+printed+"' | head -c 1000000000; echo; echo the end")
	begun := time.Now()
	box := recorded(t, sbx)[0]
	over := make(chan string)
	go func() { over <- sbx("wait", "loud") }()
	most, memory, code := int64(0), int64(0), ""
	for code == "" {
		if size, ok := together(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "sbx", "boxes", box.ID, "log.*")); ok {
			most = max(most, size)
		}
		memory = max(memory, resident(box.Supervisor))
		select {
		case code = <-over:
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Logf("%.0f MB/s, %.1f MB resident", 1000/time.Since(begun).Seconds(), float64(memory)/1e6)
	if code != "0\n" {
		t.Errorf("it ended with %s", code)
	}
	if most == 0 || most > 10<<20 {
		t.Errorf("the log took %d bytes", most)
	}
	if memory == 0 || memory > 16<<20 {
		t.Errorf("the supervisor had %d bytes resident", memory)
	}
	if got := sbx("logs", "--tail", "4", "loud"); !strings.HasSuffix(got, "\nthe end\n") || !strings.HasPrefix(got, printed+"\n") {
		t.Errorf("the log ends %q", got)
	}
	sbx("rm", "loud")
}

// TestFollowLoud follows a log that goes through many files: nothing is torn, what was
// missed is told of, and the end is there.
func TestFollowLoud(t *testing.T) {
	_, sbx := lives(t)
	const size = 20000000
	sbx("run", "-d", "--name", "loud", "--log-max", "1m", "--", "sh", "-c", "until test -e go; do sleep 0.05; done; yes '"+printed+"' | head -c "+strconv.Itoa(size)+"; echo; echo the end")
	follow := exec.Command(tool(t, "sbx"), "logs", "-f", "loud")
	var out, words bytes.Buffer
	follow.Stdout, follow.Stderr = &out, &words
	if err := follow.Start(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(recorded(t, sbx)[0].Project, "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := follow.Wait(); err != nil {
		t.Errorf("%v: %s", err, words.String())
	}
	lines := strings.Split(out.String(), "\n")
	if len(lines) < 1000 || lines[len(lines)-2] != "the end" {
		t.Fatalf("followed %d lines, to %q", len(lines), lines[max(0, len(lines)-3):])
	}
	for i, l := range lines[:len(lines)-3] {
		if l != printed {
			t.Fatalf("line %d is %q", i, l)
		}
	}
	const told = "sbx: files of the log that were gone before they were read: "
	if missed := size - out.Len(); (missed > 0) != strings.Contains(words.String(), told) {
		t.Errorf("%d bytes are missing, and it said %q", missed, words.String())
	}
	sbx("rm", "loud")
}

// resident is how much memory a process has, or 0 when it is no more.
func resident(pid int) int64 {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	_, rest, _ := strings.Cut(string(b), "VmHWM:")
	words := strings.Fields(rest)
	if len(words) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(words[0], 10, 64)
	return n << 10
}

// TestLogOnFullDisk has the sandboxes' directory on a file system of 64 KiB: the command
// goes on, the newest that it wrote is there, and the record of its end too.
func TestLogOnFullDisk(t *testing.T) {
	_, sbx := lives(t)
	sbx("version")
	const script = `set -e
		mount -t tmpfs -o size=64k,mode=700 none "$XDG_RUNTIME_DIR"
		sbx run -d --name full -- sh -c 'seq 200000; echo done >done; echo end; exit 3' >/dev/null
		sbx wait full
		cat done
		sbx logs full | tail -n 2
		sbx ps -a | grep -c 'exited (3)'
		sbx rm full`
	cmd := exec.Command("unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", script)
	cmd.Dir = project(t)
	cmd.Env = append(os.Environ(), "PATH="+filepath.Dir(tool(t, "sbx"))+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		testenv.Skip(t, "%v: %s", err, out)
	}
	const want = "3\ndone\n200000\nend\n1\nfull\n"
	if got := string(out); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// together is what the files have in all. Files turned while it looked, some of them
// gone and new ones come, were never there together: it is not ok.
func together(pattern string) (int64, bool) {
	names, err := filepath.Glob(pattern)
	if err != nil {
		return 0, false
	}
	size := int64(0)
	seen := make([]os.FileInfo, len(names))
	for i, name := range names {
		if seen[i], err = os.Stat(name); err != nil {
			return 0, false
		}
		size += seen[i].Size()
	}
	again, err := filepath.Glob(pattern)
	if err != nil || !slices.Equal(names, again) {
		return 0, false
	}
	for i, name := range names {
		if now, err := os.Stat(name); err != nil || !os.SameFile(now, seen[i]) {
			return 0, false
		}
	}
	return size, true
}
