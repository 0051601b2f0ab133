package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/userns"
)

// An Entry is what a process must be confined by that enters a running sandbox: all that
// its command is. It is plain data, which the sandbox's supervisor makes from what it
// has done and sends to who enters, with the descriptors that Handles name.
type Entry struct {
	// Version is that of this structure.
	Version int `json:"version"`
	// Process is the command, as it was run.
	Process specs.Process `json:"process"`
	// Secrets are more of its environment.
	Secrets []sentSecret `json:"secrets,omitempty"`
	// Namespaces are those that the sandbox has of its own.
	Namespaces userns.Namespaces `json:"namespaces"`
	// UIDs and GIDs are the id maps. Single says that there is no choice of users.
	UIDs   []specs.LinuxIDMapping `json:"uids"`
	GIDs   []specs.LinuxIDMapping `json:"gids"`
	Single bool                   `json:"single"`
	// KeepsGroups says that the command has the supplementary groups of the caller.
	KeepsGroups bool `json:"keepsGroups,omitempty"`
	// Kept are the capabilities that a user other than root has.
	Kept    []string     `json:"kept,omitempty"`
	Seccomp *entryFilter `json:"seccomp,omitempty"`
	// Landlock are the rules in words, where there is one of the handles for them.
	Landlock string `json:"landlock,omitempty"`
	// SpareKeyring is as of userns.NewKeyring.
	SpareKeyring bool `json:"spareKeyring,omitempty"`
	// NoTCP says that there is no TCP, so that no stream may be a socket of it.
	NoTCP bool `json:"noTCP,omitempty"`
	// HostView says that the root is the host's.
	HostView bool `json:"hostView,omitempty"`
	// Bytes are what of the process is no text, which JSON would change.
	Bytes *entryBytes `json:"bytes,omitempty"`
	// Handles name the descriptors, in order.
	Handles []userns.FD `json:"handles"`
}

// entryVersion is the version of an Entry that this program makes and understands.
const entryVersion = 1

// sentSecret is a secret on its way from one process to another: hidden from all that prints,
// but not from the message.
type sentSecret string

func (sentSecret) String() string   { return "(secret)" }
func (sentSecret) GoString() string { return "(secret)" }

// entryBytes are a process's strings as they are: names of files need not be UTF-8.
type entryBytes struct {
	Cwd          []byte
	Env, Secrets [][]byte
}

// keepBytes sets Bytes where a string is no text.
func (e *Entry) keepBytes() {
	b := entryBytes{Cwd: []byte(e.Process.Cwd)}
	text := utf8.ValidString(e.Process.Cwd)
	for _, v := range e.Process.Env {
		b.Env, text = append(b.Env, []byte(v)), text && utf8.ValidString(v)
	}
	for _, v := range e.Secrets {
		b.Secrets, text = append(b.Secrets, []byte(v)), text && utf8.ValidString(string(v))
	}
	if !text {
		e.Bytes = &b
	}
}

// restoreBytes puts them back.
func (e *Entry) restoreBytes() {
	if e.Bytes == nil {
		return
	}
	e.Process.Cwd, e.Process.Env, e.Secrets = string(e.Bytes.Cwd), nil, nil
	for _, v := range e.Bytes.Env {
		e.Process.Env = append(e.Process.Env, string(v))
	}
	for _, v := range e.Bytes.Secrets {
		e.Secrets = append(e.Secrets, sentSecret(v))
	}
	e.Bytes = nil
}

// entryFilter is a seccomp filter as the kernel has it.
type entryFilter struct {
	Name         string `json:"name"`
	Flags        uint   `json:"flags,omitempty"`
	Instructions []byte `json:"instructions"`
}

// The descriptors by which a sandbox is entered.
const (
	// enteredPID is a pidfd of its first process.
	enteredPID userns.FD = "sandbox"
	// enteredClock is its time namespace: its first process can be outside of it itself
	// (NewClock).
	enteredClock userns.FD = "sandbox's clock"
	// enteredRules is the Landlock ruleset that was kept.
	enteredRules userns.FD = "sandbox's rules"
	// enteredCgroup is its cgroup's directory.
	enteredCgroup userns.FD = "cgroup"
)

// newEntry reads from a completed Spec what confines its command, and from its plan what
// was enforced.
func newEntry(s Spec, h Host, p userns.Plan) (Entry, error) {
	c := &compiler{spec: s, host: h}
	e := Entry{
		Version: entryVersion, Process: *s.OCI.Process, Namespaces: p.Namespaces, UIDs: s.OCI.Linux.UIDMappings, GIDs: s.OCI.Linux.GIDMappings,
		Single: c.singleID(), KeepsGroups: s.keepsGroups(), SpareKeyring: c.filtersByDefault(), HostView: s.View == HostView, NoTCP: s.NoTCP, Handles: []userns.FD{enteredPID},
	}
	e.Process.Args, e.Process.Terminal, e.Process.ConsoleSize = nil, false, nil
	for _, secret := range c.secretVariables() {
		e.Secrets = append(e.Secrets, sentSecret(secret))
	}
	e.keepBytes()
	if bounding := s.OCI.Process.Capabilities.Bounding; len(s.CapAdd) > 0 {
		e.Kept = slices.DeleteFunc(slices.Clone(bounding), func(name string) bool {
			return !slices.Contains(s.CapAdd, name) && !slices.Contains(s.CapAdd, "ALL")
		})
	}
	for _, step := range p.Steps {
		switch step := step.(type) {
		case userns.NewClock:
			e.Namespaces |= userns.Time
		case userns.BornInto:
			e.Handles = append(e.Handles, enteredCgroup)
		case userns.KeepRules:
			e.Landlock, e.Handles = step.Words, append(e.Handles, enteredRules)
		case userns.Seccomp:
			if step.Listener != "" {
				return e, hinted(fmt.Errorf("the sandbox's seccomp filter notifies a program of system calls, which nobody else's can be joined to"), "give it a filter that does not (--seccomp)")
			}
			e.Seccomp = &entryFilter{Name: step.Name, Flags: step.Flags, Instructions: packFilter(step.Filter)}
		}
	}
	if s.NoInit && e.mayMakeNamespaces(s) {
		return e, hinted(fmt.Errorf("the sandbox's first process is its command, which may have left the sandbox's namespaces for others"), "begin it without --no-init")
	}
	return e, nil
}

