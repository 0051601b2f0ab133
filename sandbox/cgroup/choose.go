package cgroup

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// A Place is where a cgroup is to be made.
type Place struct {
	// Sockets are tried in order for a scope of systemd's. Empty is Parent.
	Sockets []string
	Parent  string
	// Missing are the controllers that cannot be had there.
	Missing []string
}

// An Unavailable is why there is no cgroup with those limits.
type Unavailable struct{ why, mend string }

func (e *Unavailable) Error() string { return e.why }

// Hint is what would mend it.
func (e *Unavailable) Hint() string { return e.mend }

// Choose decides where a cgroup with these controllers is made. A place that lacks some
// of them comes with the error that says so, for who may do without.
//
// systemd is asked before the caller's own cgroup is used: what is in its tree is its
// own to change, but for what it delegates to somebody. A scope that sbx has already is
// used again.
func (h Host) Choose(want []string) (Place, error) {
	if h.Refused != nil {
		return Place{}, h.Refused
	}
	if h.Mode != Unified {
		return Place{}, h.noUnified()
	}
	for _, l := range h.Levels {
		if ours(l.Path) && l.Delegated {
			return h.lacking(Place{Parent: l.Path}, l.Controllers, want)
		}
	}
	if len(h.Sockets) > 0 {
		p := Place{Sockets: h.Sockets}
		if h.Manager == nil {
			return p, nil // it is found out there
		}
		return h.lacking(p, h.Manager, want)
	}
	return h.delegated(want)
}

// delegated is the nearest cgroup that the caller may divide.
func (h Host) delegated(want []string) (Place, error) {
	var busy, best *Level
	for i := range h.Levels {
		l := &h.Levels[i]
		if !l.Delegated {
			break // and with it the right to move between here and what is above
		}
		if l.Processes && len(lack(l.Enabled, want)) > 0 {
			busy = l
			continue
		}
		if best == nil || len(lack(l.Controllers, want)) < len(lack(best.Controllers, want)) {
			best = l
		}
	}
	switch {
	case best != nil:
		return h.lacking(Place{Parent: best.Path}, best.Controllers, want)
	case busy != nil:
		return Place{}, &Unavailable{
			fmt.Sprintf("cgroup %s is yours and has processes in it, so it can pass no limits on", busy.Path),
			fmt.Sprintf("mkdir %[1]s/main; for p in $(cat %[1]s/cgroup.procs); do echo $p > %[1]s/main/cgroup.procs; done", busy.Path)}
	case h.Systemd:
		return Place{}, &Unavailable{"systemd runs no session for you", "loginctl enable-linger " + h.User}
	}
	return Place{}, &Unavailable{"no cgroup is delegated to you, and there is no systemd to ask for one", h.delegateHint()}
}

func (h Host) delegateHint() string {
	dir := filepath.Join(Root, "sbx-"+h.User)
	return fmt.Sprintf("as root: mkdir -p %[1]s/main; chown %[2]d %[1]s %[1]s/cgroup.procs %[1]s/cgroup.subtree_control %[1]s/main %[1]s/main/cgroup.procs; "+
		"echo PID-OF-YOUR-SHELL > %[1]s/main/cgroup.procs", dir, h.UID)
}

func (h Host) noUnified() error {
	switch h.Mode {
	case Absent:
		return &Unavailable{"no cgroup file system is mounted", "as root: mount -t cgroup2 cgroup2 " + Root}
	case Hybrid:
		return &Unavailable{"cgroup v1 has the controllers here, and cannot be delegated safely", unifiedHint}
	}
	return &Unavailable{"the machine has cgroup v1, which cannot be delegated safely", unifiedHint}
}

const unifiedHint = "boot with systemd.unified_cgroup_hierarchy=1: add it to GRUB_CMDLINE_LINUX in /etc/default/grub, update-grub, reboot"

// lacking adds to a place what it has not, and the error for it.
func (h Host) lacking(p Place, have, want []string) (Place, error) {
	p.Missing = lack(have, want)
	if len(p.Missing) == 0 {
		return p, nil
	}
	what, names := "the cgroup controller", strings.Join(p.Missing, ", ")
	if len(p.Missing) > 1 {
		what += "s"
	}
	mend := "the controllers of " + p.Parent + " are for who made it to give"
	if h.Systemd {
		mend = `as root: mkdir -p /etc/systemd/system/user@.service.d; printf '[Service]\nDelegate=cpu cpuset io memory pids\n' > ` +
			`/etc/systemd/system/user@.service.d/delegate.conf; systemctl daemon-reload; then log out and in`
	}
	return p, &Unavailable{fmt.Sprintf("%s %s cannot be had: not delegated to you", what, names), mend}
}

// lack is what of the wanted is not there.
func lack(have, want []string) (missing []string) {
	for _, c := range want {
		if !slices.Contains(have, c) {
			missing = append(missing, c)
		}
	}
	return missing
}

// ours tells whether a cgroup is a scope that sbx asked for.
func ours(path string) bool {
	name := filepath.Base(path)
	return strings.HasPrefix(name, prefix) && strings.HasSuffix(name, ".scope")
}

// prefix is what the names of sbx's cgroups begin with.
const prefix = "sbx-"
