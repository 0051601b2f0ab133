package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/moby/sys/user"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/cgroup"
	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/mounttable"
	"github.com/sbxrun/sbx/sandbox/nofile"
	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

// A Host is what is granted: what Complete and Compile need to know of the
// machine and the caller. Probe fills one; a test fills it by hand.
type Host struct {
	Kernel   Kernel
	UID, GID uint32
	// Root says that the caller is the machine's root, not that of a user namespace.
	Root bool
	// User is the caller's login name, Home the home directories he has: that
	// of the password file, and $HOME where it is another.
	User  string
	Homes []string
	// Ranges are the caller's subordinate ids, and RangesErr why there are none.
	// Neither is looked up for a Spec that cannot use them.
	UIDs, GIDs []idmap.Range
	RangesErr  error
	Helpers    idmap.Helpers
	// FuseOverlayfs is the program's path, or empty.
	FuseOverlayfs string
	// Du is the path of du(1), where an upper directory is watched, or empty.
	Du string
	// UpperUnfit says why the kernel's overlay cannot keep its marks in the upper
	// directory, or nothing. The mount would succeed all the same.
	UpperUnfit string
	// Files says what is at the host paths that the Spec names. A path that is
	// not in it is not there.
	Files map[string]fs.FileMode
	// Real gives the path without symbolic links for those of sbx's own private
	// directories that are reached through one.
	Real map[string]string
	// IPv6 says that the kernel has it.
	IPv6 bool
	// Resolver is where /etc/resolv.conf really is, ResolvConf what it says, where a
	// root of its own is to have that.
	Resolver, ResolvConf string
	// HostsFile is what /etc/hosts says, where lines are added to it.
	HostsFile string
	// UserNetwork is looked up where the Spec wants one.
	UserNetwork UserHost
	// NoFile is the caller's limit of open files.
	NoFile unix.Rlimit
	// NoCore says that the caller may dump no core, and so can allow none.
	NoCore bool
	// Landlock is the ABI version of the kernel's Landlock, 0 for none. NoSeccomp
	// and NoTimeNS say what the kernel lacks.
	Landlock            int
	NoSeccomp, NoTimeNS bool
	// NoProc says that there is no /proc, by which nothing can be had.
	NoProc bool
	// links are those on the way to the caller's homes and to what Spec.Named names.
	links []pathLink
	// secretNamed is a path of Spec.Named that goes through a place of secrets.
	secretNamed string
	// Top are the directories at the host's root.
	Top []string
	// Runtime is the caller's XDG_RUNTIME_DIR.
	Runtime string
	// State are the directories where sbx may keep which sandboxes there are.
	State []string
	// Labels are what SELinux would have a sandbox be, where it is enforcing.
	Labels Labels
	// FileLabels are those of what is shown as it is, where the sandbox has labels.
	FileLabels map[string]string
	// Guard is what of the project runs later outside.
	Guard *runlater.Guard
	// GitConfig is what git is given of the caller's configuration.
	GitConfig runlater.PassedConfig
	// ProjectNames are the files of the project that hold secrets, by their paths in
	// it, and Secrets the paths that hold secrets, or lead to the host's services, and
	// could be seen.
	ProjectNames, Secrets []string
	// ProjectOwner is the user who owns the project.
	ProjectOwner uint32
	made         map[string]dotenv.Known // files of such names that commands made, by their paths in the project
	wereShut     map[uint64]bool         // directories of the project, by inode, that an earlier run could not look into
	// top are the FIFOs and sockets at the project's top.
	top []entry
	// places are where secrets are kept, by their real paths; aliases the other paths of
	// what is private, and views how they come about.
	places  []string
	aliases []alias
	views   []mounttable.View
	// mounts gives the host's, as they were when Probe began.
	mounts func() (mounttable.Table, error)
	// disks are the private directories in which other disks are mounted.
	disks []privateDir
	// drives says that Windows' are mounted, in WSL.
	drives bool
	// gathered are the directories that are shown by their parts, by mount point.
	gathered map[string]gathering
	// newPlaces are mount points that the host has not, and newRoot what is in the root that
	// has them.
	newPlaces []string
	newRoot   []userns.Part
	// pins are bound over themselves: directories, see probePins, and read-only files by
	// their other names, see freezeName.
	pins []specs.Mount
	// perhapsLinked are what is read-only in the project and may have other names.
	perhapsLinked []string
	// Unhidden says which of them may be seen all the same, and why.
	Unhidden []string
	// own is what of sbx's own a writable mount shows, and ownMissing the directories
	// of that which have to be made first.
	own        []heldPath
	ownMissing []string
	// Account is what Spec.User means in the Spec's root.
	Account Account
	// Groups are what Spec.Groups mean there.
	Groups []uint32
	// Cgroups is looked up where the Spec has limits.
	Cgroups cgroup.Host
}

// Kernel is a kernel's version.
type Kernel struct{ Major, Minor int }