// mayMakeNamespaces tells whether the command may have namespaces by now that are not
// the sandbox's. Who joined them would see what the command wants to be seen.
func (e Entry) mayMakeNamespaces(s Spec) bool {
	return s.UserNS || !e.SpareKeyring || slices.Contains(s.OCI.Process.Capabilities.Bounding, "CAP_SYS_ADMIN")
}

// entryRules are what those who enter are confined by of Landlock: as the command is,
// but for signals. A domain of theirs is another than the command's, and no signal would
// reach the sandbox's processes; the pid namespace holds signals anyway. The network
// namespace holds abstract sockets, unless it is the host's.
func (c *compiler) entryRules() (landlock.Policy, bool) {
	p := c.landlock()
	p.Scopes = 0
	if c.spec.HostNetwork {
		p.Scopes = landlock.AbstractSockets
	}
	p, _ = p.Restrict(c.host.Landlock)
	return p, !p.Empty() && c.host.Landlock >= landlock.Floor
}

// keepRules has the rules of those who enter be made while names still mean what they
// are to mean.
func (c *compiler) keepRules() {
	if !c.spec.Enterable {
		return
	}
	if p, ok := c.entryRules(); ok {
		c.add(userns.KeepRules{Landlock: landlockStep(p, c.mountFD), As: enteredRules}, userns.Send{FD: enteredRules})
	}
}

func packFilter(filter []unix.SockFilter) []byte {
	b := make([]byte, 0, 8*len(filter))
	for _, i := range filter {
		b = append(binary.LittleEndian.AppendUint16(b, i.Code), i.Jt, i.Jf)
		b = binary.LittleEndian.AppendUint32(b, i.K)
	}
	return b
}

func (f entryFilter) unpack() []unix.SockFilter {
	out := make([]unix.SockFilter, len(f.Instructions)/8)
	for n := range out {
		b := f.Instructions[8*n:]
		out[n] = unix.SockFilter{Code: binary.LittleEndian.Uint16(b), Jt: b[2], Jf: b[3], K: binary.LittleEndian.Uint32(b[4:])}
	}
	return out
}

// Entry is what others need to enter the sandbox, which must be Enterable, while its
// command runs. The files are the caller's to close.
func (c *Cmd) Entry() (Entry, []*os.File, error) {
	if c.process == nil || c.entry == nil {
		return Entry{}, nil, fmt.Errorf("the sandbox does not run, or was not made to be entered")
	}
	if c.entry.refused != nil {
		return Entry{}, nil, c.entry.refused
	}
	var files []*os.File
	for _, name := range c.entry.Handles {
		f, err := c.handle(name)
		if err != nil {
			closeAll(files)
			return Entry{}, nil, err
		}
		files = append(files, f)
	}
	return c.entry.Entry, files, nil
}

func (c *Cmd) handle(name userns.FD) (*os.File, error) {
	of := c.entry.rules
	switch name {
	case enteredPID:
		return c.process.Handle()
	case enteredCgroup:
		if of = c.Cgroup(); of == nil {
			return nil, errNoCgroup
		}
	}
	fd, err := unix.FcntlInt(of.Fd(), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), string(name)), nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// kept is what a Cmd keeps for those who enter.
type keptEntry struct {
	Entry
	refused error // why nobody can
	rules   *os.File
}

func (k *keptEntry) close() {
	if k != nil && k.rules != nil {
		k.rules.Close()
	}
}

// ReadEntry reads what Entry gave, as JSON.
func ReadEntry(b []byte) (e Entry, err error) {
	if err = json.Unmarshal(b, &e); err == nil && e.Version != entryVersion {
		err = hinted(fmt.Errorf("the sandbox was begun by another version of sbx"), "begin it again")
	}
	e.restoreBytes()
	return e, err
}

// environment is that of a process which enters: the command's, with changes. The
// secrets are those that no change is of.
func (e Entry) environment(changes []string) (env []string, secrets []userns.Secret) {
	name := func(variable string) string { n, _, _ := strings.Cut(variable, "="); return n }
	changed := func(variable string) bool {
		return slices.ContainsFunc(changes, func(c string) bool { return name(c) == name(variable) })
	}
	env = append(slices.DeleteFunc(slices.Clone(e.Process.Env), changed), changes...)
	for _, s := range e.Secrets {
		if !changed(string(s)) {
			secrets = append(secrets, userns.Secret(s))
		}
	}
	return env, secrets
}
