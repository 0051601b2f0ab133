package main

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/sbxrun/sbx/sandbox"
)

// recorded tells whether the sandbox is written down, for others to find.
func (f *runFlags) recorded() bool { return f.Detach || f.Name != "" || f.Cidfile != "" }

// writeCidfile writes the sandbox's id to a new file, as docker does.
func (f *runFlags) writeCidfile(id string) error {
	if f.Cidfile == "" {
		return nil
	}
	file, err := os.OpenFile(string(f.Cidfile), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return fmt.Errorf("--cidfile: %w", err)
	}
	_, err = file.WriteString(id)
	if e := file.Close(); err == nil {
		err = e
	}
	return err
}

func (f *runFlags) checkLabels() error {
	for _, l := range texts(f.Label) {
		if name, _, _ := strings.Cut(l, "="); name == "" {
			return fmt.Errorf("--label %q has no name", l)
		}
	}
	return nil
}

// labels are those of --label, the last of each name.
func (f *runFlags) labels() map[string]string {
	var labels map[string]string
	for _, l := range texts(f.Label) {
		name, value, _ := strings.Cut(l, "=")
		if labels == nil {
			labels = map[string]string{}
		}
		labels[name] = value
	}
	return labels
}

// addHosts adds the lines of --add-host, NAME:IP or NAME=IP.
func (f *runFlags) addHosts(s *sandbox.Spec) error {
	for _, text := range texts(f.AddHost) {
		at := strings.IndexAny(text, ":=")
		if at < 1 {
			return fmt.Errorf("--add-host %s: want NAME:IP", text)
		}
		name, address := text[:at], strings.Trim(text[at+1:], "[]")
		if address == "host-gateway" {
			return hinted{fmt.Errorf("--add-host %s: the host has no address inside", text), "--host-port PORT has a port of the host's loopback at the sandbox's own"}
		}
		ip, err := netip.ParseAddr(address)
		if err != nil || ip.Zone() != "" || strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-._") != "" {
			return fmt.Errorf("--add-host %s: want NAME:IP", text)
		}
		s.Hosts = append(s.Hosts, ip.String()+" "+name)
	}
	return nil
}

// checkStop checks the flags of the end.
func (f *runFlags) checkStop() error {
	if _, err := parseSignal(f.StopSignal); err != nil {
		return fmt.Errorf("--stop-signal: %w", err)
	}
	if f.StopTimeout != nil && *f.StopTimeout < 0 {
		return fmt.Errorf("--stop-timeout %s is in the past", time.Duration(*f.StopTimeout))
	}
	return nil
}

// grace is how long the command has to end when it is asked to.
func (f *runFlags) grace(usual time.Duration) time.Duration {
	if f.StopTimeout != nil {
		return time.Duration(*f.StopTimeout)
	}
	return usual
}

// dockerFlags are docker's and podman's flags of run that sbx has not, and what to do.
var dockerFlags = [...]struct{ names, instead string }{
	{"privileged", "a sandbox has no rights over the machine; --cap-add, --allow-userns and --rw give what a command needs"},
	{"gpus", "--device /dev/dri gives the graphics devices, --device /dev/nvidia0 and its like those of NVIDIA"},
	{"link network-alias ip pod", "sandboxes have no network in common: -p publishes a port, --host-port PORT reaches it from another"},
	{"volumes-from", "-v NAME:/path mounts the same volume in both"},
	{"dns dns-search", "names are looked up as the host does; --net host uses the host's resolv.conf"},
	{"expose publish-all", "-p PORT publishes a port"},
	{"pid", "a sandbox sees its own processes only"},
	{"ipc", "a sandbox has its own IPC; --shm-size bounds /dev/shm"},
	{"uts", "a sandbox has its own host name: --hostname"},
	{"cgroupns", "a sandbox has its own cgroup namespace"},
	{"runtime", "sbx is the runtime"},
	{"mac-address", "--net user and --net allow need none"},
	{"sysctl", "set it in the command, where the kernel lets a namespace's owner"},
	{"log-driver log-opt", "sbx logs has the output of sbx run -d; --log-max bounds it"},
	{"health-cmd", "sbx exec NAME CMD asks a sandbox that runs"},
	{"no-healthcheck", "sbx runs no health checks"},
	{"storage-opt", "--disk SIZE bounds what is written"},
	{"memory-reservation", "--memory SIZE limits the memory"},
	{"oom-kill-disable", "--memory SIZE limits the memory, and the kernel ends what goes beyond"},
	{"blkio-weight", "--io-max DEVICE:rbps=SIZE limits a disk"},
	{"attach", "sbx run shows output and errors; with -d, sbx attach does"},
	{"replace", "sbx rm -f NAME first"},
	{"domainname", "--hostname NAME sets the host name"},
	{"label-file", "--label NAME=VALUE, once for each"},
	{"userns-uid-map", "--userns UIDMAP"},
}

// explainFlag adds to an error about a word of docker's what to do instead.
func explainFlag(err error) error {
	text := err.Error()
	if rest, ok := strings.CutPrefix(text, "--net must be one of"); ok {
		_, got, _ := strings.Cut(rest, "but got ")
		return hinted{fmt.Errorf("--network %s cannot be had: want none, allow, user or host", strings.Trim(got, `"`)),
			"sandboxes have no network in common; --net user reaches the internet, -p PORT publishes a port"}
	}
	flag, ok := strings.CutPrefix(text, "unknown flag --")
	if !ok {
		return err
	}
	flag, _, _ = strings.Cut(flag, ",")
	for _, a := range dockerFlags {
		for name := range strings.FieldsSeq(a.names) {
			if name == flag {
				return hinted{fmt.Errorf("--%s cannot be had", flag), a.instead}
			}
		}
	}
	return err
}
