package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Root is where cgroup v2 is mounted where there is no other.
const Root = "/sys/fs/cgroup"

// Mode is how the controllers are mounted.
type Mode string

const (
	Unified Mode = "unified" // v2, which can be delegated
	Hybrid  Mode = "hybrid"  // v1 has the controllers, v2 is beside it
	Legacy  Mode = "legacy"  // v1
	Absent  Mode = "absent"
)

// Host is what there is of cgroups. Probe fills one; a test fills it by hand.
type Host struct {
	Mode Mode
	// Levels are the caller's cgroup and those above it, the nearest first, as far as
	// they are in sight.
	Levels []Level
	// Sockets are where the caller's systemd answers, and Buses those of them that a
	// bus is between.
	Sockets, Buses []string
	// Manager has the controllers that the caller's systemd may give, nil if unknown.
	Manager []string
	// Systemd says that the machine runs it.
	Systemd bool
	UID     int
	User    string
	// Refused is why a cgroup could not be made after all.
	Refused error
}

// Level is a cgroup.
type Level struct {
	Path string // absolute
	// Delegated says that the caller may make cgroups there, and move processes.
	Delegated bool
	// Processes says that there are some in it: it can pass no controllers on then
	// (the "no internal process" rule of cgroups(7)), except at the very top.
	Processes bool
	// Controllers are those it has, and Enabled those that it passes on.
	Controllers, Enabled []string
}

// Probe looks at the machine.
func Probe(user string) Host {
	h := Host{Mode: mode(), UID: os.Getuid(), User: user}
	if h.Mode != Unified {
		return h
	}
	h.Systemd = exists("/run/systemd/system")
	h.sockets(os.Getenv)
	slice := filepath.Join(Root, "user.slice", "user-"+strconv.Itoa(h.UID)+".slice", "user@"+strconv.Itoa(h.UID)+".service")
	if text, err := os.ReadFile(slice + "/cgroup.controllers"); err == nil && h.UID != 0 {
		h.Manager = append([]string{}, strings.Fields(string(text))...)
	}
	for path := filepath.Join(Root, own()); ; path = filepath.Dir(path) {
		h.Levels = append(h.Levels, level(path))
		if path == Root || !strings.HasPrefix(path, Root) {
			return h
		}
	}
}

// mode looks what is mounted where. In the hybrid layout v2 is at another place, and
// its few controllers are of no use.
func mode() Mode {
	var fs unix.Statfs_t
	switch {
	case unix.Statfs(Root, &fs) != nil:
		return Absent
	case fs.Type == unix.CGROUP2_SUPER_MAGIC:
		return Unified
	case unix.Statfs(Root+"/unified", &fs) == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC:
		return Hybrid
	case exists(Root+"/memory") || exists(Root+"/pids") || exists(Root+"/cpu"):
		return Legacy
	}
	return Absent
}

// own is the path of the caller's cgroup, below the root of its namespace.
func own() string {
	text, _ := os.ReadFile("/proc/self/cgroup") // without it, the root
	for line := range strings.Lines(string(text)) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
			return path
		}
	}
	return "/"
}

func level(path string) Level {
	read := func(name string) []string {
		text, _ := os.ReadFile(filepath.Join(path, name)) // one that is not in sight has nothing
		return strings.Fields(string(text))
	}
	l := Level{Path: path, Controllers: read("cgroup.controllers"), Enabled: read("cgroup.subtree_control")}
	// The top of all has no type, and may have processes and pass controllers on.
	l.Processes = len(read("cgroup.procs")) > 0 && exists(filepath.Join(path, "cgroup.type"))
	l.Delegated = true
	for _, name := range []string{".", "cgroup.procs", "cgroup.subtree_control"} {
		if unix.Access(filepath.Join(path, name), unix.W_OK) != nil {
			l.Delegated = false
		}
	}
	return l
}

// sockets finds where the user's systemd answers: itself, or through a bus. Its own
// socket needs no bus and is one process nearer. A variable is the caller's word; the
// usual places are for who has none, as in a job of cron.
func (h *Host) sockets(getenv func(string) string) {
	dirs := []string{getenv("XDG_RUNTIME_DIR"), "/run/user/" + strconv.Itoa(h.UID)}
	for _, dir := range dirs {
		h.addSocket(&h.Sockets, dir, "systemd/private")
	}
	if h.UID == 0 {
		h.addSocket(&h.Sockets, "/run", "systemd/private")
	}
	for _, address := range strings.Split(getenv("DBUS_SESSION_BUS_ADDRESS"), ";") {
		// No other transport: unixexec would run a program.
		if path, ok := strings.CutPrefix(address, "unix:path="); ok {
			path, _, _ = strings.Cut(path, ",")
			h.addSocket(&h.Buses, path, "")
		}
	}
	for _, dir := range dirs {
		h.addSocket(&h.Buses, dir, "bus")
	}
	h.Sockets = append(h.Sockets, h.Buses...)
}

// addSocket adds a socket that is there and is the caller's: nobody else may be told
// which process to move.
func (h *Host) addSocket(list *[]string, dir, name string) {
	path := filepath.Join(dir, name)
	var st unix.Stat_t
	if !filepath.IsAbs(path) || unix.Stat(path, &st) != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK || int(st.Uid) != h.UID {
		return
	}
	if !slices.Contains(*list, path) {
		*list = append(*list, path)
	}
}

func exists(path string) bool { return unix.Access(path, unix.F_OK) == nil }
