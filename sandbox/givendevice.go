package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/landlock"
)

// A bind mount is made without devices, so that no node in it can be opened. One with the option
// dev, and not nodev, is the exception: the caller named the device.

// Device is the mount that gives a device of the host's, or a directory of devices below /dev, at
// a place inside. The caller must be able to open it.
//
// Terminals are refused: what is typed into the caller's, or read from it, is a way out. So is
// what is not below /dev, where only root makes names.
func Device(path, destination string, readOnly bool) (specs.Mount, error) {
	path = filepath.Clean(path)
	if !below(path, "/dev") || path == "/dev" {
		return specs.Mount{}, hinted(fmt.Errorf("device %s: want a path below /dev", path), "-v and --rw show other files and directories")
	}
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		err = checkDevice(real)
	}
	if of := (*fs.PathError)(nil); errors.As(err, &of) {
		err = of.Err
	}
	if err != nil {
		return specs.Mount{}, hinted(fmt.Errorf("device %s: %w", path, err), Hint(err))
	}
	if destination == "" {
		destination = path
	}
	destination = filepath.Clean(destination)
	if ownInDev(destination) && destination != real {
		return specs.Mount{}, fmt.Errorf("device %s: the sandbox has another at %s", path, destination)
	}
	mode := "rw"
	if readOnly {
		mode = "ro"
	}
	return specs.Mount{Type: "bind", Source: real, Destination: destination, Options: []string{"bind", "dev", "nosuid", "noexec", mode}}, nil
}

// ownInDev tells whether sbx makes a path in every /dev.
func ownInDev(path string) bool {
	return slices.Contains(devices, strings.TrimPrefix(path, "/dev/")) || slices.ContainsFunc(othersInDev, func(dir string) bool { return below(path, dir) }) ||
		slices.ContainsFunc(deviceLinks, func(l struct{ path, target string }) bool { return below(path, l.path) })
}

// givesDevices tells whether a mount is one of Device.
func givesDevices(m specs.Mount) bool {
	return isBind(m) && slices.Contains(m.Options, "dev") && !slices.Contains(m.Options, "nodev")
}

// othersInDev are the directories below /dev that hold other things, which anybody may make.
var othersInDev = []string{"/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/hugepages", "/dev/fd"}

// checkDevice refuses what is no device that may be given.
func checkDevice(real string) error {
	if !below(real, "/dev") || real == "/dev" || slices.ContainsFunc(othersInDev, func(dir string) bool { return below(real, dir) }) {
		return fmt.Errorf("no device is there")
	}
	found := 0
	err := filepath.WalkDir(real, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() || d.Type()&fs.ModeSymlink != 0:
			return nil
		case d.Type()&fs.ModeDevice == 0:
			return fmt.Errorf("%s is no device", path)
		}
		found++
		return checkNode(path, path == real)
	})
	if err == nil && found == 0 {
		err = fmt.Errorf("no device is there")
	}
	return err
}

// checkNode refuses a terminal, and the device itself where the caller may not open it; of a
// directory those may be some.
func checkNode(path string, itself bool) error {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFCHR && isTerminalNumber(unix.Major(st.Rdev), unix.Minor(st.Rdev)) {
		return hinted(fmt.Errorf("%s is a terminal, or shows one", path), "the command gets a terminal of its own with -t")
	}
	if itself && unix.Access(path, unix.R_OK) != nil {
		if err := unix.Access(path, unix.W_OK); err != nil {
			return hinted(err, "you may not open it either: ls -l "+path+" shows who may")
		}
	}
	return nil
}

// isTerminalNumber tells whether a character device is a console or the terminal of a session
// (Documentation/admin-guide/devices.txt). A serial line is none, unless it is this session's.
func isTerminalNumber(major, minor uint32) bool {
	switch {
	case major == 2 || major == 3 || major == 5 && minor < 64 || major >= 136 && major <= 143: // of BSD; /dev/tty, console and ptmx; /dev/pts
		return true
	case major == 4 && minor < 64 || major == 7: // virtual consoles, and what is on their screens
		return true
	}
	own, other, ok := ownTerminal()
	return ok && own == major && other == minor
}

