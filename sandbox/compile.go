package sandbox

import (
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/layer"
	"github.com/sbxrun/sbx/userns"
)

// Compile makes the plan of a completed Spec. It is pure: what the child will
// do is decided here, and can be read and compared before anything is run.
func Compile(s Spec, h Host) (userns.Plan, error) {
	c := &compiler{spec: s, host: h, copied: s.copied(h)}
	view := c.hostView
	if c.pivots() {
		view = c.newRoot
	}
	if err := view(); err != nil {
		return userns.Plan{}, err
	}
	if err := c.process(); err != nil {
		return userns.Plan{}, err
	}
	return c.plan, nil
}

// newRoot adds the steps that make another root.
func (c *compiler) newRoot() error {
	c.begin()
	c.takeDevices()
	for i, m := range c.spec.OCI.Mounts {
		if err := c.take(i, m); err != nil {
			return err
		}
	}
	if err := c.root(); err != nil {
		return err
	}
	for i, m := range c.spec.OCI.Mounts {
		if err := c.mount(i, m); err != nil {
			return err
		}
	}
	c.handCopies()
	c.letPing()
	c.freeze()
	if m := innermost("/sys/devices", c.spec.OCI.Mounts); m != nil && m.Type == "tmpfs" { // and not a mount of the caller's
		c.sealSys()
	}
	if c.spec.MadeFiles {
		c.madeFiles()
	} else {
		c.nameServer()
	}
	c.giveSecrets()
	c.giveGitConfig()
	c.hide(c.spec.OCI.Linux.MaskedPaths)
	c.unscratch()
	if err := c.egress(); err != nil {
		return err
	}
	c.publish()
	c.workdir()
	if c.spec.OCI.Root.Readonly {
		c.add(userns.SetAttr{Target: "/", Attr: userns.ReadOnly})
	}
	c.names()
	return c.apart()
}

// hostView adds the steps that make the host's own root the sandbox's.
func (c *compiler) hostView() error {
	if err := c.opening(); err != nil {
		return err
	}
	mounts, first := c.spec.OCI.Mounts, c.kernelMounts()
	for i := first; i < len(mounts); i++ {
		if i == c.project() || c.coveredEarly(mounts[i]) {
			continue // it was taken before the host's mounts were sealed
		}
		if err := c.take(i, mounts[i]); err != nil {
			return err
		}
	}
	for i := first; i < len(mounts); i++ {
		if err := c.mount(i, mounts[i]); err != nil {
			return err
		}
	}
	c.handCopies()
	c.makeLinks()
	c.giveSecrets()
	c.giveGitConfig()
	known := c.spec.maskedAlways(c.host)
	c.hide(slices.DeleteFunc(slices.Clone(c.spec.OCI.Linux.MaskedPaths), func(p string) bool { return slices.Contains(known, p) }))
	c.nameServer()
	c.unscratch()
	c.publish()
	return c.egress()
}

// workdir makes the working directory in a union whose layers have none, as container engines
// do: what is written there is thrown away or kept with the rest.
func (c *compiler) workdir() {
	cwd := c.spec.OCI.Process.Cwd
	if c.spec.View == Union && cwd != "/" && innermostAt(cwd, c.spec.OCI.Mounts) == nil {
		c.add(userns.Mkdir{Path: cwd, Mode: 0o755})
	}
}

type compiler struct {
	spec      Spec
	host      Host
	plan      userns.Plan
	sealed    bool // the host's mounts are read-only by now
	scratched bool // the files that hide others are there
	closed    bool // closedFile is there
	awaited   bool // the supervisor is known to live
	copies    bool // the directory of copies is there

	copied map[string]int // see Spec.copied
}

func (c *compiler) add(steps ...userns.Step) { c.plan.Steps = append(c.plan.Steps, steps...) }

// pivots tells whether the root is changed. The host view keeps the root it has:
// a new mount namespace is a copy of the host's mounts already, and what is
// private is mounted over them. Those mounts are locked together for every
// namespace below (mount_namespaces(7)), so nothing can take them off.
func (c *compiler) pivots() bool { return c.spec.View != HostView }

var namespaceFlags = map[specs.LinuxNamespaceType]userns.Namespaces{
	specs.UserNamespace: userns.User, specs.MountNamespace: userns.Mounts, specs.PIDNamespace: userns.PID,
	specs.IPCNamespace: userns.IPC, specs.UTSNamespace: userns.UTS, specs.CgroupNamespace: userns.Cgroup,
	specs.NetworkNamespace: userns.Net,
}

func (c *compiler) namespaces() (flags userns.Namespaces) {
	for _, n := range c.spec.OCI.Linux.Namespaces {
		flags |= namespaceFlags[n.Type]
	}
	return flags
}

// ids maps the ids: by the child itself where the kernel lets it, and by the
// helpers otherwise.
func (c *compiler) ids() {
	uids, gids := fromOCI(c.spec.OCI.Linux.UIDMappings), fromOCI(c.spec.OCI.Linux.GIDMappings)
	if c.singleID() {
		c.add(userns.MapSelf{UID: uids, GID: gids})
		return
	}
	c.add(userns.AwaitMaps{UID: uids, GID: gids, Helpers: c.host.Helpers})
}

