package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// addNetwork says which network there is.
func addNetwork(f *runFlags, s *sandbox.Spec) error {
	if f.NetLearn {
		f.Allow = append(f.Allow, everything)
	}
	named := len(f.Allow)+len(f.Deny)+len(f.AllowPrivate)+len(f.HostPort) > 0
	switch {
	case f.NetDriver != "" && f.Net != "user":
		return fmt.Errorf("--net-driver says what serves --net user")
	case f.NetLearn && (f.Net == "host" || f.Net == "none" || f.Net == "user"):
		return fmt.Errorf("--net-learn allows what is public, and --net %s is another network; choose one", f.Net)
	case f.Net == "user":
		if err := addUserNetwork(f, s); err != nil {
			return err
		}
		named = false // what --deny names it has taken
	case f.Net == "host" && named:
		return fmt.Errorf("--net host is all of the host's network, and --allow, --deny, --allow-private and --host-port name parts of it; choose one")
	case f.Net == "none" && named:
		return fmt.Errorf("--net none is nothing, and --allow, --deny, --allow-private and --host-port name something; choose one")
	case f.ProxyEnv && f.Net == "host":
		return fmt.Errorf("--net host is all of the host's network, and needs no proxy of --proxy-env; choose one")
	case f.ProxyEnv && f.Net != "allow" && !named:
		return fmt.Errorf("--proxy-env is a proxy to what is allowed; say what with --allow")
	case f.NetLog != "" && f.Net != "allow" && !named && len(f.Publish) == 0:
		return fmt.Errorf("--net-log writes what is allowed and refused; say what with --allow")
	}
	if s.HostNetwork = f.Net == "host"; s.HostNetwork {
		f.note("--net host: the network is not isolated; the command reaches all that you do, and the services of this machine")
	}
	if f.Net == "allow" || named {
		s.Egress = &sandbox.Egress{Allow: texts(f.Allow), Deny: texts(f.Deny), Private: texts(f.AllowPrivate), Proxy: f.ProxyEnv,
			Owners: f.NetLog != "" || f.Receipt != ""}
	}
	for _, text := range texts(f.HostPort) {
		p, err := sandbox.ParseHostPort(text)
		if err != nil {
			return err
		}
		s.Egress.HostPorts = append(s.Egress.HostPorts, p)
	}
	for _, text := range texts(f.Publish) {
		ports, err := sandbox.ParsePublished(text)
		if err != nil {
			return err
		}
		s.Publish = append(s.Publish, ports...)
	}
	if err := addHosts(f, s); err != nil || s.Egress == nil {
		return err
	}
	return checkAllowed(f, s.Egress.Allow)
}

// maxRefusals is how many lines of them are said.
const maxRefusals = 5

// sayRefused tells what was refused, each thing once with how often, and what would
// allow it.
func sayRefused(u ui, flows []egress.Flow, sets *setHint) {
	counts := map[string]int{}
	var order []string
	for _, f := range flows {
		if (f.Allowed && !proxyFailed(f)) || f.Error == "" {
			continue
		}
		line := refusedFlow(f, sets)
		if counts[line]++; counts[line] == 1 {
			order = append(order, line)
		}
	}
	for i, line := range order {
		if i == maxRefusals-1 && len(order) > maxRefusals {
			u.say("refused %d more; --net-log FILE writes all", len(order)-i)
			return
		}
		if n := counts[line]; n > 1 {
			line = fmt.Sprintf("refused %d times: %s", n, line)
		} else {
			line = "refused: " + line
		}
		u.say("%s", line)
	}
}

// sayNotFound tells which names are allowed and have no address, each once, and why.
func sayNotFound(u ui, flows []egress.Flow) {
	said := map[string]bool{}
	for _, f := range flows {
		if !f.Allowed || f.Port != 0 || f.Error == "" || f.Host == "" || said[f.Host] {
			continue
		}
		if said[f.Host] = true; len(said) == maxRefusals {
			u.say("more names are allowed and were not found; --net-log FILE writes all")
			return
		}
		u.say("not found: %s, which is allowed: %s", f.Host, f.Error)
	}
}

// refusedFlow is what was refused, and why or how to allow it.
func refusedFlow(f egress.Flow, sets *setHint) string {
	host := f.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	to := fmt.Sprintf("%s:%d", host, f.Port)
	if f.Port == 0 {
		to = host
	}
	switch {
	case f.Host == "":
		return f.Error
	case f.Network == "udp":
		return fmt.Sprintf("UDP to %s: %s", to, f.Error)
	case proxyFailed(f):
		return fmt.Sprintf("%s: %s", to, f.Error)
	case f.Rule == "" && isLoopback(f.Host):
		return fmt.Sprintf("%s, which is the sandbox itself; --host-port %d has that port of this machine", to, f.Port)
	case f.Rule == "":
		return fmt.Sprintf("%s; allow it with --allow %s", to, cmp.Or(sets.of(f), to))
	case strings.HasPrefix(f.Rule, "--deny "):
		return fmt.Sprintf("%s, by %s", to, f.Rule)
	}
	return fmt.Sprintf("%s: %s", to, f.Error)
}
