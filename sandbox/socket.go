package sandbox

import (
	"bytes"
	"strings"

	"golang.org/x/sys/unix"
)

// landlockSockets is the ABI version from which Landlock itself keeps a process
// from named sockets.
const landlockSockets = 9

// namedSockets finds the named sockets of the host's processes. A read-only mount
// does not keep anybody from connecting to one, so those that would be seen are
// covered. /proc/net/unix lists them by the names they were bound to.
func (h *Host) namedSockets() []string {
	if h.Landlock >= landlockSockets {
		return nil
	}
	fd, err := unix.Open("/proc/net/unix", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // no sockets in this kernel
	}
	defer unix.Close(fd)
	var text []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := unix.Read(fd, buf)
		if err != nil || n <= 0 {
			break
		}
		text = append(text, buf[:n]...)
	}
	return socketNames(text)
}

// socketNames reads the names out of /proc/net/unix: the eighth word of a line,
// where there is one, and what follows it (proc_net(5)). Abstract names begin
// with @ there.
func socketNames(text []byte) (paths []string) {
	for line := range bytes.Lines(text) {
		rest := string(bytes.TrimSuffix(line, []byte("\n")))
		for range 7 {
			rest = strings.TrimLeft(rest, " ")
			_, rest, _ = strings.Cut(rest, " ")
		}
		if strings.HasPrefix(rest, "/") {
			paths = append(paths, rest)
		}
	}
	return paths
}
