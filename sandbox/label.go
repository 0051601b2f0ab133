package sandbox

import (
	"fmt"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/selinux/go-selinux"
	"github.com/opencontainers/selinux/go-selinux/label"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// Labels are SELinux's names for a sandbox and for its files. They share a pair
// of categories that no other sandbox has, so that one cannot touch another's.
type Labels struct{ Process, Mount string }

// probeLabels asks SELinux for labels, where it enforces. The library looks for
// its file system in slow ways; where it is not mounted at the one place that
// everybody uses, nothing is enforced.
func (h *Host) probeLabels(s Spec) (err error) {
	var fs unix.Statfs_t
	if unix.Statfs("/sys/fs/selinux", &fs) != nil || uint32(fs.Type) != unix.SELINUX_MAGIC {
		if len(s.Labels) > 0 && !slices.Contains(s.Labels, "disable") {
			return hinted(fmt.Errorf("a label was asked for, and SELinux is not there"), "leave --security-opt label away")
		}
		return nil
	}
	if selinux.EnforceMode() != selinux.Enforcing || slices.Contains(s.Labels, "disable") {
		return nil
	}
	if s.View == HostView && len(s.Labels) == 0 {
		return nil // the container types may not read the host's own files
	}
	h.Labels.Process, h.Labels.Mount, err = label.InitLabels(s.Labels)
	if err != nil {
		return fmt.Errorf("SELinux labels: %w", err)
	}
	return nil
}

// completeLabels gives the sandbox the host's labels.
func (s *Spec) completeLabels(h Host) {
	p, l := s.OCI.Process, s.OCI.Linux
	if p.SelinuxLabel == "" {
		p.SelinuxLabel = h.Labels.Process
	}
	if l.MountLabel == "" {
		l.MountLabel = h.Labels.Mount
	}
}

// labelOptions are the options that give a file system, made for the sandbox, its
// label. mqueue would refuse them, proc and sysfs have labels of their own.
func (c *compiler) labelOptions(fstype string) []userns.Option {
	if l := c.spec.OCI.Linux.MountLabel; l != "" && (fstype == "tmpfs" || fstype == "devpts" || fstype == "overlay") {
		return []userns.Option{{Key: "context", Value: l}}
	}
	return nil
}

// unlabelled says what has no label of the sandbox's although it has one: in a user
// namespace the kernel takes a label for four types of file systems, and FUSE is not
// among them (selinux_set_mnt_opts).
func (s Spec) unlabelled() string {
	if s.Overlay != DriverFuse || s.OCI.Linux.MountLabel == "" {
		return ""
	}
	return "fuse-overlayfs serves the union, whose files SELinux gives no label of the sandbox's own; the command has one"
}

// addLabels has the next execve give the process its labels.
func (c *compiler) addLabels() {
	p := c.spec.OCI.Process
	if p.SelinuxLabel != "" {
		c.add(userns.Confine{Module: "SELinux", Label: p.SelinuxLabel, File: "exec", Text: p.SelinuxLabel})
	}
	if p.ApparmorProfile != "" {
		c.add(userns.Confine{Module: "AppArmor", Label: p.ApparmorProfile, File: "apparmor/exec", Text: "exec " + p.ApparmorProfile})
	}
}

// labelled is what the sandbox sees with the labels that it has: what is bound, and
// a root file system that no union covers.
func (s Spec) labelled(mounts []specs.Mount) (paths []string) {
	if s.View == Rootfs && s.OCI.Root != nil {
		paths = append(paths, s.OCI.Root.Path)
	}
	for _, m := range mounts {
		if isBind(m) {
			paths = append(paths, m.Source)
		}
	}
	return paths
}

// checkLabels refuses to show what the sandbox's label may not use: the command
// would only see that it may not.
func (s Spec) checkLabels(h Host) error {
	if s.OCI.Process.SelinuxLabel == "" || h.FileLabels == nil {
		return nil
	}
	for _, path := range s.labelled(s.OCI.Mounts) {
		have, known := h.FileLabels[path]
		if !known || slices.ContainsFunc([]string{":container_file_t:", ":container_ro_file_t:", ":container_share_t:"},
			func(t string) bool { return strings.Contains(have, t) }) {
			continue
		}
		return hinted(fmt.Errorf("%s has the SELinux label %s, which the sandbox may not use", path, have),
			fmt.Sprintf("chcon -R -t container_file_t %s, or --security-opt label=disable", path))
	}
	return nil
}

// probeFileLabels reads the labels of what is shown.
func (h *Host) probeFileLabels(paths []string) {
	if h.Labels.Process == "" {
		return
	}
	h.FileLabels = map[string]string{}
	for _, path := range paths {
		if have, err := selinux.FileLabel(path); err == nil {
			h.FileLabels[path] = have
		}
	}
}
