package sandbox

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// maskedKernel are the kernel's files that tell of the machine or let root drive
// it. They are the ones that container runtimes mask, and /proc/kmsg.
var maskedKernel = []string{
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/kmsg", "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
}

// directories are those of the masked that are no files.
var directories = []string{"/proc/acpi", "/proc/asound", "/proc/scsi"}

// frozenKernel are those that stay readable.
var frozenKernel = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}

// narrowed is all that a sandbox has of /sys: how many processors there are
// and how memory is laid out, which run-time systems look for. Devices, network
// interfaces, serial numbers and cgroups are not among it.
var narrowed = []string{"/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/kernel/mm/transparent_hugepage"}

// identity are the files that say which machine this is. The ssh keys have its name in them.
var identity = []string{
	"/etc/machine-id", "/var/lib/dbus/machine-id", "/etc/mailname",
	"/etc/ssh/ssh_host_ecdsa_key.pub", "/etc/ssh/ssh_host_ed25519_key.pub", "/etc/ssh/ssh_host_rsa_key.pub",
}

// completeMasks says what is covered: of the kernel's files, of the host's
// identity, secrets below what is shown, sockets.
//
// Where user namespaces are allowed the kernel's files are left: it makes a new
// /proc or /sys only where none of the one in sight is covered
// (mount_namespaces(7)), and a sandbox within needs both.
func (s *Spec) completeMasks(h Host) {
	l := s.OCI.Linux
	for _, p := range slices.Concat(s.hiddenPlaces(h), s.maskedAlways(h), s.secretPaths(h)) {
		if !slices.Contains(l.MaskedPaths, p) {
			l.MaskedPaths = append(l.MaskedPaths, p)
		}
	}
	l.ReadonlyPaths = append(l.ReadonlyPaths, s.frozenAlways(h)...)
}

// maskedAlways are the paths that are masked whoever's the host is. In the host
// view those that are not there are left out: it is the same kernel.
func (s Spec) maskedAlways(h Host) (masked []string) {
	if !s.UserNS {
		masked = append(masked, maskedKernel...)
	}
	if s.View == HostView {
		masked = slices.DeleteFunc(masked, func(p string) bool { return !h.there(p) })
		masked = append(masked, slices.DeleteFunc(slices.Clone(identity), func(p string) bool { return !h.there(p) })...)
	}
	return masked
}

// frozenAlways are those that are made read-only.
func (s Spec) frozenAlways(h Host) []string {
	if s.UserNS {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(frozenKernel), func(p string) bool { return s.View == HostView && !h.there(p) })
}

// secretPaths are the places inside at which a secret of the host's would be
// seen: below what is shown, whatever name it is shown by. Those that were exposed
// on purpose are not among them.
func (s Spec) secretPaths(h Host) []string {
	var found []string
	there := slices.DeleteFunc(slices.Clone(h.Secrets), func(p string) bool { return !h.there(p) || s.exposed(h, p) })
	for _, m := range s.OCI.Mounts {
		if _, ok := h.gatheredAt(m); ok {
			continue // what is not shown need not be hidden
		}
		for _, dir := range s.sourcesOf(m) {
			source := h.real(dir)
			for _, secret := range there {
				if below(secret, source) && secret != source {
					found = append(found, m.Destination+strings.TrimPrefix(secret, strings.TrimSuffix(source, "/")))
				}
			}
		}
	}
	for _, dir := range s.otherRoots() {
		for _, secret := range there {
			if root := h.real(dir); below(secret, root) && secret != root {
				found = append(found, strings.TrimPrefix(secret, root))
			}
		}
	}
	if s.View == HostView {
		for _, secret := range there {
			if innermost(secret, s.OCI.Mounts) == nil {
				found = append(found, secret)
			}
		}
	}
	return found
}

// exposed tells whether a secret is shown on purpose. Where sandboxes are kept never is.
func (s Spec) exposed(h Host, secret string) bool {
	return !slices.Contains(h.State, secret) && slices.ContainsFunc(s.Exposed, func(e string) bool {
		return below(secret, e) || below(e, secret) || below(secret, h.real(e)) || below(h.real(e), secret)
	})
}

