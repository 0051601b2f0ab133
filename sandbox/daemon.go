package sandbox

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/layer"
	"github.com/sbxrun/sbx/userns"
)

// daemon is a program beside the sandbox that serves it: fuse-overlayfs its root, or
// pasta or slirp4netns its network.
type daemon struct {
	name    string
	process *userns.Process
	said    *os.File // what it printed as errors
}

// serve starts fuse-overlayfs on a connection of the sandbox p. What it has in memory is
// a part of the disk, if there is one.
func serve(s Spec, h Host, connection *os.File, p *userns.Process, disk *diskWatch) (*daemon, error) {
	handle, err := p.Handle()
	if err != nil {
		return nil, err
	}
	defer handle.Close()
	uids := fromOCI(s.OCI.Linux.UIDMappings)
	root, mapped := uids.ToOutside(0)
	union := layer.Union{Lower: s.Layers, Upper: s.Upper}
	in := userns.Input{Files: map[userns.FD]*os.File{layer.FuseFD: connection, layer.Sandbox: handle}}
	if disk != nil && s.Upper == "" {
		union.Memory = diskOptions(fusePart(s.Disk))
		in.Receive = func(_ userns.FD, f *os.File, _ *userns.Process) error { return disk.take(f) }
	}
	return startDaemon("fuse-overlayfs", union.Daemon(h.FuseOverlayfs, mapped && root != h.UID), in)
}

// startDaemon starts one, and keeps what it says of errors.
func startDaemon(name string, plan userns.Plan, in userns.Input) (*daemon, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("memfd: %w", err)
	}
	d := &daemon{name: name, said: os.NewFile(uintptr(fd), name)}
	in.Stderr = d.said
	if d.process, err = plan.Start(in); err != nil {
		d.said.Close()
		// Not wrapped: a step of the daemon's must not pass for one of the command's,
		// whose errors have exit codes of their own.
		return nil, fmt.Errorf("%s: %v", name, err)
	}
	return d, nil
}

// explain adds what the daemon printed to an error of the sandbox that needed
// it.
func (d *daemon) explain(err error) error {
	if said := d.output(); said != "" {
		return fmt.Errorf("%w (%s: %s)", err, d.name, said)
	}
	return err
}

func (d *daemon) output() string {
	b := make([]byte, 1024)
	n, err := d.said.ReadAt(b, 0)
	if err != nil && err != io.EOF {
		return ""
	}
	return withoutNoise(string(b[:n]))
}

// withoutNoise leaves out what fuse-overlayfs 1.10 (Debian 12) says at each start: of its own
// option lazytime, that its own parser does not know it.
func withoutNoise(said string) string {
	lines := slices.DeleteFunc(strings.Split(said, "\n"), func(line string) bool {
		return strings.HasSuffix(line, "unknown argument ignored: lazytime")
	})
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// unmounted is how long fuse-overlayfs may take to end after the sandbox, and
// with it the mount, is gone.
const unmounted = 5 * time.Second

// end waits for the daemon, which ends with the mount that it serves.
func (d *daemon) end() error {
	defer d.said.Close()
	select {
	case <-d.process.Done():
	case <-time.After(unmounted):
		_ = d.process.Kill() // it ended just now
	}
	_, err := d.process.Wait()
	return err
}

// kill ends the daemon, and tells whether it had ended by itself.
func (d *daemon) kill() (early bool) {
	defer d.said.Close()
	select {
	case <-d.process.Done():
		early = true
	default:
		_ = d.process.Kill() // it ended just now
	}
	_, _ = d.process.Wait() // how it ended is no matter
	return early
}