// singleID tells whether the maps have the caller's ids and no other.
func (c *compiler) singleID() bool {
	uids, gids := fromOCI(c.spec.OCI.Linux.UIDMappings), fromOCI(c.spec.OCI.Linux.GIDMappings)
	return uids.IsSingle() && gids.IsSingle() && uids[0].Outside == c.host.UID && gids[0].Outside == c.host.GID
}

// begin adds what every plan begins with.
func (c *compiler) begin() {
	c.plan.Namespaces = c.namespaces()
	c.limit()
	c.add(userns.DieWithSupervisor{}, userns.Umask{Mask: setupUmask})
	c.ids()
}

// setupUmask is in force while the sandbox is made. With the caller's, a program that is another
// user might not pass a mount point, and with 0777 not even the steps that follow could.
const setupUmask = 0o022

// awaitSupervisor has the answer to DieWithSupervisor, which is given once.
func (c *compiler) awaitSupervisor() {
	if !c.awaited {
		c.add(userns.AwaitSupervisor{})
	}
	c.awaited = true
}

// root changes the root.
func (c *compiler) root() error {
	const scratch = "/proc"
	c.add(userns.Seal{})
	if c.spec.View == Rootfs {
		c.add(userns.Take{Source: c.spec.OCI.Root.Path, Attr: userns.NoSuid | userns.NoDev, As: "root"})
		// Any directory can carry the new root until it is one. /proc is there,
		// is no longer needed, and no layer is below it.
		c.add(userns.Attach{From: "root", What: c.spec.OCI.Root.Path, Target: scratch}, userns.PivotRoot{Root: scratch})
		return nil
	}
	if c.driver() == layer.Fuse {
		// Who looks into that mount waits for the daemon, and without a supervisor
		// for ever: none will come, and none will end the wait. The connection is on
		// its way in the child's own socket, so that the kernel does not either.
		c.awaitSupervisor()
	}
	union := c.union()
	if c.spec.Disk > 0 {
		union.Memory = append(diskOptions(c.diskSize()), c.labelOptions("tmpfs")...)
	}
	steps, root := union.Steps(scratch, c.driver(), c.host.Kernel.AtLeast(6, 5))
	c.add(steps...)
	if err := c.takeDisk(scratch); err != nil {
		return err
	}
	c.add(userns.PivotRoot{Root: root})
	return nil
}

func (c *compiler) union() layer.Union {
	return layer.Union{Lower: c.spec.Layers, Upper: c.spec.Upper, Label: c.spec.OCI.Linux.MountLabel}
}

// driver is how the union is mounted. Auto is the kernel's here; that it
// refuses is known when it does, see Cmd.Start.
func (c *compiler) driver() layer.Driver {
	if c.spec.Overlay == DriverFuse {
		return layer.Fuse
	}
	return layer.Kernel
}

// names sets the host's name. The network is brought up here only where there is no
// PID 1 to do it, see loopback.
func (c *compiler) names() {
	if c.spec.OCI.Hostname != "" {
		c.add(userns.Hostname{Name: c.spec.OCI.Hostname})
	}
	if c.spec.OCI.Domainname != "" {
		c.add(userns.Domainname{Name: c.spec.OCI.Domainname})
	}
	if c.spec.NoInit {
		c.add(c.loopback()...)
	}
}

// loopback brings the network up. The kernel takes as long for that as for a dozen
// mounts, so PID 1 does it while the command's process confines itself, which
// waits for it in the end.
func (c *compiler) loopback() []userns.Step {
	if c.spec.HostNetwork || c.spec.Egress != nil || c.spec.UserNetwork != nil { // the supervisor does it
		return nil
	}
	return []userns.Step{userns.LoopbackUp{}}
}

// letPing lets every group of the sandbox ping in a network of its own. It comes before /proc/sys
// is read-only.
func (c *compiler) letPing() {
	if c.spec.HostNetwork {
		return
	}
	from, to := pingGroups(fromOCI(c.spec.OCI.Linux.GIDMappings), c.spec.OCI.Process.User.GID)
	c.add(userns.PingGroups{From: from, To: to})
}

// pingGroups are the ends of a range that has all groups of the map. The kernel compares them by
// their ids outside, and wants the second number not to be less than the first. Where both
// cannot be had it is the command's group alone.
func pingGroups(gids idmap.Map, command uint32) (from, to uint32) {
	if len(gids) == 0 {
		return command, command
	}
	low, high := gids[0], gids[0]
	for _, l := range gids {
		if l.Outside < low.Outside {
			low = l
		}
		if l.Outside > high.Outside {
			high = l
		}
	}
	from, to = low.Inside, high.Inside+high.Count-1
	if to < from {
		return command, command
	}
	return from, to
}

