package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// Follow has systemd move this process into the scope that a sandbox's cgroup is in,
// beside the sandbox's supervisor. From there it may have a child born in the cgroup:
// who does must be allowed to move processes in the cgroup above both (cgroups(7)), and
// what is above a scope and a login session is root's.
func Follow(ctx context.Context, dir *os.File) error {
	path, err := os.Readlink("/proc/self/fd/" + strconv.Itoa(int(dir.Fd())))
	if err != nil {
		return err
	}
	unit := scopeOf(path)
	if unit == "" {
		return fmt.Errorf("the cgroup %s is in no scope of systemd's", path)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	h := Host{UID: os.Getuid()}
	h.sockets(os.Getenv)
	refused := []error{errors.New("systemd moved this process into no scope")}
	for _, socket := range h.Sockets {
		if err = attach(ctx, socket, slices.Contains(h.Buses, socket), unit); err == nil {
			return nil
		}
		refused = append(refused, fmt.Errorf("%s: %w", socket, err))
	}
	return errors.Join(refused...)
}

// scopeOf is the innermost scope of sbx's that a cgroup is in, or nothing.
func scopeOf(path string) (unit string) {
	for _, part := range strings.Split(path, "/") {
		if strings.HasPrefix(part, prefix) && strings.HasSuffix(part, ".scope") {
			unit = part
		}
	}
	return unit
}

func attach(ctx context.Context, socket string, bus bool, unit string) error {
	deadline, _ := ctx.Deadline()
	conn, err := systemd.NewConnection(func() (*dbus.Conn, error) { return dial(ctx, socket, bus, deadline) })
	if err != nil {
		return err
	}
	defer conn.Close()
	return conn.AttachProcessesToUnit(ctx, unit, "/"+supervisorName, []uint32{uint32(os.Getpid())})
}

// supervisorName is the cgroup of a scope that sbx itself is in.
const supervisorName = "supervisor"
