package sandbox

import (
	"os"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// A hostMount is a line of /proc/self/mountinfo (proc_pid_mountinfo(5)): the directory
// root of a device is seen at point.
type hostMount struct{ device, root, point string }

// hostMounts are the host's mounts, or none where they do not matter.
type hostMounts []hostMount

// mountsAround reads the host's mounts where own paths and writable roots are not all in
// one mount, in which a directory has one path. That is nearly never, and reading them
// costs more than all else.
func mountsAround(own []OwnPath, roots []writableRoot) (hostMounts, error) {
	var first uint64
	differ := func(p string) bool {
		id := mountOf(p)
		if first == 0 {
			first = id
		}
		return id != first
	}
	if slices.ContainsFunc(roots, func(r writableRoot) bool { return differ(r.source) }) ||
		slices.ContainsFunc(own, func(o OwnPath) bool { return differ(o.Path) }) {
		return readMounts()
	}
	return nil, nil
}

// mountOf is the id of the mount that a path is in, or the nearest that exists above it.
func mountOf(p string) uint64 {
	var st unix.Statx_t
	for ; ; p = path.Dir(p) {
		if err := unix.Statx(unix.AT_FDCWD, p, 0, unix.STATX_MNT_ID, &st); err == nil || p == "/" || p == "." {
			return st.Mnt_id
		}
	}
}

func readMounts() (mounts hostMounts, err error) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 {
			mounts = append(mounts, hostMount{f[2], unescape(f[3]), unescape(f[4])})
		}
	}
	return mounts, err
}

// unescape undoes what the kernel does to spaces, tabs, newlines and backslashes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`, `\043`, "#").Replace(s)
}

// aliases are the other paths of a directory, by other mounts of its device.
func (mounts hostMounts) aliases(p string) (paths []string) {
	var in hostMount
	for _, m := range mounts {
		if below(p, m.point) && len(m.point) >= len(in.point) {
			in = m // of two at one place the later one is seen
		}
	}
	if in.point == "" {
		return nil
	}
	inside := path.Join(in.root, strings.TrimPrefix(p, strings.TrimSuffix(in.point, "/")))
	for _, m := range mounts {
		if m.device != in.device || !below(inside, m.root) {
			continue
		}
		if at := path.Join(m.point, strings.TrimPrefix(inside, strings.TrimSuffix(m.root, "/"))); at != p {
			paths = append(paths, at)
		}
	}
	return paths
}