// apart adds what parts the sandbox's processes from the host's, whoever they are.
func (c *compiler) apart() error {
	if !c.spec.HostClock {
		c.add(userns.NewClock{})
	}
	c.add(userns.NewKeyring{Spare: c.filtersByDefault()}, userns.NewSession{}, userns.NoNewPrivs{})
	bounding, _, err := c.capabilitySteps()
	if err == nil && bounding.Keep == 0 && !c.becomesOther() {
		c.add(bounding) // of PID 1 and the command; what the steps need is not taken by it
	}
	return err
}

// process adds PID 1 and the command.
func (c *compiler) process() error {
	p := c.spec.OCI.Process
	limits, err := rlimits(p.Rlimits)
	if err != nil {
		return err
	}
	bounding, set, err := c.capabilitySteps()
	if err != nil {
		return err
	}
	stdio := userns.Step(userns.Stdio{})
	if p.Terminal {
		c.terminal()
		stdio = userns.TerminalStdio{}
	}
	c.awaitSupervisor()
	if !c.spec.NoInit {
		init := c.loopback()
		kill := c.killsOther()
		if bounding.Keep != 0 || kill != 0 {
			init = append(init, userns.DropBounding{Keep: kill})
		}
		stays := !c.spec.HostClock && !c.host.Kernel.AtLeast(execChangesClock.Major, execChangesClock.Minor)
		c.add(userns.Fork{Init: append(init, userns.SetCaps{Permitted: kill, Effective: kill, Ambient: kill}), Copy: stays || c.becomesOther()})
	}
	c.addLimits(limits)
	if bounding.Keep != 0 || c.becomesOther() {
		c.add(bounding)
	}
	c.user()
	c.add(userns.Chdir{Path: p.Cwd, Plain: true}, set, userns.Umask{Mask: *p.User.Umask}, stdio, userns.CloseOnExec{}, userns.RestoreSignals{})
	if err := c.confine(limits); err != nil {
		return err
	}
	c.add(userns.Exec{Paths: search(p.Args[0], p.Env), Argv: p.Args, Env: p.Env, Secrets: c.secretVariables()})
	return nil
}

// execChangesClock is the oldest kernel on which a process was seen to be in its
// new time namespace once it executes a program, whose memory was another's before.
var execChangesClock = Kernel{6, 12}

// terminal makes the sandbox's terminal.
func (c *compiler) terminal() {
	t := userns.NewTerminal{UID: c.spec.OCI.Process.User.UID, Master: Master}
	if size := c.spec.OCI.Process.ConsoleSize; size != nil {
		t.Rows, t.Columns = uint16(size.Height), uint16(size.Width)
	}
	c.add(t, userns.TakeTerminal{}, userns.Send{FD: Master})
}

// Master is the name of the terminal's supervisor side.
const Master userns.FD = "terminal's master"

// user becomes the command's user. The supplementary groups are those asked
// for and no others: the caller's, which would show as nogroup, still open what
// they may open. With one id mapped the kernel lets nobody change them.
func (c *compiler) user() {
	u := c.spec.OCI.Process.User
	if c.singleID() {
		return
	}
	keeps := len(c.spec.OCI.Process.Capabilities.Permitted) > 0
	set := userns.SetUser{UID: u.UID, GID: u.GID, Groups: groups(u), KeepCaps: keeps}
	if c.spec.keepsGroups() {
		set.Groups = nil
	}
	c.add(set)
}

// keepsGroups tells whether the command has the caller's supplementary groups, as with one id: it
// is the caller in the host view, with more ids.
func (s Spec) keepsGroups() bool {
	return s.View == HostView && s.wantsRanges() && s.User == "" && s.OCI.Process.User.AdditionalGids == nil
}

// becomesOther tells whether the command's user is another than the caller, or its
// group.
func (c *compiler) becomesOther() bool {
	u, l := c.spec.OCI.Process.User, c.spec.OCI.Linux
	uid, _ := fromOCI(l.UIDMappings).ToOutside(u.UID)
	gid, _ := fromOCI(l.GIDMappings).ToOutside(u.GID)
	return uid != c.host.UID || gid != c.host.GID
}

// killsOther is what PID 1 needs to hand signals on to a command that is another user.
func (c *compiler) killsOther() userns.Caps {
	if !c.becomesOther() {
		return 0
	}
	return 1 << unix.CAP_KILL
}

// search gives the places where execvp(3) would look for a program. An empty
// element of PATH means the working directory there; here it means nothing,
// since that is the untrusted tree.
func search(name string, env []string) []string {
	if strings.Contains(name, "/") {
		return []string{name}
	}
	var paths []string
	for _, dir := range strings.Split(lookupEnv(env, "PATH"), ":") {
		if dir != "" {
			paths = append(paths, path.Join(dir, name))
		}
	}
	if paths == nil {
		paths = []string{path.Join("/usr/bin", name), path.Join("/bin", name)}
	}
	return paths
}

func lookupEnv(env []string, name string) (value string) {
	for _, e := range env {
		if k, v, _ := strings.Cut(e, "="); k == name {
			value = v
		}
	}
	return value
}
