package sandbox

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// A Spec is what is wanted: an OCI runtime configuration, and the few things
// that OCI has no word for. The zero value of each field is its default.
//
// Spec is plain data. Complete fills in what depends on the host, Compile makes
// the plan of it; neither changes the value it is given.
type Spec struct {
	// OCI is the configuration, as a bundle's config.json has it. Mounts are
	// mounted in order, after those that Complete puts before them.
	OCI specs.Spec

	// View says what the root is.
	View View
	// Layers are directories, the top one first, whose union is the root of the
	// view Union.
	Layers []string
	// Upper is the directory that keeps what the command writes to the root of
	// the view Union. Empty is a throw-away one, in memory.
	Upper string
	// Disk is how many bytes may be taken by all that is written and thrown away, and
	// by Upper. Zero is no bound but the kernel's.
	Disk int64
	// Overlay says how the union is mounted.
	Overlay Driver

	// Project is a directory that is bound writable at its own path.
	Project string
	// Writable names directories that may be writable although a project may
	// not be: the root, the home. It is what --rw said.
	Writable []string

	// MustHide are those of OCI.Linux.MaskedPaths that must be there.
	MustHide []string

	// Named are paths through symbolic links by which the caller knows what is shown. In
	// the host view the links are there inside too.
	Named []string

	// Kept are sources of binds that are sbx's own, as a cache that it keeps for a
	// project: they are not looked through afterwards.
	Kept []string

	// Layered are caches of the host's with a directory of the sandbox's above each.
	Layered []LayeredCache

	// Own are sbx's own files, which no command may write.
	Own []OwnPath

	// IDs says which user and group ids there are inside. With IDMap they are
	// those of OCI.Linux.
	IDs IDs
	// User is a user, and after a colon a group, by name or number, that is
	// looked up in the root. It wins over OCI.Process.User.
	User string
	// UserOfImage says that an image names the user, and not the caller.
	UserOfImage bool

	// MadeFiles covers the root's /etc/hostname, hosts and resolv.conf by ones that
	// are right inside, as container engines do. The root's own stay as they are. The
	// host view has them anyway.
	MadeFiles bool
	// NoGitConfig gives git nothing of the caller's configuration but which filters it
	// may not do without.
	NoGitConfig bool
	// Hosts are lines of /etc/hosts, besides those of the sandbox itself.
	Hosts []string
	// Groups are more groups of the command's user, by name or number.
	Groups []string
	// HostNetwork shares the host's network instead of making one that has lo
	// and nothing else.
	HostNetwork bool
	// Egress is what may be reached, of a network of its own. Nil is nothing.
	Egress *Egress
	// UserNetwork is all of the network in user mode. Nil is none of that.
	UserNetwork *UserNetwork
	// Publish are ports of the sandbox that are reached at the host's.
	Publish []PublishedPort
	// NoInit makes the command PID 1, with no reaper above it.
	NoInit bool
	// Enterable keeps what other processes need to enter the sandbox: see Enter.
	Enterable bool
	// HostClock shares the host's monotonic and boot clock instead of ones that
	// start at zero.
	HostClock bool

	Protection
	// Secrets are given to the command and shown nowhere else.
	Secrets []Secret

	// Wished are limits that there are to be where a cgroup can be had at once, and
	// where not, a note. Those of OCI.Linux.Resources must be had, and win.
	Wished *specs.LinuxResources
	// MostProcesses bounds the processes and threads of each user inside, without a cgroup,
	// where the kernel counts those of a user namespace for themselves. Zero is no bound.
	MostProcesses int64
	// LimitsLost says that Complete has left some out that could not be had.
	LimitsLost bool
}

// Protection is what of the default protections is given up, and what is asked
// for beyond them. Its zero value is the default.
type Protection struct {
	// Unconfined is no seccomp filter at all. With OCI.Linux.Seccomp that is the
	// filter, otherwise the default one.
	Unconfined bool
	// Allow32Bit lets the default filter pass 32-bit calls, for 32-bit programs.
	Allow32Bit bool
	// UserNS lets the command make user namespaces, and mount in them. Landlock
	// cannot hold files then: who is confined by it may not mount.
	UserNS bool
	// CapAdd and CapDrop change the default capabilities, by their OCI names.
	CapAdd, CapDrop []string
	// NoExecTmp forbids to execute what is in /tmp, /dev/shm and every other directory
	// in memory, and files in memory that are in none (memfd_create(2)). It needs the
	// default filter.
	NoExecTmp bool
	// AllowRoot lets the machine's root run a command in the host view.
	AllowRoot bool
	// ReadOnlyProject binds the project read-only.
	ReadOnlyProject bool
	// NoTCP forbids TCP, also between the sandbox's own processes. It needs the default
	// filter.
	NoTCP bool
	// Exposed are paths that are shown although they hold secrets.
	Exposed []string
	// AllowRunLater leaves files that are run later outside, without being asked
	// for, as the command made them.
	AllowRunLater bool
	// Labels are options for SELinux, as in "disable" or "level:s0:c1,c2".
	Labels []string
	// Degraded names protections without which the command may run where they
	// cannot be had: see Degradable.
	Degraded []string
}

// Degradable are the protections that a Spec may do without.
var Degradable = []string{"landlock", "seccomp", "clock", "limits"}

// A Secret is given to the command as a variable, or as a file in memory, or
// both.
type Secret struct {
	Name  string
	Value userns.Secret
	Env   string // the variable's name, or empty
	File  string // the file's path inside, or empty
}

// View is one of the three roots.
type View int

const (
	// HostView is the host's root, read-only, with private directories over
	// what is nobody else's business.
	HostView View = iota
	// Rootfs is the directory OCI.Root.Path itself, written in place.
	Rootfs
	// Union is a stack of directories with an upper that takes the writes.
	Union
)

// IDs is a way to fill the user namespace's id maps.
type IDs string

const (
	// IDsAuto is IDsKeep with one id in the host view, IDsRoot elsewhere, and
	// IDsSingle where there are no helpers or no subordinate ids.
	IDsAuto IDs = "auto"
	// IDsKeep maps the caller's id to itself, and subordinate ids around it.
	IDsKeep IDs = "keep-id"
	// IDsRoot maps the caller to root, and subordinate ids to 1 and up.
	IDsRoot IDs = "root"
	// IDsSingle maps one id: the caller to root, or in the host view to itself.
	IDsSingle IDs = "single"
	// IDsMap takes the maps of OCI.Linux.
	IDsMap IDs = "map"
)

// Driver is a way to mount a union.
type Driver string

const (
	// DriverAuto is the kernel's, or fuse-overlayfs where the kernel refuses.
	DriverAuto   Driver = "auto"
	DriverKernel Driver = "kernel"
	DriverFuse   Driver = "fuse-overlayfs"
)
