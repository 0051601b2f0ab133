package sandbox

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// completeMounts puts the mounts that make up the view before the caller's own.
func (s *Spec) completeMounts(h Host) error {
	own := s.ownMounts(h)
	for _, m := range own {
		if !filepath.IsAbs(m.Destination) || m.Destination == "/" {
			return fmt.Errorf("mount point %q: want an absolute path below /", m.Destination)
		}
		if m.Destination == "/dev" {
			return hinted(fmt.Errorf("mount point /dev: the sandbox has its own"), "--device PATH gives one device of the host's")
		}
		if below(m.Destination, "/proc") {
			return fmt.Errorf("mount point %s: nothing may be mounted over /proc (CVE-2019-16884)", m.Destination)
		}
		if isBind(m) && !h.there(m.Source) {
			return fmt.Errorf("%s: no such file or directory, or not readable", m.Source)
		}
	}
	if err := s.completeDevices(h, own); err != nil {
		return err
	}
	made := s.rootfsMounts(h)
	if s.View == HostView {
		s.OCI.Root.Path, s.OCI.Root.Readonly = "/", true
		made = s.hostViewMounts(h)
	}
	s.OCI.Mounts = append(made, own...)
	s.forbidExecution()
	for i, m := range own {
		if err := s.checkMountPoint(h, m, s.OCI.Mounts[:len(made)+i]); err != nil {
			return err
		}
	}
	return nil
}

// ownMounts are the project and the caller's mounts, a directory before what is
// in it: --ro of a directory does not cover the --rw of one below, in whatever
// order they stand.
func (s Spec) ownMounts(h Host) []specs.Mount {
	var own []specs.Mount
	if s.Project != "" {
		project := bind(s.Project, s.Project)
		if s.ReadOnlyProject {
			project.Options = append(project.Options, "ro")
		}
		own = append(own, project)
	}
	own = append(append(own, s.guardMounts(h)...), h.pins...)
	for _, m := range append(slices.Clone(s.OCI.Mounts), s.layeredMounts()...) {
		m.Destination = h.landed(filepath.Clean(m.Destination))
		own = append(own, m)
	}
	if len(h.aliases) > 0 {
		own = append(s.covers(h, own), own...)
	}
	if len(h.own) > 0 {
		own = append(own, s.ownBinds(h, own)...)
		s.sealOwn(h, own)
	}
	slices.SortStableFunc(own, func(a, b specs.Mount) int {
		return strings.Count(a.Destination, "/") - strings.Count(b.Destination, "/")
	})
	return own
}

func (h Host) there(path string) bool {
	_, ok := h.Files[path]
	return ok
}

func bind(source, destination string, options ...string) specs.Mount {
	return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: append([]string{"rbind", "nosuid", "nodev"}, options...)}
}

func isBind(m specs.Mount) bool {
	return m.Type == "bind" || slices.Contains(m.Options, "bind") || slices.Contains(m.Options, "rbind")
}

// WritableOutside lists the host's directories that the command may write. It can make
// links in them, so what is written there later must not go through one.
func (s Spec) WritableOutside() (dirs []string) {
	if s.Project != "" {
		dirs = append(dirs, s.Project)
	}
	for _, m := range s.OCI.Mounts {
		if isBind(m) && !slices.Contains(m.Options, "ro") && !givesDevices(m) {
			dirs = append(dirs, m.Source)
		}
	}
	if s.Upper != "" {
		dirs = append(dirs, s.Upper)
	}
	if s.View == Rootfs && s.OCI.Root != nil {
		dirs = append(dirs, s.OCI.Root.Path)
	}
	return dirs
}

func tmpfs(destination string, options ...string) specs.Mount {
	return specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: destination, Options: append([]string{"nosuid", "nodev"}, options...)}
}

