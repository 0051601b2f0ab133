package sandbox

import (
	"slices"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// compileEntry makes the plan of a process that enters a sandbox. Like Compile it is
// pure.
//
// Until it executes its program the process is a copy of the one that enters, with all
// that it knows, and its command's half is within sight of untrusted code that may be
// the same user's. So its memory is closed first; what can be done out of sight, by the
// half that is in no pid namespace of the sandbox's, is done there, the change of
// credentials too; and it has no descriptor that it has no use for.
func compileEntry(e Entry, p specs.Process, secrets []userns.Secret, leave bool) (userns.Plan, error) {
	c := &compiler{}
	c.spec.OCI.Process = &p
	if slices.Contains(e.Handles, enteredCgroup) {
		c.add(userns.BornInto{FD: enteredCgroup, Limits: "of the sandbox"})
	}
	limits, err := rlimits(p.Rlimits)
	if err != nil {
		return userns.Plan{}, err
	}
	bounding, set, err := c.capabilitySteps()
	if err != nil {
		return userns.Plan{}, err
	}
	c.add(userns.CloseMemory{}, userns.CloseOthers{}, userns.Join{Of: enteredPID, Namespaces: e.Namespaces &^ userns.Time})
	if e.Namespaces&userns.Time != 0 {
		c.add(userns.Join{Of: enteredClock, Namespaces: userns.Time}, userns.Close{FD: enteredClock})
	}
	if slices.Contains(e.Handles, enteredCgroup) {
		c.add(userns.Close{FD: enteredCgroup}) // it was born there
	}
	c.add(userns.Close{FD: enteredPID}, userns.NewKeyring{Spare: e.SpareKeyring}, userns.NewSession{}, userns.NoNewPrivs{}, bounding)
	stdio := userns.Step(userns.Stdio{})
	if p.Terminal {
		c.terminal()
		stdio = userns.TerminalStdio{}
	}
	if !e.Single {
		become := userns.SetUser{UID: p.User.UID, GID: p.User.GID, Groups: groups(p.User), KeepCaps: set.Permitted != 0}
		if e.KeepsGroups && p.User.UID == e.Process.User.UID && p.User.GID == e.Process.User.GID && p.User.AdditionalGids == nil {
			become.Groups = nil
		}
		c.add(become)
	}
	if leave {
		c.add(userns.Fork{Leave: true}, userns.NewSession{})
	} else {
		// The change of credentials would have untied it.
		init := []userns.Step{userns.SetCaps{}}
		if p.User.UID == 0 && bounding.Keep != 0 {
			// An execve gives root what is left of them, which is to kill a command that
			// has become another user.
			init = []userns.Step{userns.DropBounding{Keep: bounding.Keep & (1 << unix.CAP_KILL)}, userns.SetCaps{}}
		}
		c.add(userns.DieWithSupervisor{Later: true}, userns.Fork{Outside: true, Init: init},
			userns.DieWithInit{}, userns.AwaitSupervisor{})
	}
	c.addLimits(limits)
	c.add(userns.Chdir{Path: p.Cwd, Plain: true}, set, userns.Umask{Mask: *p.User.Umask}, stdio, userns.CloseOnExec{}, userns.RestoreSignals{})
	c.addLabels()
	if e.Landlock != "" {
		c.add(userns.Restrict{By: enteredRules, Words: e.Landlock})
	}
	c.addFileLimit(limits)
	filter := func() {
		if f := e.Seccomp; f != nil {
			c.add(userns.Seccomp{Name: f.Name, Filter: f.unpack(), Flags: f.Flags})
		}
	}
	switch {
	case leave:
		filter()
	case e.SpareKeyring: // the default filter lets it wait
		filter()
		c.add(userns.AwaitInit{})
	default:
		c.add(userns.AwaitInit{})
		filter()
	}
	c.add(userns.Exec{Paths: search(p.Args[0], p.Env), Argv: p.Args, Env: p.Env, Secrets: secrets})
	return c.plan, nil
}

// groups are the supplementary groups, and none where none are named.
func groups(u specs.User) []uint32 {
	if u.AdditionalGids == nil {
		return []uint32{}
	}
	return u.AdditionalGids
}
