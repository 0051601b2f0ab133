package sandbox

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/layer"
)

// Complete fills in what the Spec leaves to sbx: the mounts that make up a
// view, namespaces, id maps, capabilities. Its result says everything that
// Compile uses, and as an OCI configuration it is what --dry-run=spec prints.
// Notes are what the caller should be told of in a line each.
//
// It is pure. It establishes that OCI.Process, OCI.Root and OCI.Linux are there.
func Complete(s Spec, h Host) (done Spec, notes []string, err error) {
	if !h.Kernel.AtLeast(floor.Major, floor.Minor) {
		return s, nil, hinted(fmt.Errorf("kernel %s is too old, sbx needs %s or newer", h.Kernel, floor),
			"mount_setattr(2) is what makes the host's mounts read-only at once; boot a newer kernel")
	}
	if h.NoProc {
		return s, nil, hinted(fmt.Errorf("/proc is not the kernel's, or not mounted"), "as root: mount -t proc proc /proc")
	}
	s = s.clone()
	if err := s.checkRoot(h); err != nil {
		return s, nil, err
	}
	s.chooseDriver(h)
	notes = s.completePublished()
	if err := s.check(h); err != nil {
		return s, nil, err
	}
	note, err := s.completeIDs(h)
	if err != nil {
		return s, nil, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	if s.User != "" {
		s.OCI.Process.User = specs.User{UID: h.Account.UID, GID: h.Account.GID, AdditionalGids: h.Account.Groups, Umask: s.OCI.Process.User.Umask}
	}
	if err := s.addGroups(h); err != nil {
		return s, nil, err
	}
	if err := s.checkUser(); err != nil {
		return s, nil, err
	}
	if err := s.completeMounts(h); err != nil {
		return s, nil, err
	}
	if note, err = s.completeDisk(h); err != nil {
		return s, nil, err
	}
	if note != "" {
		notes = append(notes, note)
	}
	s.completeProcess(h)
	if note := s.strangerNote(h); note != "" {
		notes = append(notes, note)
	}
	if err := s.completeUserNetwork(h.UserNetwork); err != nil {
		return s, nil, err
	}
	s.completeLabels(h)
	if err := s.checkLabels(h); err != nil {
		return s, nil, err
	}
	weaker, err := s.completeProtection(h)
	if err != nil {
		return s, nil, err
	}
	unlimited, err := s.completeLimits(h)
	return s, slices.Concat(notes, weaker, unlimited, s.guardNotes(h), h.GitConfig.Notes, s.executionNote(), s.deviceNotes(h), s.homeNotes(h), h.Unhidden), err
}

// ociVersion is the oldest version of the specification that has all that sbx
// says in it. Runtimes refuse one newer than they know.
const ociVersion = "1.0.2"

// clone copies what Complete changes, and makes the parts it relies on.
func (s Spec) clone() Spec {
	o := &s.OCI
	process, root, linux := specs.Process{}, specs.Root{}, specs.Linux{}
	if o.Process != nil {
		process = *o.Process
	}
	if o.Root != nil {
		root = *o.Root
	}
	if o.Linux != nil {
		linux = *o.Linux
	}
	process.Env = slices.Clone(process.Env)
	process.Rlimits = slices.Clone(process.Rlimits)
	linux.Namespaces = slices.Clone(linux.Namespaces)
	linux.MaskedPaths = slices.Clone(linux.MaskedPaths)
	linux.ReadonlyPaths = slices.Clone(linux.ReadonlyPaths)
	o.Process, o.Root, o.Linux = &process, &root, &linux
	o.Mounts = slices.Clone(o.Mounts)
	if o.Version == "" {
		o.Version = ociVersion
	}
	return s
}

// chooseDriver takes fuse-overlayfs where the kernel's overlay would mount and not
// keep its promises; that it would not mount is found when it does not.
func (s *Spec) chooseDriver(h Host) {
	auto := s.Overlay == "" || s.Overlay == DriverAuto
	if s.View != Union || !auto || h.UpperUnfit == "" {
		return
	}
	s.Overlay = DriverKernel // to be refused with the reason, where there is no other
	if s.checkFuse(h) == nil {
		s.Overlay = DriverFuse
	}
}

// check refuses what cannot be meant.
func (s Spec) check(h Host) error {
	if len(s.OCI.Process.Args) == 0 {
		return fmt.Errorf("no command to run")
	}
	if s.View == Rootfs && s.OCI.Root.Path == "" || s.View == Union && len(s.Layers) == 0 {
		return fmt.Errorf("no root to run in")
	}
	for _, dir := range s.rootDirs() {
		if err := h.wantDir("root", dir); err != nil {
			return err
		}
	}
	if err := s.checkUnsupported(); err != nil {
		return err
	}
	if err := s.checkCapabilities(); err != nil {
		return err
	}
	if s.View == Union && s.Overlay == DriverFuse {
		if err := s.checkFuse(h); err != nil {
			return err
		}
	}
	if s.View == Union && s.Overlay == DriverKernel && h.UpperUnfit != "" {
		hint := "--overlay fuse-overlayfs, or an --upper elsewhere"
		if h.FuseOverlayfs == "" {
			hint = "apt-get install fuse-overlayfs, dnf install fuse-overlayfs; or --rw-rootfs, or an --upper elsewhere"
		}
		return hinted(fmt.Errorf("the kernel's overlay cannot be used: %s", h.UpperUnfit), hint)
	}
	if s.Egress != nil {
		if s.HostNetwork {
			return fmt.Errorf("a network that has exactly what is allowed is not the host's")
		}
		if _, _, err := s.Egress.ports(); err != nil {
			return err
		}
		if s.NoTCP && (s.Egress.Proxy || len(s.Egress.Allow)+len(s.Egress.HostPorts) > 0) {
			return fmt.Errorf("--no-tcp forbids what --allow, --host-port and --proxy-env let through; choose one")
		}
	}
	if err := s.checkPublished(); err != nil {
		return err
	}
	if err := s.checkSecrets(h); err != nil {
		return err
	}
	if err := s.checkHidden(h); err != nil {
		return err
	}
	if err := s.checkLayered(h); err != nil {
		return err
	}
	return s.checkProject(h)
}

// checkFuse refuses what fuse-overlayfs cannot do.
func (s Spec) checkFuse(h Host) error {
	if h.FuseOverlayfs == "" {
		return hinted(fmt.Errorf("fuse-overlayfs is not installed"), "apt-get install fuse-overlayfs, dnf install fuse-overlayfs")
	}
	if s.Upper != "" && !layer.Plain(s.Upper) {
		return fmt.Errorf("upper directory %s: fuse-overlayfs takes no name with a comma, a colon or a backslash", s.Upper)
	}
	return nil
}

func (h Host) wantDir(what, dir string) error {
	mode, ok := h.Files[dir]
	switch {
	case !ok:
		return fmt.Errorf("%s %s: no such directory, or not readable", what, dir)
	case !mode.IsDir():
		return fmt.Errorf("%s %s: not a directory", what, dir)
	}
	return nil
}

// checkUnsupported refuses the parts of OCI that this version does not carry
// out. Ignoring one would be weaker than said.
func (s Spec) checkUnsupported() error {
	o, l := s.OCI, s.OCI.Linux
	for name, set := range map[string]bool{
		"hooks":        o.Hooks != nil,
		"linux.sysctl": len(l.Sysctl) > 0, "linux.devices": len(l.Devices) > 0,
		"linux.rootfsPropagation": l.RootfsPropagation != "", "linux.intelRdt": l.IntelRdt != nil,
		"linux.personality": l.Personality != nil, "linux.timeOffsets": len(l.TimeOffsets) > 0,
		"linux.cgroupsPath": l.CgroupsPath != "", "process.scheduler": o.Process.Scheduler != nil,
		"process.ioPriority": o.Process.IOPriority != nil, "process.oomScoreAdj": o.Process.OOMScoreAdj != nil,
	} {
		if set {
			return fmt.Errorf("%s is not supported", name)
		}
	}
	return nil
}

// checkProject refuses to make a directory writable that is not a project: one
// that holds the keys, or that sbx replaces by a private one.
func (s Spec) checkProject(h Host) error {
	if s.Project == "" {
		return nil
	}
	if err := h.wantDir("project directory", s.Project); err != nil {
		return hinted(err, "change to a directory that exists, or use --no-project")
	}
	for _, dir := range h.State {
		if below(s.Project, dir) || below(h.real(s.Project), dir) {
			return hinted(fmt.Errorf("refusing to make %s the project: it is where sbx keeps which sandboxes there are", s.Project), "change to a project directory")
		}
	}
	if secret := s.secretAbove(h, h.real(s.Project)); secret != "" && !h.workplace(s.Project) {
		return hinted(fmt.Errorf("refusing to make %s the project: secrets are kept in %s", s.Project, secret),
			"change to a project directory; --unsafe-expose "+s.Project+" shows it")
	}
	if cwd := s.OCI.Process.Cwd; cwd != s.Project && below(cwd, s.Project) {
		if secret := s.secretAbove(h, cwd); secret != "" {
			return hinted(fmt.Errorf("refusing to run in %s: secrets are kept in %s", cwd, secret), "change to another directory; --unsafe-expose "+cwd+" shows it")
		}
	}
	if h.Guard != nil && h.Guard.Place.Path != "" && !s.AllowRunLater && !s.ReadOnlyProject {
		return hinted(fmt.Errorf("refusing to make %s the project: what is in %s runs later: %s", s.Project, h.Guard.Place.Path, h.Guard.Place.Why),
			"change to the project that it belongs to, or use --allow-run-later")
	}
	if slices.Contains(s.Writable, s.Project) {
		return nil
	}
	for _, a := range h.aliases {
		if a.home && below(a.path, s.Project) {
			return hinted(fmt.Errorf("refusing to make %s writable as the project: your home is in it, at %s", s.Project, a.path),
				"change to a project directory, or say --rw "+s.Project+" if you mean it")
		}
	}
	for _, home := range h.Homes {
		if below(h.real(home), s.Project) || below(home, s.Project) {
			return hinted(fmt.Errorf("refusing to make %s writable as the project: your home is in it", s.Project),
				"change to a project directory, or say --rw "+s.Project+" if you mean it")
		}
	}
	private := []string{"/dev", "/proc", "/sys"}
	for _, d := range privateDirs {
		private = append(private, d.path, h.real(d.path))
	}
	if slices.Contains(private, s.Project) {
		return hinted(fmt.Errorf("refusing to make %s writable as the project: it is shared by the whole host", s.Project),
			"change to a project directory, or say --rw "+s.Project+" if you mean it")
	}
	return nil
}

// below tells whether path is dir or within it. It is asked a thousand times at each
// start, and makes no string for it.
func below(path, dir string) bool {
	return dir == "/" || dir != "" && strings.HasPrefix(path, dir) && (len(path) == len(dir) || path[len(dir)] == '/')
}

func (h Host) real(dir string) string {
	if r, ok := h.Real[dir]; ok {
		return r
	}
	return dir
}

// completeIDs fills the maps in. The note says when there are fewer ids than
// asked for.
func (s *Spec) completeIDs(h Host) (note string, err error) {
	if s.IDs == IDsMap {
		return "", nil
	}
	var uids, gids idmap.Map
	own := func(inside uint32) {
		if inside == 0 {
			uids, gids = idmap.Single(0, h.UID), idmap.Single(0, h.GID)
			return
		}
		uids, gids = idmap.Single(h.UID, h.UID), idmap.Single(h.GID, h.GID)
	}
	missing := h.missingRanges()
	switch {
	case s.View == HostView && !s.wantsRanges():
		own(1)
	case s.View == HostView && missing != nil:
		return "", s.hintOneID(missing, h)
	case s.IDs == IDsSingle:
		own(0)
	case missing == nil && s.IDs == IDsKeep:
		uids, gids = idmap.KeepID(h.UID, h.UIDs), idmap.KeepID(h.GID, h.GIDs)
	case missing == nil:
		uids, gids = idmap.Root(h.UID, h.UIDs), idmap.Root(h.GID, h.GIDs)
	case s.IDs == IDsRoot:
		return "", missing
	case s.IDs == IDsKeep:
		own(1)
	default:
		own(0)
	}
	if missing != nil && s.wantsRanges() {
		note = fmt.Sprintf("one id mapped, files cannot change owner: %v", missing)
	}
	s.OCI.Linux.UIDMappings, s.OCI.Linux.GIDMappings = toOCI(uids), toOCI(gids)
	return note, nil
}

// hintOneID adds to what says why there are no subordinate ids how to run without in the host
// view, where one asks for them by name.
func (s Spec) hintOneID(missing error, h Host) error {
	without := "leave --userns out"
	if s.IDs == IDsRoot {
		without = fmt.Sprintf("--userns 0:%d:1 makes you root alone", h.UID)
	}
	return hinted(fmt.Errorf("--userns %s: %w", s.IDs, missing), Hint(missing)+"; or "+without)
}

// missingRanges says why several ids cannot be mapped, or nil.
func (h Host) missingRanges() error {
	if name := h.Helpers.Missing(); name != "" {
		return hinted(fmt.Errorf("%s is not installed", name), "install it: apt-get install uidmap, dnf install shadow-utils")
	}
	if h.RangesErr != nil {
		return hinted(h.RangesErr, fmt.Sprintf("as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s", h.User))
	}
	return nil
}

// wantsRanges tells whether the caller's subordinate ids matter to the Spec.
func (s Spec) wantsRanges() bool {
	auto := s.IDs == "" || s.IDs == IDsAuto
	return s.IDs == IDsKeep || s.IDs == IDsRoot || auto && s.View != HostView
}

// addGroups adds the groups of Spec.Groups. With one id the kernel lets nobody change them.
func (s *Spec) addGroups(h Host) error {
	if len(h.Groups) == 0 {
		return nil
	}
	if gids := fromOCI(s.OCI.Linux.GIDMappings); gids.IsSingle() {
		return hinted(fmt.Errorf("groups cannot be added where one id is mapped, %s", gids), "--userns keep-id or root maps more")
	}
	u := s.user()
	for _, g := range h.Groups {
		if !slices.Contains(u.AdditionalGids, g) {
			u.AdditionalGids = append(slices.Clip(u.AdditionalGids), g)
		}
	}
	s.OCI.Process.User = u
	return nil
}

// checkUser refuses maps the kernel would refuse, and a user without an id.
func (s Spec) checkUser() error {
	uids, gids := fromOCI(s.OCI.Linux.UIDMappings), fromOCI(s.OCI.Linux.GIDMappings)
	if err := uids.Check(); err != nil {
		return fmt.Errorf("user %w", err)
	}
	if err := gids.Check(); err != nil {
		return fmt.Errorf("group %w", err)
	}
	u := s.user()
	if u.Umask != nil && *u.Umask > 0o777 {
		return fmt.Errorf("umask %#o is more than 0777", *u.Umask)
	}
	if _, ok := uids.ToOutside(u.UID); !ok {
		return hinted(fmt.Errorf("cannot run as uid %d: it has no id here, the map is %s", u.UID, uids), s.idHint())
	}
	if _, ok := gids.ToOutside(u.GID); !ok {
		return hinted(fmt.Errorf("cannot run as gid %d: it has no id here, the map is %s", u.GID, gids), s.idHint())
	}
	for _, g := range u.AdditionalGids {
		if _, ok := gids.ToOutside(g); !ok {
			return hinted(fmt.Errorf("cannot run with gid %d: it has no id here, the map is %s", g, gids), s.idHint())
		}
	}
	return nil
}

// idHint tells how to have more ids.
func (s Spec) idHint() string {
	if s.IDs == IDsMap || s.wantsRanges() {
		return "see --userns"
	}
	return "--userns keep-id maps your subordinate ids"
}

// strangerNote says that the image's user cannot write the project. No map can make it the
// project's owner: the image's own files would be another's then.
func (s Spec) strangerNote(h Host) string {
	if !s.UserOfImage || s.Project == "" || s.ReadOnlyProject {
		return ""
	}
	u, perm := s.user(), h.Files[s.Project].Perm()
	uids := fromOCI(s.OCI.Linux.UIDMappings)
	if uid, _ := uids.ToOutside(u.UID); uid == h.ProjectOwner || u.UID == 0 || perm&0o002 != 0 {
		return ""
	}
	note := fmt.Sprintf("user %d cannot write the project", u.UID)
	if owner, ok := uids.ToInside(h.ProjectOwner); ok {
		note += fmt.Sprintf("; -u %d runs as its owner", owner)
	}
	return note
}

// user is who the command runs as. Without a wish that is the caller, who is
// the first line of a map that sbx made.
func (s Spec) user() specs.User {
	u := s.OCI.Process.User
	l := s.OCI.Linux
	if s.User == "" && s.IDs != IDsMap && u.UID == 0 && u.GID == 0 {
		u.UID, u.GID = l.UIDMappings[0].ContainerID, l.GIDMappings[0].ContainerID
	}
	return u
}

func toOCI(m idmap.Map) []specs.LinuxIDMapping {
	out := make([]specs.LinuxIDMapping, len(m))
	for i, l := range m {
		out[i] = specs.LinuxIDMapping{ContainerID: l.Inside, HostID: l.Outside, Size: l.Count}
	}
	return out
}

func fromOCI(m []specs.LinuxIDMapping) idmap.Map {
	out := make(idmap.Map, len(m))
	for i, l := range m {
		out[i] = idmap.Mapping{Inside: l.ContainerID, Outside: l.HostID, Count: l.Size}
	}
	return out
}

// completeProcess fills in user, working directory, capabilities and what the
// limits must be put back to.
func (s *Spec) completeProcess(h Host) {
	p := s.OCI.Process
	p.User = s.user()
	p.NoNewPrivileges = true
	p.Env = s.completeEnv(h)
	if p.Cwd == "" {
		p.Cwd = "/"
		if s.Project != "" {
			p.Cwd = s.Project
		}
	}
	if p.Capabilities == nil {
		p.Capabilities = s.defaultCapabilities()
	}
	if p.User.Umask == nil { // as OCI runtimes do; Command sets the caller's
		umask := uint32(0o022)
		p.User.Umask = &umask
	}
	if h.NoFile.Cur > 0 {
		p.Rlimits = defaultLimit(p.Rlimits, "RLIMIT_NOFILE", h.NoFile.Cur, h.NoFile.Max)
	}
	if !h.NoCore {
		p.Rlimits = defaultLimit(p.Rlimits, "RLIMIT_CORE", noCore, noCore)
	}
	s.completeNamespaces()
}

func (s *Spec) completeNamespaces() {
	for _, ns := range []specs.LinuxNamespaceType{
		specs.UserNamespace, specs.MountNamespace, specs.PIDNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.CgroupNamespace, specs.NetworkNamespace,
	} {
		if !s.hasNamespace(ns) && !(ns == specs.NetworkNamespace && s.HostNetwork) {
			s.OCI.Linux.Namespaces = append(s.OCI.Linux.Namespaces, specs.LinuxNamespace{Type: ns})
		}
	}
}

func (s Spec) hasNamespace(t specs.LinuxNamespaceType) bool {
	return slices.ContainsFunc(s.OCI.Linux.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == t })
}

// hostPaths are the paths of the host that matter to the Spec.
func (s Spec) hostPaths(h Host) []string {
	paths := s.rootDirs()
	if s.Upper != "" {
		paths = append(paths, s.Upper)
	}
	for _, l := range s.Layered {
		if paths = append(paths, l.Lower...); l.Upper != "" {
			paths = append(paths, l.Upper)
		}
	}
	own := s.ownMounts(h)
	for i, m := range own {
		if isBind(m) {
			paths = append(paths, m.Source)
		}
		if at := s.backing(m.Destination, own[:i]); at != "" {
			paths = append(paths, at)
		}
	}
	for _, p := range s.MustHide {
		if at, known := s.hiddenAt(h, p); known {
			paths = append(paths, at)
		}
	}
	return paths
}
