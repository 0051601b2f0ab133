package sandbox

import (
	specs "github.com/opencontainers/runtime-spec/specs-go"
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
	// Overlay says how the union is mounted.
	Overlay Driver

	// Project is a directory that is bound writable at its own path.
	Project string
	// Writable names directories that may be writable although a project may
	// not be: the root, the home. It is what --rw said.
	Writable []string

	// IDs says which user and group ids there are inside. With IDMap they are
	// those of OCI.Linux.
	IDs IDs
	// User is a user, and after a colon a group, by name or number, that is
	// looked up in the root. It wins over OCI.Process.User.
	User string

	// HostNetwork shares the host's network instead of making one that has lo
	// and nothing else.
	HostNetwork bool
	// NoInit makes the command PID 1, with no reaper above it.
	NoInit bool
	// Clock starts the monotonic and the boot clock at zero.
	Clock bool
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
	// IDsAuto is KeepID with one id in the host view, Root elsewhere, and
	// Single where there are no helpers or no subordinate ids.
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