// checkSecrets refuses to show a secret without being told so.
func (s Spec) checkSecrets(h Host) error {
	for _, dir := range s.otherRoots() {
		if secret := s.secretAbove(h, h.real(dir)); secret != "" {
			return hinted(fmt.Errorf("refusing to make %s the root: secrets are kept in %s", dir, secret), "--unsafe-expose "+dir+" shows it")
		}
	}
	for _, l := range s.Layered {
		for _, dir := range l.Lower {
			if secret := s.secretAbove(h, h.real(dir)); secret != "" {
				return fmt.Errorf("layered cache %s: secrets are kept in %s", dir, secret)
			}
		}
	}
	if p := h.secretNamed; p != "" {
		return hinted(fmt.Errorf("refusing to show %s: it is where secrets are kept", p), "say --unsafe-expose "+p+" if you mean it")
	}
	for _, m := range s.ownMounts(h) {
		if !isBind(m) || m.Source == s.Project || m.Source == m.Destination && below(m.Source, s.Project) {
			continue // what is in the project is hidden there
		}
		if h.isPin(m) || h.isOwn(m) {
			continue // it is bound over itself, and hidden then
		}
		for _, secret := range h.Secrets {
			if below(h.real(m.Source), secret) && !s.exposed(h, secret) {
				if slices.Contains(h.State, secret) {
					return fmt.Errorf("refusing to show %s: it is where sbx keeps which sandboxes there are", m.Source)
				}
				return hinted(fmt.Errorf("refusing to show %s: it is where secrets are kept", m.Source), "say --unsafe-expose "+m.Source+" if you mean it")
			}
		}
	}
	return nil
}

// otherRoots are the directories of which another root than the host's is made.
func (s Spec) otherRoots() []string {
	if s.View == HostView {
		return nil
	}
	return s.rootDirs()
}

// secretAbove is the place of secrets that a path is, or is in, or nothing.
func (s Spec) secretAbove(h Host, p string) string {
	for _, secret := range h.Secrets {
		if p != "" && below(p, secret) && !s.exposed(h, secret) {
			return secret
		}
	}
	return ""
}

// freeze adds the steps that make read-only what the kernel shows.
func (c *compiler) freeze() {
	for _, p := range c.spec.OCI.Linux.ReadonlyPaths {
		c.add(userns.Freeze{Path: p})
	}
}

// cover adds the steps that put made files over the host's.
func (c *compiler) cover() {
	c.sealSys()
	c.addMade("")
}

// sealSys makes the directory of narrowSys read-only, now that its mount points are there.
func (c *compiler) sealSys() {
	if !c.spec.UserNS && c.host.there("/sys") {
		c.add(userns.SetAttr{Target: "/sys", Attr: userns.ReadOnly})
	}
}

// madeFiles does the same in another root, where the files need not be there.
func (c *compiler) madeFiles() {
	c.addMade("/etc")
	text := ""
	switch {
	case c.spec.HostNetwork:
		text = c.host.ResolvConf
	case c.spec.Egress != nil:
		text = nameServerText
	case c.spec.UserNetwork != nil:
		text = userResolver(c.host.ResolvConf)
	}
	c.addMadeFile("/etc/resolv.conf", text, "/etc")
}

func (c *compiler) addMade(below string) {
	name := c.spec.OCI.Hostname
	c.addMadeFile("/etc/hostname", name+"\n", below)
	more := ""
	for _, line := range c.spec.Hosts {
		more += line + "\n"
	}
	switch {
	case !c.spec.HostNetwork:
		c.addMadeFile("/etc/hosts", "127.0.0.1 localhost "+name+"\n::1 localhost ip6-localhost ip6-loopback\n"+more, below)
	case more != "":
		c.addMadeFile("/etc/hosts", c.host.HostsFile+more, below)
	}
}

// addMadeFile covers a file, and makes it first where a directory is given that it
// may be made in.
func (c *compiler) addMadeFile(path, text, below string) {
	if below != "" {
		c.add(userns.DropBroken{Path: path}, userns.Touch{Path: path, Mode: 0o644, Below: "/"})
	}
	c.add(userns.Cover{Path: path, Text: text, Scratch: "/dev/.made"})
}

// What hides others, while there are some to hide.
const emptyFile, closedFile, emptyDir = "/dev/.hidden", "/dev/.hidden.s", "/dev/.hidden.d"

// readsEmpty tells whether a hidden file is one that programs must find, and that may be
// empty (machine-id(5)). Any other is a socket inside, which git adds to no commit and no
// program reads as a configuration: an empty .env was committed, and servers started with
// nothing set.
func readsEmpty(p string) bool { return below(p, "/proc") || slices.Contains(identity, p) }