// kernelMounts are what every view has of the kernel's own.
func kernelMounts() []specs.Mount {
	return []specs.Mount{
		{Type: "proc", Source: "proc", Destination: "/proc", Options: []string{"nosuid", "nodev", "noexec"}},
		{Type: "tmpfs", Source: "tmpfs", Destination: "/dev", Options: []string{"nosuid", "noexec", "mode=755", "size=65536k"}},
		{Type: "devpts", Source: "devpts", Destination: "/dev/pts", Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"}},
		{Type: "tmpfs", Source: "shm", Destination: "/dev/shm", Options: []string{"nosuid", "nodev", "mode=1777"}},
	}
}

// rootfsMounts are what a root of its own gets besides: what an OCI runtime
// gives by default, less the cgroups and most of /sys. Where sandboxes within need a
// whole one and the network is the host's, /sys is the host's too: a new one shows a
// network, so that only its owner may make it.
func (s Spec) rootfsMounts(h Host) []specs.Mount {
	sys := s.narrowSys(h)
	if s.UserNS && s.HostNetwork {
		sys = []specs.Mount{bind("/sys", "/sys", "noexec", "ro")}
	}
	mqueue := specs.Mount{Type: "mqueue", Source: "mqueue", Destination: "/dev/mqueue", Options: []string{"nosuid", "noexec", "nodev"}}
	return append(append(kernelMounts(), mqueue), sys...)
}

// hostViewMounts are the private directories over the host's.
func (s Spec) hostViewMounts(h Host) []specs.Mount {
	mounts := append(kernelMounts(), s.narrowSys(h)...)
	private := func(dir, mode string) {
		real := h.real(dir)
		if real == "/" || !h.isDir(real) || slices.ContainsFunc(mounts, func(m specs.Mount) bool { return m.Destination == real }) {
			return
		}
		mounts = append(mounts, tmpfs(real, "mode="+mode))
	}
	for _, d := range privateDirs {
		private(d.path, d.mode)
	}
	for _, home := range h.Homes {
		if !coveredBy(h.real(home), mounts) {
			private(home, "700")
		}
	}
	for _, d := range h.disks {
		if !coveredBy(h.real(d.path), mounts) {
			private(d.path, d.mode)
		}
	}
	for _, a := range h.aliases {
		if !coveredBy(a.path, mounts) {
			private(a.path, "755")
		}
	}
	if s.HostNetwork && h.Resolver != "" && coveredBy(h.Resolver, mounts) && h.there(h.Resolver) {
		mounts = append(mounts, bind(h.Resolver, h.Resolver, "ro"))
	}
	return mounts
}

// coveredBy tells whether the path is in one of the private directories.
func coveredBy(path string, mounts []specs.Mount) bool {
	return slices.ContainsFunc(mounts, func(m specs.Mount) bool {
		return m.Type == "tmpfs" && below(path, m.Destination)
	})
}

// backing tells where on the host a mount point is, before is what is mounted
// by then. An empty path says that it is in a directory of the sandbox's own,
// where sbx makes it.
func (s Spec) backing(point string, before []specs.Mount) string {
	under := innermost(point, before)
	switch {
	case under == nil && s.View == HostView:
		return point
	case under == nil || !isBind(*under):
		return ""
	}
	return under.Source + strings.TrimPrefix(point, under.Destination)
}

// checkMountPoint refuses a mount point that is not there and that sbx will not
// make: an empty directory left in a project would be litter.
func (s Spec) checkMountPoint(h Host, m specs.Mount, before []specs.Mount) error {
	at := s.backing(m.Destination, before)
	if at == "" || h.newPlace(m) {
		return nil
	}
	if !h.there(at) {
		return hinted(fmt.Errorf("mount point %s: no such file or directory", m.Destination),
			"sbx makes no mount point in a directory of yours that the sandbox shows; make this one yourself, or choose another")
	}
	if isBind(m) && h.isDir(m.Source) != h.isDir(at) {
		return fmt.Errorf("bind %s on %s: one is a directory and the other is not", m.Source, m.Destination)
	}
	return nil
}

// innermost is the last of the mounts that path lies in, or nil.
func innermost(path string, mounts []specs.Mount) *specs.Mount {
	var in *specs.Mount
	for i := range mounts {
		if path != mounts[i].Destination && below(path, mounts[i].Destination) &&
			(in == nil || len(mounts[i].Destination) >= len(in.Destination)) {
			in = &mounts[i]
		}
	}
	return in
}

// isDir tells whether the source of a bind is a directory.
func (h Host) isDir(path string) bool { return h.Files[path]&fs.ModeDir != 0 }