// AtLeast tells whether the kernel is that version or newer.
func (k Kernel) AtLeast(major, minor int) bool {
	return k.Major > major || k.Major == major && k.Minor >= minor
}

func (k Kernel) String() string { return fmt.Sprintf("%d.%d", k.Major, k.Minor) }

// floor is the oldest kernel: it has mount_setattr(2).
var floor = Kernel{5, 12}

// A privateDir is a directory, and the mode of the empty one in its place.
type privateDir struct{ path, mode string }

// privateDirs are the host's directories that the host view replaces by empty
// ones, with the mode they get. /var/run is a link to /run where it is not one
// more directory full of sockets.
var privateDirs = []privateDir{
	{"/tmp", "1777"}, {"/var/tmp", "1777"}, {"/run", "755"}, {"/var/run", "755"}, {"/home", "755"}, {"/root", "700"},
}

// Probe looks at the host, as far as the Spec makes it matter: it stats the
// paths that the Spec names, and looks for subordinate ids and helpers only when
// the Spec may map them.
func Probe(s Spec) (Host, error) { return probe(s, LookAround()) }

func probe(s Spec, around *Surroundings) (Host, error) {
	h := Host{
		UID: uint32(os.Getuid()), GID: uint32(os.Getgid()),
		Files: map[string]fs.FileMode{}, Real: map[string]string{},
	}
	h.mounts = func() (mounttable.Table, error) {
		seen := around.wait()
		return seen.table, seen.err
	}
	h.NoFile.Cur, h.NoFile.Max = nofile.AtStart()
	var core unix.Rlimit
	h.NoCore = unix.Getrlimit(unix.RLIMIT_CORE, &core) == nil && core.Max == 0
	var err error
	if h.Kernel, err = kernel(); err != nil {
		return h, err
	}
	if err := checkDevices(); err != nil {
		return h, err
	}
	h.probeCaller()
	h.probeRoot()
	for _, path := range narrowed {
		h.stat(path)
	}
	if s.View == HostView {
		h.probeHostView(s)
	}
	h.probeLinks(s)
	if s.View == Union { // where the kernel is asked for too, for the hint
		h.FuseOverlayfs = hostProgram("fuse-overlayfs")
	}
	if s.View == Union {
		h.UpperUnfit = upperUnfit(s.Upper, h.Kernel)
	}
	if s.Disk > 0 && s.Upper != "" {
		h.Du = hostProgram("du")
	}
	if s.IDs == IDsMap {
		h.Helpers = idmap.FindHelpers()
	}
	if s.wantsRanges() {
		h.Helpers = idmap.FindHelpers()
		h.UIDs, h.GIDs, h.RangesErr = idmap.Granted(h.UID, h.User)
	}
	if s.MadeFiles && s.HostNetwork || s.UserNetwork != nil {
		text, _ := os.ReadFile("/etc/resolv.conf") // without one there are no names
		h.ResolvConf = string(text)
	}
	if s.HostNetwork && len(s.Hosts) > 0 {
		text, _ := os.ReadFile("/etc/hosts") // without one there are the lines alone
		if h.HostsFile = string(text); h.HostsFile != "" && !strings.HasSuffix(h.HostsFile, "\n") {
			h.HostsFile += "\n"
		}
	}
	if s.Egress != nil {
		h.IPv6 = unix.Access("/proc/net/if_inet6", unix.F_OK) == nil
	}
	if s.UserNetwork != nil {
		h.UserNetwork = probeUserNetwork()
	}
	if s.limited() {
		h.Cgroups = cgroup.Probe(h.User)
	}
	h.Runtime = os.Getenv("XDG_RUNTIME_DIR")
	h.probeProtection(s)
	if fi := h.stat(s.Project); fi != nil {
		h.ProjectOwner = uint32(owner(fi))
	}
	h.stat("/sys")
	if err := h.probeProject(s); err != nil {
		return h, err
	}
	seen := around.wait()
	if err := h.probeElsewhere(s, seen); err != nil && !h.NoProc {
		return h, err
	}
	if err := h.probeOwn(s, seen.table); err != nil {
		return h, err
	}
	for _, path := range s.hostPaths(h) {
		h.stat(path)
	}
	if err := h.probeNewPlaces(s); err != nil {
		return h, err
	}
	h.recognizeHome(s.Project)
	if unix.Access(s.Project, unix.R_OK|unix.X_OK) != nil {
		delete(h.Files, s.Project)
	}
	for _, e := range s.Exposed {
		h.stat(e)
		h.resolve(e)
	}
	if err := h.probeSecrets(s); err != nil {
		return h, err
	}
	h.probeGitConfig(s)
	h.secretNamed = h.namedSecret(s)
	h.hiddenPrograms(s)
	if err := h.probeLabels(s); err != nil {
		return h, err
	}
	h.probeFileLabels(s.labelled(s.ownMounts(h)))
	if h.Account, err = s.account(); err == nil {
		h.Groups, err = s.groups()
	}
	return h, err
}