// hide adds the steps that hide paths, behind all that could show one again.
//
// The kernel's own are covered by /dev/null, as container runtimes do: that one is
// there anyway, and it is the sandbox's own and not the root's (CVE-2025-31133).
func (c *compiler) hide(paths []string) {
	for _, p := range paths {
		if !c.scratched {
			c.add(userns.Touch{Path: emptyFile, Mode: 0o444, Below: "/dev"}, userns.Mkdir{Path: emptyDir, Mode: 0o555, Below: "/dev"})
			c.scratched = true
		}
		file := emptyFile
		if !readsEmpty(p) {
			if file = closedFile; !c.closed {
				c.add(userns.SocketFile{Path: closedFile})
				c.closed = true
			}
		}
		step := userns.Hide{Path: p, File: file, Dir: emptyDir, IsDir: c.host.isDir(p) || slices.Contains(directories, p)}
		if slices.Contains(c.spec.MustHide, p) {
			_, known := c.spec.hiddenAt(c.host, p)
			step.Must = !known
		}
		if below(p, "/proc") {
			step.File = "/dev/null"
		}
		c.add(step)
	}
}

// unscratch removes what things were hidden by.
func (c *compiler) unscratch() {
	if c.scratched {
		c.add(userns.Remove{Path: emptyFile}, userns.Remove{Path: emptyDir, Dir: true})
	}
	if c.closed {
		c.add(userns.Remove{Path: closedFile})
	}
}

// narrowSys are the mounts that make up /sys. A sandbox within needs a whole
// one, which shows a network, so that only its owner may make it.
func (s Spec) narrowSys(h Host) []specs.Mount {
	if s.UserNS && !s.HostNetwork {
		return []specs.Mount{{Type: "sysfs", Source: "sysfs", Destination: "/sys", Options: []string{"nosuid", "noexec", "nodev", "ro"}}}
	}
	if !h.there("/sys") {
		return nil
	}
	mounts := []specs.Mount{tmpfs("/sys", "noexec", "mode=755", "size=64k")}
	for _, p := range narrowed {
		if h.there(p) {
			mounts = append(mounts, bind(p, p, "ro", "noexec"))
		}
	}
	return mounts
}

// giveSecrets adds the steps that make the files of secrets.
func (c *compiler) giveSecrets() {
	for _, s := range c.spec.Secrets {
		if s.File == "" {
			continue
		}
		under := innermost(s.File, c.spec.OCI.Mounts)
		c.add(userns.GiveSecret{Path: s.File, Text: s.Value, Below: belowOf(under)})
	}
}

// secretVariables are the secrets of the environment.
func (c *compiler) secretVariables() (list []userns.Secret) {
	for _, s := range c.spec.Secrets {
		if s.Env != "" {
			list = append(list, userns.Secret(s.Env)+"="+s.Value)
		}
	}
	return list
}

// checkGiven refuses secrets that cannot be given, and files for them that would
// not be in memory.
func (s Spec) checkGiven() error {
	for _, secret := range s.Secrets {
		if strings.IndexByte(string(secret.Value), 0) >= 0 && secret.Env != "" {
			return fmt.Errorf("secret %s has a NUL byte in it, so it can be no variable; give it as a file", secret.Name)
		}
		if secret.File == "" {
			continue
		}
		if !path.IsAbs(secret.File) || path.Clean(secret.File) != secret.File {
			return fmt.Errorf("secret %s: file %s: want an absolute path", secret.Name, secret.File)
		}
		if under := innermost(secret.File, s.OCI.Mounts); under == nil || isBind(*under) || under.Type != "tmpfs" {
			hint := "use a path below /run or /tmp"
			if s.View != HostView {
				hint = "use a path below /dev/shm, or below a --tmpfs"
			}
			return hinted(fmt.Errorf("secret %s: file %s is not in a directory that is in memory", secret.Name, secret.File), hint)
		}
	}
	return nil
}

