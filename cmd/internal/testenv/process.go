package testenv

import (
	"cmp"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A process is one that lives.
type process struct{ pid, parent, line string }

// living lists all processes apart from us.
func living(t testing.TB) (all []process) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err != nil || pid == os.Getpid() {
			continue
		}
		line, err := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if err != nil {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "stat"))
		words := strings.Fields(string(stat[max(0, strings.LastIndexByte(string(stat), ')')):]))
		if len(words) < 3 || words[1] == "Z" {
			continue
		}
		all = append(all, process{e.Name(), words[2], strings.ReplaceAll(string(line), "\x00", " ")})
	}
	return all
}

// Adopt makes the test the parent of whom its children leave behind. Tests of other
// packages run at the same time, and what is theirs is no fault of this one.
func Adopt(t testing.TB) {
	t.Helper()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
		reap(t)
	})
}

// reap collects those of our children that have ended. One that nobody collects keeps its
// keyring, of which a user has two hundred.
func reap(t testing.TB) {
	t.Helper()
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		children, _ := os.ReadFile(task) // the thread may have ended
		for _, child := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(child)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil) // one that runs goes on
		}
	}
}

// Descendants lists those of the test whose command line has the mark.
func Descendants(t testing.TB, mark string) (found []string) {
	t.Helper()
	all := living(t)
	ours := map[string]bool{strconv.Itoa(os.Getpid()): true}
	for n := 0; n != len(ours); { // a child may have a lower number than its parent
		n = len(ours)
		for _, p := range all {
			if ours[p.parent] {
				ours[p.pid] = true
			}
		}
	}
	for _, p := range all {
		if ours[p.pid] && strings.Contains(p.line, mark) {
			found = append(found, p.pid+" "+p.line)
		}
	}
	return found
}

// Processes lists those of anybody whose command line has the mark.
func Processes(t testing.TB, mark string) (found []string) {
	t.Helper()
	for _, p := range living(t) {
		if strings.Contains(p.line, mark) {
			found = append(found, p.pid+" "+p.line)
		}
	}
	return found
}

// Gone waits until no process of anybody has the mark any more.
func Gone(t testing.TB, mark string) {
	t.Helper()
	gone(t, Processes, mark)
}

// DescendantsGone waits until none of the test's has it, which others may have too.
func DescendantsGone(t testing.TB, mark string) {
	t.Helper()
	gone(t, Descendants, mark)
}

func gone(t testing.TB, list func(testing.TB, string) []string, mark string) {
	t.Helper()
	var left []string
	for start := time.Now(); time.Since(start) < Patience; time.Sleep(20 * time.Millisecond) {
		if left = list(t, mark); left == nil {
			return
		}
	}
	t.Errorf("left behind: %v", left)
}

// Project gives an empty directory, and a home beside it.
func Project(t testing.TB) string {
	t.Helper()
	t.Setenv("HOME", t.TempDir())
	return t.TempDir()
}

// Slowed is how long that takes which takes d on a machine: an emulated one is slower.
func Slowed(d time.Duration) time.Duration {
	if os.Getenv("SBX_TEST_GUEST") != "" {
		d *= 10
	}
	return d
}

// Kills is how often sbx is killed: 200 times, or SBX_TEST_KILLS times.
func Kills(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SBX_TEST_KILLS"), "200"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
