package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// handedOver are the calls that the child makes between the filter and the moment
// at which somebody hears its notifications. If one of them waited for an answer,
// it would wait for ever.
var handedOver = []string{"sendmsg", "close", "ppoll", "read", "write", "exit_group"}

// checkNotify refuses a profile whose notifications could never be heard.
func checkNotify(p *specs.LinuxSeccomp) error {
	for _, call := range handedOver {
		action := p.DefaultAction
		for _, rule := range p.Syscalls {
			if slices.Contains(rule.Names, call) {
				action = rule.Action
			}
		}
		if action == specs.ActNotify {
			return fmt.Errorf("a profile that notifies of %s cannot be used: it is how the listener is handed over", call)
		}
	}
	return nil
}

// notified hands the listener on: to the caller's function, or to the socket that
// the profile names, as OCI wants it: one message with the state of the process
// and the descriptor (runtime-spec, "seccomp.listenerPath").
func (c *Cmd) notified(spec Spec, f *os.File, p *userns.Process) error {
	defer f.Close()
	profile := spec.OCI.Linux.Seccomp
	switch {
	case c.Notified != nil:
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 3)
		if err != nil {
			return fmt.Errorf("seccomp listener: %w", err)
		}
		return c.Notified(os.NewFile(uintptr(fd), string(Listener)))
	case profile == nil || profile.ListenerPath == "":
		return hinted(fmt.Errorf("the seccomp profile notifies, and nobody listens"), "name a socket in its listenerPath")
	}
	state, err := json.Marshal(specs.ContainerProcessState{
		Version: spec.OCI.Version, Fds: []string{specs.SeccompFdName}, Pid: p.PID(), Metadata: profile.ListenerMetadata,
		State: specs.State{Version: spec.OCI.Version, ID: spec.OCI.Hostname, Status: specs.StateCreating, Pid: p.PID(), Bundle: "/"},
	})
	if err != nil {
		return err
	}
	return sendDescriptor(profile.ListenerPath, state, int(f.Fd()))
}

// sendDescriptor sends a message with a descriptor to a socket. Package net would
// do it as well, and cost every start its own initialization.
func sendDescriptor(path string, message []byte, fd int) error {
	s, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("seccomp listener: %w", err)
	}
	defer unix.Close(s)
	if err := unix.Connect(s, &unix.SockaddrUnix{Name: path}); err != nil {
		return fmt.Errorf("seccomp listener %s: %w", path, err)
	}
	if err := unix.Sendmsg(s, message, unix.UnixRights(fd), nil, 0); err != nil {
		return fmt.Errorf("seccomp listener %s: %w", path, err)
	}
	return nil
}
