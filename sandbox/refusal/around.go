package refusal

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns"
)

// Around is what is around this process. Look fills one; a test fills it by hand.
type Around struct {
	// Setting reads a setting of the kernel by its name in sysctl(8), or nothing where
	// there is none.
	Setting func(name string) string
	// Try makes namespaces and has their first process do the steps, and nothing more.
	Try func(userns.Namespaces, ...userns.Step) error
	// Program is the path of sbx.
	Program string
	// AppArmor is the profile that confines this process, with its mode, and SELinux
	// its label, or nothing.
	AppArmor, SELinux string
	// Filtered says that a seccomp filter is over this process.
	Filtered bool
	// Inside is what this process is in: "docker", "podman", "sbx", or nothing that is
	// known.
	Inside string
	// Nested says that it is in a user namespace other than the machine's first, Chroot
	// that its root is no mount, and Unmapped that it has no user id there.
	Nested, Chroot, Unmapped bool
	// NoSetFCap says that this is root without the capability that it takes to be root
	// in a user namespace too.
	NoSetFCap bool
}

// Look looks around.
func Look() Around {
	a := Around{Setting: Setting, Try: try, Program: program(), Inside: inside()}
	a.Nested, a.Unmapped = ids(read("/proc/self/uid_map"), os.Geteuid())
	a.AppArmor, a.SELinux = labels(read("/proc/self/attr/apparmor/current"), read("/proc/self/attr/current"))
	status := read("/proc/self/status")
	a.Filtered = strings.Contains(status, "\nSeccomp:\t2\n")
	a.NoSetFCap = os.Geteuid() == 0 && !effective(status, unix.CAP_SETFCAP)
	var st unix.Statx_t
	if unix.Statx(unix.AT_FDCWD, "/", 0, 0, &st) == nil && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		a.Chroot = st.Attributes&unix.STATX_ATTR_MOUNT_ROOT == 0
	}
	return a
}

func read(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(bytes.TrimRight(b, "\x00"))
}

// Setting reads a setting of the kernel, or nothing where there is none by that name.
func Setting(name string) string {
	return strings.TrimSpace(read("/proc/sys/" + strings.ReplaceAll(name, ".", "/")))
}

func try(namespaces userns.Namespaces, steps ...userns.Step) error {
	child, err := userns.Plan{Namespaces: namespaces, Steps: append(slices.Clip(steps), userns.Exit{})}.Start(userns.Input{})
	if err != nil {
		return err
	}
	_, err = child.Wait()
	return err
}

// effective reads whether a process has a capability.
func effective(status string, capability int) bool {
	_, set, _ := strings.Cut(status, "\nCapEff:\t")
	set, _, _ = strings.Cut(set, "\n")
	caps, err := strconv.ParseUint(set, 16, 64)
	return err != nil || caps&(1<<capability) != 0
}

// program is the path of sbx, which starts sbx-image.
func program() string {
	self, err := os.Executable()
	if err != nil {
		return "/usr/local/bin/sbx"
	}
	dir, name := filepath.Split(self)
	if name != "sbx-image" {
		return self
	}
	for _, path := range []string{filepath.Join(dir, "sbx"), filepath.Join(dir, "../../bin/sbx")} {
		if unix.Access(path, unix.X_OK) == nil {
			return path
		}
	}
	return self
}

// inside goes by what runtimes leave for that.
func inside() string {
	switch {
	case strings.TrimSpace(read("/proc/1/comm")) == "sbx-init":
		return "sbx"
	case unix.Access("/run/.containerenv", unix.F_OK) == nil:
		return "podman"
	case unix.Access("/.dockerenv", unix.F_OK) == nil:
		return "docker"
	}
	return ""
}

// labels reads what /proc/self/attr says. A label of SELinux has colons; an AppArmor
// alone is in both files.
func labels(apparmor, current string) (profile, label string) {
	if profile = strings.TrimSpace(apparmor); profile == "unconfined" {
		profile = ""
	}
	if current = strings.TrimSpace(current); strings.Count(current, ":") >= 3 {
		label = current
	}
	return profile, label
}

// ids reads the map of this process's own user namespace: whether it is another than
// the machine's first, and has nothing for the user.
func ids(text string, uid int) (nested, unmapped bool) {
	fields := strings.Fields(text)
	if slices.Equal(fields, []string{"0", "0", "4294967295"}) {
		return false, false
	}
	m, err := parseMap(fields)
	if err != nil {
		return false, false
	}
	_, mapped := m.ToOutside(uint32(uid))
	return true, !mapped
}

func parseMap(fields []string) (idmap.Map, error) {
	var lines []string
	for i := 0; i+2 < len(fields); i += 3 {
		lines = append(lines, strings.Join(fields[i:i+3], ":"))
	}
	if lines == nil {
		return nil, nil // a namespace that has no map yet
	}
	return idmap.Parse(strings.Join(lines, ","))
}
