package main

import (
	"cmp"
	"fmt"
	"path"
	"strings"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/userns"
)

// sayAttempts tells a command that failed what it tried of the network in vain, which nothing
// but the kernel saw.
func sayAttempts(u ui, f *runFlags, s sandbox.Spec, a sandbox.Attempts) {
	ports := a.NoPort
	if len(f.Publish) > 0 { // sbx itself tries those while nobody listens yet
		ports = 0
	}
	switch {
	case f.NetLearn:
	case s.Egress != nil && a.NoRoute+ports > 0:
		u.say("refused: %s; --net-learn says which", refusedByKernel(a.NoRoute, ports))
	case s.Egress != nil:
	case a.NoRoute+a.NoServer > 0:
		u.say("%s tried %s: no network in this sandbox; %s", path.Base(cmp.Or(f.program(), "the command")), plural(a.NoRoute+a.NoServer, "time", "times"), f.networkHint())
	case ports > 0:
		u.say("%s refused; --host-port PORT leads to a port of this machine", plural(ports, "connection to the sandbox's localhost was", "connections to the sandbox's localhost were"))
	}
}

// refusedByKernel says how much of each kind there was.
func refusedByKernel(routes, ports int) string {
	var all []string
	if routes > 0 {
		all = append(all, plural(routes, "attempt to reach an address that no rule names", "attempts to reach addresses that no rule names"))
	}
	if ports > 0 {
		all = append(all, plural(ports, "connection to a port that no rule names or nothing serves", "connections to ports that no rule names or nothing serves"))
	}
	return strings.Join(all, " and ")
}

func plural(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// networkHint is the command that has the network which its profile names, or else one by
// which its hosts are learnt.
func (f *runFlags) networkHint() string {
	var hosts []string
	for _, v := range f.profile.Network.Hosts {
		hosts = append(hosts, v.Text)
	}
	switch gives := strings.Join(hosts, " "); {
	case len(hosts) == 0:
		return f.repeated("--net-learn") + " gives one"
	case len(gives) > 40:
		return f.repeated("--net allow") + " gives its profile's hosts"
	default:
		return f.repeated("--net allow") + " gives " + gives
	}
}

// longestCommand is how much of a command is repeated.
const longestCommand = 40

// repeated is the command line with another flag, as far as it is short.
func (f *runFlags) repeated(flag string) string {
	if f.program() == "" {
		return "sbx run " + flag
	}
	line := strings.TrimPrefix(userns.Exec{Argv: f.command}.String(), "exec ")
	if len(line) > longestCommand {
		line = strings.TrimPrefix(userns.Exec{Argv: f.command[:1]}.String(), "exec ") + " ..."
	}
	return "sbx run " + flag + " -- " + line
}

// program is what is run, or nothing where that is for an image to say.
func (f *runFlags) program() string {
	if len(f.command) == 0 {
		return ""
	}
	return f.command[0]
}
