package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/state"
)

// An orphan is a supervisor whose sandbox is in no directory that is looked at: it was begun
// with another XDG_RUNTIME_DIR, or that was removed.
type orphan struct {
	pid     int
	dir     string // of the sandboxes
	removed bool
}

func (o orphan) String() string {
	if o.removed {
		return fmt.Sprintf("a sandbox runs whose directory %s was removed: kill %d ends it", o.dir, o.pid)
	}
	return fmt.Sprintf("a sandbox runs that is kept in %s: XDG_RUNTIME_DIR=%s sbx ps", o.dir, filepath.Dir(o.dir))
}

// orphans finds them by the descriptor that holds a sandbox's directory. Only a process of the
// caller's outside of every sandbox is believed: one inside could show any path. Those in
// another directory are found where the caller's XDG_RUNTIME_DIR is missing or cannot be used:
// who has set one has chosen.
func orphans() (found []orphan) {
	known := state.Dirs(os.Getenv, os.Getuid())
	chosen := filepath.IsAbs(os.Getenv("XDG_RUNTIME_DIR")) && known[0] == filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "sbx")
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		pid, err := strconv.Atoi(p.Name())
		if err != nil || pid == os.Getpid() || !supervises(pid) {
			continue
		}
		o := orphan{pid: pid}
		if o.dir, o.removed = heldDirectory(pid); o.dir != "" && (o.removed || !chosen && !slices.Contains(known, o.dir)) {
			found = append(found, o)
		}
	}
	return found
}

// supervises tells whether a process is a supervisor of the caller's, in the caller's own
// namespaces.
func supervises(pid int) bool {
	dir := "/proc/" + strconv.Itoa(pid)
	var st unix.Stat_t
	if unix.Stat(dir, &st) != nil || int(st.Uid) != os.Getuid() {
		return false
	}
	line, _ := os.ReadFile(dir + "/cmdline")
	words := strings.Split(string(line), "\x00")
	if len(words) < 2 || words[1] != superviseName && words[1] != superviseAgainName {
		return false
	}
	for _, namespace := range []string{"user", "mnt", "pid"} {
		own, err := os.Readlink("/proc/self/ns/" + namespace)
		if err != nil {
			return false
		}
		if other, err := os.Readlink(dir + "/ns/" + namespace); err != nil || other != own {
			return false
		}
	}
	return true
}

// heldDirectory is where the sandbox of a supervisor is kept.
func heldDirectory(pid int) (dir string, removed bool) {
	fds := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(fds)
	for _, e := range entries {
		path, err := os.Readlink(filepath.Join(fds, e.Name()))
		if err != nil {
			continue
		}
		path, gone := strings.CutSuffix(path, " (deleted)")
		boxes, id := filepath.Split(path)
		dir, ok := strings.CutSuffix(boxes, "/boxes/")
		if ok && len(id) == 12 && strings.Trim(id, "0123456789abcdef") == "" {
			return dir, gone
		}
	}
	return "", false
}
