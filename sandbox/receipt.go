package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sbxrun/sbx/sandbox/cgroup"
	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/userns"
)

// A Receipt says what was enforced on a command: not what was asked for, but what
// the plan did that was run. Its JSON form is an interface.
type Receipt struct {
	// Policy is the SHA-256 of the plan's words: two runs with the same one were
	// under the same rules.
	Policy     string   `json:"policy"`
	Command    []string `json:"command"`
	View       string   `json:"view"`
	Project    string   `json:"project,omitempty"`
	Namespaces []string `json:"namespaces"`
	// UIDs and GIDs are the id maps, INSIDE:OUTSIDE:COUNT.
	UIDs         string         `json:"uids"`
	GIDs         string         `json:"gids"`
	User         string         `json:"user"`
	Capabilities []string       `json:"capabilities"`
	NoNewPrivs   bool           `json:"noNewPrivileges"`
	Seccomp      *SeccompProof  `json:"seccomp"`
	Landlock     *LandlockProof `json:"landlock"`
	SELinux      string         `json:"selinux,omitempty"`
	AppArmor     string         `json:"apparmor,omitempty"`
	Writable     []string       `json:"writable"`
	Masked       []string       `json:"masked"`
	ReadOnly     []string       `json:"readOnly"`
	Secrets      []string       `json:"secrets,omitempty"` // names
	// Published are the ports that were reached from outside, [IP:]HOST:SANDBOX/tcp|udp.
	Published []string `json:"published,omitempty"`
	// Limits are those that were asked for or that a profile has, in force or not, and Usage
	// what was used of a cgroup in all.
	Limits []LimitProof  `json:"limits,omitempty"`
	Usage  *cgroup.Usage `json:"usage,omitempty"`
	// Missing are the protections that the host had not and the caller did without.
	Missing []string `json:"missing,omitempty"`
	// Profiles are the lines of profiles that had a part in it.
	Profiles []string `json:"profiles,omitempty"`

	// Net says which network there was: none, allow, user, or host, which is no
	// isolation. NetDriver is the program that served it in user mode.
	Net       string `json:"net"`
	NetDriver string `json:"netDriver,omitempty"`
	// NetClosed are the addresses that a network in user mode has not.
	NetClosed []netip.Prefix `json:"netClosed,omitempty"`

	// Disk is how much of a bounded disk was taken.
	Disk *DiskReport `json:"disk,omitempty"`

	Started time.Time `json:"started"`
	Seconds float64   `json:"seconds"`
	// Upstream are the proxies by which that network reaches others.
	Upstream []string `json:"upstream,omitempty"`
	// Network are the connections of a network of what is named, and what was refused.
	Network []egress.Flow `json:"network,omitempty"`
	// Exit is the command's exit code as a shell tells it, and Error why sbx
	// itself failed.
	Exit  int    `json:"exit"`
	Error string `json:"error,omitempty"`
	// RunLater are the files that were moved aside, Quarantine where they are now,
	// and Cleared those that lost their setuid or setgid bit.
	RunLater   []string `json:"runLater,omitempty"`
	Quarantine string   `json:"quarantine,omitempty"`
	// Unmoved are those that could not be moved, and Doubtful those that were there and may
	// have been put into effect.
	Unmoved  []string `json:"runLaterUnmoved,omitempty"`
	Doubtful []string `json:"runLaterDoubtful,omitempty"`
	Cleared  []string `json:"cleared,omitempty"`
	// Unknown are new hidden names that no list knows, and Programs what is new or changed
	// in the caller's PATH and stands before no other program. They stay.
	Unknown  []string `json:"unknown,omitempty"`
	Programs []string `json:"programs,omitempty"`
	// Index are paths for which git's index has what the file has not.
	Index []string `json:"index,omitempty"`
	// Linked are changed files that have other names (hard links), which are not in what
	// was looked at, and LinkedDoubtful those of which only the change time is new.
	Linked         []string `json:"linked,omitempty"`
	LinkedDoubtful []string `json:"linkedDoubtful,omitempty"`
}

// SeccompProof says which filter there was.
type SeccompProof struct {
	Name         string `json:"name"`
	SHA256       string `json:"sha256"`
	Instructions int    `json:"instructions"`
}

// LandlockProof says what of Landlock there was.
type LandlockProof struct {
	ABI   int    `json:"abi"`
	Words string `json:"rules"`
	// Lost is what this kernel's Landlock cannot do.
	Lost []string `json:"lost,omitempty"`
}

