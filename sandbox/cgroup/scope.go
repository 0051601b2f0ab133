package cgroup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	systemd "github.com/coreos/go-systemd/v22/dbus"
	"github.com/godbus/dbus/v5"
)

// patience is how long systemd may take. It answers in milliseconds; a machine that is
// swapping takes longer, and a bus that does not answer must not hold the command for
// ever.
const patience = 10 * time.Second

// newScope has systemd move this process into a new scope, whose cgroup is the
// caller's to divide, and gives its path. When all that is in it has ended, whatever
// way, systemd removes it.
func newScope(ctx context.Context, h Host, p Place, id string) (path string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var refused []error
	for _, socket := range p.Sockets {
		path, err = scopeAt(ctx, socket, slices.Contains(h.Buses, socket), prefix+id+".scope")
		if err == nil {
			return path, nil
		}
		refused = append(refused, fmt.Errorf("%s: %w", socket, err))
		if ctx.Err() != nil {
			break
		}
	}
	return "", &Unavailable{fmt.Sprintf("systemd gave no scope: %v", errors.Join(refused...)),
		"systemctl --user status says whether your systemd runs; loginctl enable-linger " + h.User + " has it run"}
}

func scopeAt(ctx context.Context, socket string, bus bool, unit string) (path string, err error) {
	deadline, _ := ctx.Deadline()
	defer func() {
		// The connection's own deadline may be a moment earlier than the context's.
		if err != nil && (ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)) {
			err = errors.New("no answer in time")
		}
	}()
	conn, err := systemd.NewConnection(func() (*dbus.Conn, error) { return dial(ctx, socket, bus, deadline) })
	if err != nil {
		return "", err
	}
	defer conn.Close()
	done := make(chan string, 1)
	_, err = conn.StartTransientUnitContext(ctx, unit, "fail", []systemd.Property{
		systemd.PropDescription("sbx"),
		systemd.PropPids(uint32(os.Getpid())),
		{Name: "Delegate", Value: dbus.MakeVariant(true)},
		{Name: "CollectMode", Value: dbus.MakeVariant("inactive-or-failed")},
	}, done)
	if err != nil {
		return "", err
	}
	select {
	case result := <-done:
		if result != "done" {
			return "", fmt.Errorf("the job ended as %q", result)
		}
	case <-ctx.Done():
		return "", ctx.Err()
	}
	property, err := conn.GetUnitTypePropertyContext(ctx, unit, "Scope", "ControlGroup")
	if err != nil {
		return "", err
	}
	group, ok := property.Value.Value().(string)
	if !ok || filepath.Base(group) != unit || !filepath.IsAbs(group) {
		return "", fmt.Errorf("the scope has the cgroup %q", group)
	}
	path = filepath.Join(Root, group)
	reclaimScopes(ctx, conn, path, time.Now())
	return path, nil
}

// settled is the age from which on a scope without a process is nobody's. One that is
// being made has none for a moment.
const settled = 10 * time.Second

// reclaimScopes has systemd remove scopes of sbx's beside that one in which nothing is.
// It does so by itself when the last process ends, but can miss that of one that is killed
// while its scope is made.
func reclaimScopes(ctx context.Context, conn *systemd.Conn, path string, now time.Time) {
	for _, scope := range emptyScopes(filepath.Dir(path), now) {
		_, _ = conn.StopUnitContext(ctx, scope, "fail", nil) // the next one tries again
	}
}

func emptyScopes(slice string, now time.Time) (units []string) {
	dirs, _ := filepath.Glob(filepath.Join(slice, prefix+"*.scope"))
	for _, dir := range dirs {
		events, err := os.ReadFile(filepath.Join(dir, "cgroup.events"))
		info, statErr := os.Stat(dir)
		if err == nil && statErr == nil && strings.Contains(string(events), "populated 0") && now.Sub(info.ModTime()) > settled {
			units = append(units, filepath.Base(dir))
		}
	}
	return units
}

// dial connects to systemd itself, or to it through a bus, whose first word is Hello.
// All that is said on the connection must be said by the deadline.
func dial(ctx context.Context, socket string, bus bool, deadline time.Time) (*dbus.Conn, error) {
	stream, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if err := stream.SetDeadline(deadline); err != nil {
		stream.Close()
		return nil, err
	}
	conn, err := dbus.NewConn(stream, dbus.WithContext(ctx))
	if err == nil {
		if err = conn.Auth([]dbus.Auth{dbus.AuthExternal(strconv.Itoa(os.Getuid()))}); err == nil && bus {
			err = conn.Hello()
		}
		if err != nil {
			conn.Close()
		}
	}
	return conn, err
}