// KernelVersion is that of the running kernel.
func KernelVersion() (major, minor int, err error) {
	k, err := kernel()
	return k.Major, k.Minor, err
}

func kernel() (Kernel, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Kernel{}, fmt.Errorf("uname: %w", err)
	}
	return parseKernel(unix.ByteSliceToString(u.Release[:]))
}

func parseKernel(release string) (Kernel, error) {
	major, rest, _ := strings.Cut(release, ".")
	minor := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		minor = rest[:i]
	}
	a, err := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if err := errors.Join(err, err2); err != nil {
		return Kernel{}, fmt.Errorf("kernel release %q: no version", release)
	}
	return Kernel{a, b}, nil
}

// probeCaller looks the caller up. One who is not in the password file has the
// home that $HOME says, and his number for a name.
func (h *Host) probeCaller() {
	h.probeHomes()
	for _, home := range h.Homes {
		h.resolve(home)
	}
}

// Homes are the caller's home directories, by their real paths.
func Homes() []string {
	h := Host{UID: uint32(os.Getuid()), Real: map[string]string{}}
	h.probeCaller()
	return h.realHomes()
}

func (h *Host) probeHomes() {
	h.User = strconv.Itoa(int(h.UID))
	if u, ok := passwdEntry(h.UID); ok {
		h.User = u.Name
		h.addHome(u.Home)
	}
	h.addHome(os.Getenv("HOME"))
}

// passwdEntry finds a user in the host's password file. The file is read in one
// go: an os.File would set up the runtime's poller first.
func passwdEntry(uid uint32) (user.User, bool) {
	fd, err := unix.Open("/etc/passwd", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return user.User{}, false
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Size > maxAccountFile {
		return user.User{}, false
	}
	b := make([]byte, st.Size)
	n, err := unix.Read(fd, b)
	if err != nil {
		return user.User{}, false
	}
	found, err := user.ParsePasswdFilter(bytes.NewReader(b[:n]), func(u user.User) bool { return u.Uid == int(uid) })
	if err != nil || len(found) == 0 {
		return user.User{}, false
	}
	return found[0], true
}

func (h *Host) addHome(dir string) {
	if filepath.IsAbs(dir) && !slices.Contains(h.Homes, filepath.Clean(dir)) {
		h.Homes = append(h.Homes, filepath.Clean(dir))
	}
}

func (h *Host) probeHostView(s Spec) {
	dirs := slices.Clone(h.Homes)
	for _, d := range privateDirs {
		dirs = append(dirs, d.path)
	}
	h.probeDisks()
	for _, dir := range dirs {
		fi, err := os.Lstat(dir)
		if err != nil {
			continue
		}
		h.Files[dir] = fi.Mode()
		if fi.Mode()&fs.ModeSymlink != 0 {
			h.stat(dir)
			if real, err := filepath.EvalSymlinks(dir); err == nil {
				h.Real[dir] = real
				h.stat(real)
			}
		}
	}
	if s.HostNetwork || s.Egress != nil || s.UserNetwork != nil {
		// What /etc/resolv.conf links to is often below /run, which is private.
		if real, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil && real != "/etc/resolv.conf" {
			h.Resolver = real
			h.stat(real)
		} else if to, err := os.Readlink("/etc/resolv.conf"); err == nil && h.Resolver == "" { // to what is not there yet
			if !filepath.IsAbs(to) {
				to = filepath.Join("/etc", to)
			}
			h.Resolver = filepath.Clean(to)
		}
	}
}

// recognizeHome has a project that is the home by another name, as a bind mount
// of it is, known as the home.
func (h *Host) recognizeHome(project string) {
	p, err := os.Stat(project)
	if err != nil {
		return
	}
	for _, home := range h.Homes {
		if fi, err := os.Stat(home); err == nil && os.SameFile(p, fi) {
			h.Real[home] = project
		}
	}
}

// stat records what is at a path, and gives it, or nil where nothing is.
func (h *Host) stat(path string) fs.FileInfo {
	fi, err := os.Stat(path)
	if err != nil {
		return nil
	}
	h.Files[path] = fi.Mode()
	return fi
}

// owner is the user id of a file's owner.
func owner(fi fs.FileInfo) int {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

// upperUnfit tries whether an upper directory takes the user.* attributes in
// which the kernel's overlay marks directories as opaque. Without them it mounts,
// and a directory made over a removed one shows what was removed or fails. The
// throw-away upper is a tmpfs, which has them since Linux 6.6.
func upperUnfit(upper string, k Kernel) string {
	const probe = "user.sbx.probe"
	if upper == "" {
		if !k.AtLeast(6, 6) {
			return fmt.Sprintf("tmpfs has no user attributes on kernel %s, only from 6.6 on", k)
		}
		return ""
	}
	if err := unix.Setxattr(upper, probe, []byte("1"), 0); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return "" // that it is not there is told elsewhere
		}
		return fmt.Sprintf("%s takes no user attributes: %v", upper, err)
	}
	_ = unix.Removexattr(upper, probe) // it was set just now
	return ""
}