// newReceipt reads from the plan what it does.
func newReceipt(s Spec, h Host, p userns.Plan) Receipt {
	sum := sha256.Sum256([]byte(p.String()))
	l, process := s.OCI.Linux, s.OCI.Process
	r := Receipt{
		Policy: hex.EncodeToString(sum[:]), Command: process.Args, View: s.View.String(), Project: s.Project,
		Namespaces: strings.Split(p.Namespaces.String(), ","),
		UIDs:       fromOCI(l.UIDMappings).String(), GIDs: fromOCI(l.GIDMappings).String(),
		User: fmt.Sprintf("%d:%d", process.User.UID, process.User.GID), Capabilities: append([]string{}, process.Capabilities.Bounding...),
		Masked: l.MaskedPaths, ReadOnly: l.ReadonlyPaths, Started: time.Now(),
	}
	for _, m := range s.OCI.Mounts {
		if isBind(m) && !slices.Contains(m.Options, "ro") {
			r.Writable = append(r.Writable, m.Destination)
		}
	}
	r.Net = s.Network()
	if s.UserNetwork != nil {
		r.NetDriver = s.UserNetwork.Driver
		r.NetClosed, _ = s.UserNetwork.closed(h.UserNetwork) // it was looked at before
	}
	for _, secret := range s.Secrets {
		r.Secrets = append(r.Secrets, secret.Name)
	}
	for _, step := range p.Steps {
		r.add(step, h)
	}
	r.Limits = limitProofs(s, h)
	for _, name := range Degradable {
		if slices.Contains(s.Degraded, name) && (name == "limits" && s.LimitsLost || name != "limits" && r.lacks(name)) {
			r.Missing = append(r.Missing, name)
		}
	}
	return r
}

// add takes from a step what it enforces.
func (r *Receipt) add(step userns.Step, h Host) {
	switch s := step.(type) {
	case userns.NoNewPrivs:
		r.NoNewPrivs = true
	case userns.NewClock:
		r.Namespaces = append(r.Namespaces, "time")
	case userns.Seccomp:
		r.Seccomp = &SeccompProof{Name: s.Name, SHA256: s.Hash(), Instructions: len(s.Filter)}
	case userns.Landlock:
		_, lost := landlock.Everything.Restrict(h.Landlock)
		r.Landlock = &LandlockProof{ABI: h.Landlock, Words: s.Words, Lost: lost}
	case userns.Confine:
		if s.Module == "SELinux" {
			r.SELinux = s.Label
		} else {
			r.AppArmor = s.Label
		}
	}
}

// Network names the network as sbx run --net does.
func (s Spec) Network() string {
	switch {
	case s.HostNetwork:
		return "host"
	case s.UserNetwork != nil:
		return "user"
	case s.Egress != nil:
		return "allow"
	}
	return "none"
}

func (r *Receipt) lacks(name string) bool {
	switch name {
	case "landlock":
		return r.Landlock == nil
	case "seccomp":
		return r.Seccomp == nil
	}
	return !slices.Contains(r.Namespaces, "time")
}

// Lines are the receipt in words, for --verbose.
func (r Receipt) Lines() []string {
	lines := []string{
		"policy " + r.Policy,
		"namespaces " + strings.Join(r.Namespaces, ","),
		fmt.Sprintf("ids uid %s, gid %s, user %s", r.UIDs, r.GIDs, r.User),
		"capabilities " + orNone(strings.Join(r.Capabilities, ",")),
	}
	if r.Seccomp != nil {
		lines = append(lines, fmt.Sprintf("seccomp %s, %d instructions, %s", r.Seccomp.Name, r.Seccomp.Instructions, r.Seccomp.SHA256))
	} else {
		lines = append(lines, "seccomp none")
	}
	if r.Landlock != nil {
		lines = append(lines, fmt.Sprintf("landlock ABI %d, without %s", r.Landlock.ABI, orNone(strings.Join(r.Landlock.Lost, ", "))))
	} else {
		lines = append(lines, "landlock none")
	}
	for _, l := range r.Limits {
		lines = append(lines, "limit "+l.String())
	}
	lines = append(lines, strings.TrimSpace("network "+r.Net+" "+r.NetDriver))
	return append(append(lines, "writable "+orNone(strings.Join(r.Writable, " "))), r.Upstream...)
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