// ownTerminal is the number of this session's terminal (proc_pid_stat(5), tty_nr).
func ownTerminal() (major, minor uint32, ok bool) {
	stat, _ := os.ReadFile("/proc/self/stat")
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 5 {
		return 0, 0, false
	}
	n, err := strconv.ParseUint(fields[4], 10, 32)
	return uint32(n>>8) & 0xfff, uint32(n)&0xff | uint32(n>>12)&0xfff00, err == nil && n != 0
}

// harmlessDevices are in every sandbox, so that a bind of one gives nothing: docker's users hide a
// file by /dev/null.
var harmlessDevices = []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}

// completeDevices refuses a bind of a device that nobody could open, and lets those of
// harmlessDevices be opened.
func (s Spec) completeDevices(h Host, own []specs.Mount) error {
	for i, m := range own {
		switch {
		case !isBind(m) || h.Files[m.Source]&fs.ModeDevice == 0:
		case slices.Contains(harmlessDevices, m.Source):
			options := slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return o == "nodev" })
			own[i].Options = append(options, "dev")
		case !givesDevices(m):
			return hinted(fmt.Errorf("%s is a device, which a bind does not let open", m.Source), "--device "+m.Source)
		}
	}
	return s.checkReadOnlyDevices(h, own)
}

// checkReadOnlyDevices refuses a device that is to be read only where nothing could keep it from
// being written. A read-only mount does not: it is about what the file system holds. Landlock
// does, unless the directory around is one that the command may write.
func (s Spec) checkReadOnlyDevices(h Host, own []specs.Mount) error {
	i := slices.IndexFunc(own, func(m specs.Mount) bool { return isReadOnlyDevice(m) && !slices.Contains(harmlessDevices, m.Source) })
	if i < 0 {
		return nil
	}
	why := ""
	switch {
	case s.UserNS:
		why = "Landlock, which holds it, cannot be used with --allow-userns"
	case h.Landlock < landlock.Floor:
		why = landlockMissing(h)
	case s.View != HostView && (s.OCI.Root == nil || !s.OCI.Root.Readonly):
		why = "the root is writable; with --read-only it can"
	case !below(own[i].Destination, "/dev"):
		why = own[i].Destination + " is not below /dev"
	default:
		return nil
	}
	return hinted(fmt.Errorf("device %s cannot be given read-only: %s", own[i].Source, why), "leave :ro out")
}

func isReadOnlyDevice(m specs.Mount) bool {
	return givesDevices(m) && slices.Contains(m.Options, "ro")
}

// deviceNotes tell of directories of devices that are shown by a bind: none can be opened.
func (s Spec) deviceNotes(h Host) (notes []string) {
	for _, m := range s.OCI.Mounts {
		others := slices.ContainsFunc(othersInDev, func(dir string) bool { return below(m.Source, dir) })
		if isBind(m) && !givesDevices(m) && !others && below(m.Source, "/dev") && h.isDir(m.Source) {
			notes = append(notes, fmt.Sprintf("no device in %s can be opened; --device %s gives them", m.Source, m.Source))
		}
	}
	return notes
}

// grantDev grants what is in /dev: all of it, or where a device is to be read only each of the
// others by itself, since a grant holds for all that is below.
func (c *compiler) grantDev(grant func(string, int, landlock.Rights, bool)) {
	const use = landlock.WriteFiles | landlock.Devices
	if !slices.ContainsFunc(c.spec.OCI.Mounts, isReadOnlyDevice) {
		grant("/dev", -1, landlock.Read|use, false)
		return
	}
	grant("/dev", -1, landlock.Read, false)
	for _, name := range devices {
		grant("/dev/"+name, -1, use, true)
	}
	grant("/dev/pts", -1, use, false)
}
