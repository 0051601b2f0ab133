package cgroup

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

var everything = []string{"cpuset", "cpu", "io", "memory", "pids"}

// session is a shell in a session of systemd's, below a slice of root's.
func session() Host {
	return Host{Mode: Unified, Systemd: true, UID: 1000, User: "ada", Sockets: []string{"/run/user/1000/systemd/private"}, Manager: []string{"memory", "pids"},
		Levels: []Level{{Path: "/sys/fs/cgroup/user.slice/user-1000.slice/session-2.scope", Processes: true, Controllers: []string{"memory", "pids"}}, {Path: Root}}}
}

// container is a shell in one, whose cgroups are its own.
func container(levels ...Level) Host {
	return Host{Mode: Unified, UID: 1000, User: "ada", Levels: levels}
}

func TestChoose(t *testing.T) {
	mine := func(path string, busy bool, controllers, enabled []string) Level {
		return Level{Path: path, Delegated: true, Processes: busy, Controllers: controllers, Enabled: enabled}
	}
	noSession := session()
	noSession.Sockets, noSession.Manager = nil, nil
	unknown := session()
	unknown.Manager = nil
	scope := session()
	scope.Levels = append([]Level{mine("/sys/fs/cgroup/app.slice/sbx-1.scope/supervisor", true, everything, nil), mine("/sys/fs/cgroup/app.slice/sbx-1.scope", false, everything, nil)}, scope.Levels...)
	refused := session()
	refused.Refused = errors.New("systemd gave no scope")
	for name, c := range map[string]struct {
		host    Host
		want    []string
		parent  string
		missing []string
		says    []string // of the error and its hint; none is no error
	}{
		"systemd":                     {host: session(), want: []string{"memory"}},
		"systemd without cpu":         {host: session(), want: []string{"memory", "cpu", "io"}, missing: []string{"cpu", "io"}, says: []string{"controllers cpu, io", "delegate.conf", "daemon-reload"}},
		"systemd that tells nothing":  {host: unknown, want: everything},
		"its scope that there is":     {host: scope, want: everything, parent: "/sys/fs/cgroup/app.slice/sbx-1.scope"},
		"no session":                  {host: noSession, want: []string{"pids"}, says: []string{"no session for you", "loginctl enable-linger ada"}},
		"refused":                     {host: refused, want: []string{"pids"}, says: []string{"gave no scope"}},
		"v1":                          {host: Host{Mode: Legacy}, want: []string{"pids"}, says: []string{"cgroup v1", "systemd.unified_cgroup_hierarchy=1"}},
		"hybrid":                      {host: Host{Mode: Hybrid}, want: []string{"pids"}, says: []string{"cgroup v1", "GRUB_CMDLINE_LINUX"}},
		"nothing":                     {host: Host{Mode: Absent}, want: []string{"pids"}, says: []string{"no cgroup file system", "mount -t cgroup2"}},
		"a parent that passes all on": {host: container(mine("/sys/fs/cgroup/x/main", true, everything, nil), mine("/sys/fs/cgroup/x", false, everything, everything)), want: everything, parent: "/sys/fs/cgroup/x"},
		"a parent that could":         {host: container(mine("/sys/fs/cgroup/x/main", true, everything, nil), mine("/sys/fs/cgroup/x", false, everything, nil)), want: everything, parent: "/sys/fs/cgroup/x"},
		"its own, which passes on":    {host: container(mine("/sys/fs/cgroup", true, everything, everything)), want: everything, parent: "/sys/fs/cgroup"},
		"its own, with processes":     {host: container(mine("/sys/fs/cgroup/x", true, everything, nil)), want: everything, says: []string{"/sys/fs/cgroup/x is yours and has processes", "mkdir /sys/fs/cgroup/x/main"}},
		"nobody's":                    {host: container(Level{Path: "/sys/fs/cgroup/x"}, Level{Path: Root}), want: everything, says: []string{"no cgroup is delegated", "chown 1000"}},
		// What is above one that is not the caller's is out of reach: the right to move a
		// process is that of the nearest cgroup above both.
		"beyond another's": {host: container(Level{Path: "/sys/fs/cgroup/x/y"}, mine("/sys/fs/cgroup/x", false, everything, everything)), want: everything, says: []string{"no cgroup is delegated"}},
		"one with less":    {host: container(mine("/sys/fs/cgroup/x", false, []string{"pids"}, nil)), want: []string{"memory", "pids"}, missing: []string{"memory"}, parent: "/sys/fs/cgroup/x", says: []string{"controller memory cannot be had"}},
		"the better":       {host: container(mine("/sys/fs/cgroup/x/y", false, []string{"pids"}, nil), mine("/sys/fs/cgroup/x", false, everything, []string{"pids"})), want: []string{"memory"}, parent: "/sys/fs/cgroup/x"},
	} {
		p, err := c.host.Choose(c.want)
		if (err != nil) != (c.says != nil) || p.Parent != c.parent || !slices.Equal(p.Missing, c.missing) {
			t.Errorf("%s: %+v, %v", name, p, err)
			continue
		}
		if err == nil && c.parent == "" && len(p.Sockets) == 0 {
			t.Errorf("%s: no place", name)
		}
		text := ""
		var u *Unavailable
		if errors.As(err, &u) {
			text = u.Error() + "\n" + u.Hint()
		} else if err != nil {
			text = err.Error()
		}
		for _, word := range c.says {
			if !strings.Contains(text, word) {
				t.Errorf("%s: %q is not in %s", name, word, text)
			}
		}
	}
}

func TestSockets(t *testing.T) {
	h := Host{UID: 1 << 30}
	// Nothing of anybody else's, no other transport, and no relative name.
	h.sockets(func(name string) string {
		return map[string]string{"XDG_RUNTIME_DIR": "run", "DBUS_SESSION_BUS_ADDRESS": "unixexec:path=/bin/sh;tcp:host=x;unix:path=/dev/log;unix:abstract=y"}[name]
	})
	if len(h.Sockets) > 0 {
		t.Errorf("%v", h.Sockets)
	}
}