// probeSecrets finds which of the well-known secrets there are, where some of them
// could be seen: a stat for each would cost every start a millisecond.
func (h *Host) probeSecrets(s Spec) error {
	for _, m := range s.OCI.Mounts {
		if isBind(m) {
			h.resolve(m.Source)
		}
	}
	if s.OCI.Linux != nil && len(s.OCI.Linux.MaskedPaths) > 0 {
		for _, p := range s.hiddenReal(*h, s.ownMounts(*h)) {
			h.resolve(p)
		}
	}
	for _, l := range s.Layered {
		for _, dir := range l.Lower {
			h.resolve(dir)
		}
	}
	h.probeState(s)
	known := slices.Concat(h.places, h.State)
	known = append(known, h.rootSecrets()...)
	var bound []string
	if !h.refusesSockets(s) {
		bound = h.namedSockets()
		known = append(known, slices.DeleteFunc(slices.Clone(bound), func(name string) bool { return !path.IsAbs(name) })...)
	}
	var shown []string
	for _, m := range s.ownMounts(*h) {
		for _, dir := range s.sourcesOf(m) {
			shown = append(shown, h.real(dir))
		}
	}
	for _, dir := range s.otherRoots() {
		if dir != "" {
			h.resolve(dir)
			shown = append(shown, h.real(dir))
		}
	}
	for _, secret := range known {
		seen := slices.ContainsFunc(shown, func(dir string) bool {
			return below(secret, dir) || below(dir, secret)
		}) || s.View == HostView && !h.private(secret)
		if seen && !slices.Contains(h.Secrets, secret) {
			h.Secrets = append(h.Secrets, secret)
		}
	}
	for _, name := range h.ProjectNames {
		h.Secrets = append(h.Secrets, path.Join(s.Project, name))
	}
	doors := h.doors(s, bound)
	h.Secrets = append(h.Secrets, doors...)
	var linked []string
	for _, p := range append(s.hidden(*h), h.Secrets...) {
		if !accessible(p) {
			continue
		}
		if info := h.stat(p); info != nil && severalNames(info) {
			linked = append(linked, p)
		}
	}
	if frozen := h.frozenLinked(s); len(linked)+len(frozen) > 0 {
		if err := h.probeSecondNames(s, linked, frozen); err != nil {
			return err
		}
	}
	if err := h.probePins(s, append(s.hidden(*h), h.Secrets...)); err != nil {
		return err
	}
	return h.probeGathered(s, append(doors, bound...))
}

// probeState finds where the caller's sandboxes may be kept: see package state. Whoever
// reaches the sockets there gets what other sandboxes know. The one in /tmp is made where
// /tmp is shown: it would be seen when it is made later, or be made by the command, to be
// taken for the caller's.
func (h *Host) probeState(s Spec) {
	const tmp = "/tmp"
	dir := tmp + "/sbx-" + strconv.Itoa(int(h.UID))
	if slices.ContainsFunc(s.ownMounts(*h), func(m specs.Mount) bool { return isBind(m) && below(tmp, h.real(m.Source)) }) {
		_ = os.Mkdir(dir, 0o700) // one that cannot be made cannot be made by the command either
	}
	h.State = []string{dir, path.Join("/run/user", strconv.Itoa(int(h.UID)), "sbx")}
	if own := path.Join(h.Runtime, "sbx"); path.IsAbs(h.Runtime) && !slices.Contains(h.State, own) {
		h.State = append(h.State, own)
	}
}

// hidden are the host's paths of what the caller hides.
func (s Spec) hidden(h Host) (paths []string) {
	if s.OCI.Linux == nil || len(s.OCI.Linux.MaskedPaths) == 0 {
		return nil
	}
	own := s.ownMounts(h)
	for _, p := range s.OCI.Linux.MaskedPaths {
		if at := s.backing(p, own); at != "" {
			paths = append(paths, at)
		}
	}
	return paths
}

// resolve finds the real path of a bind's source, by which it is judged. One call
// tells of most that there is no link in them.
func (h *Host) resolve(source string) {
	fd, err := unix.Openat2(unix.AT_FDCWD, source, &unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err == nil {
		unix.Close(fd)
		return
	}
	if real, err := filepath.EvalSymlinks(source); err == nil && real != source {
		h.Real[source] = real
	}
}

// accessible tells whether the caller may do anything with a path. What he may
// not, such as the host's own keys, the command may not either; but what is his
// own it may open with a chmod.
func accessible(p string) bool {
	for _, mode := range []uint32{unix.R_OK, unix.X_OK, unix.W_OK} {
		switch unix.Access(p, mode) {
		case nil:
			return true
		case unix.ENOENT, unix.ENOTDIR:
			return false
		}
	}
	var st unix.Stat_t
	err := unix.Stat(p, &st)
	if err == unix.EACCES && p != "/" { // a directory above is closed
		return accessible(path.Dir(p))
	}
	return err == nil && int(st.Uid) == os.Getuid()
}

// private tells whether a path is in a directory that the host view replaces.
func (h *Host) private(p string) bool {
	for _, home := range h.Homes {
		if home != "/" && below(p, home) || h.real(home) != "/" && below(p, h.real(home)) {
			return true
		}
	}
	for _, list := range [][]privateDir{privateDirs, h.disks} {
		for _, d := range list {
			if below(p, d.path) || below(p, h.real(d.path)) {
				return true
			}
		}
	}
	return slices.ContainsFunc(h.aliases, func(a alias) bool { return below(p, a.path) })
}
