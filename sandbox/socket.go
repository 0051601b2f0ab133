package sandbox

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// landlockSockets is the ABI version from which Landlock itself keeps a process
// from named sockets, but for those that it or its children made.
const landlockSockets = 9

// refusesSockets tells whether Landlock does so.
func (h *Host) refusesSockets(s Spec) bool { return h.Landlock >= landlockSockets && !s.UserNS }

// namedSockets finds the named sockets of the host's processes, by the names they
// were bound to, which /proc/net/unix lists. A read-only mount does not keep
// anybody from connecting to one.
func (h *Host) namedSockets() []string {
	fd, err := unix.Open("/proc/net/unix", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil // no sockets in this kernel
	}
	defer unix.Close(fd)
	var text []byte
	buf := make([]byte, 16<<10)
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
// with @ there. A name without a slash is relative to where its process was.
func socketNames(text []byte) (paths []string) {
	_, text, _ = bytes.Cut(text, []byte("\n")) // the heading
	for line := range bytes.Lines(text) {
		rest := string(bytes.TrimSuffix(line, []byte("\n")))
		for range 7 {
			rest = strings.TrimLeft(rest, " ")
			_, rest, _ = strings.Cut(rest, " ")
		}
		if rest != "" && rest[0] != '@' {
			paths = append(paths, rest)
		}
	}
	return paths
}

// meansSockets tells whether a bind is there for the sockets in it: it is one, or
// was exposed.
func (s Spec) meansSockets(h Host, m specs.Mount) bool {
	return h.Files[m.Source]&fs.ModeSocket != 0 || slices.ContainsFunc(s.Exposed, func(e string) bool { return below(h.real(m.Source), e) })
}

// exposedSockets are the places inside of sockets that were exposed by name.
func (s Spec) exposedSockets(h Host) (paths []string) {
	for _, e := range s.Exposed {
		if h.Files[e]&fs.ModeSocket == 0 {
			continue
		}
		for _, m := range s.OCI.Mounts {
			if source := h.real(m.Source); isBind(m) && e != source && below(e, source) {
				paths = append(paths, m.Destination+strings.TrimPrefix(e, strings.TrimSuffix(source, "/")))
			}
		}
	}
	return paths
}
