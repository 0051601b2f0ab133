package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns"
)

// explain adds to an error of a start what would mend it. It looks at the host
// only now, when something went wrong.
func explain(err error, s Spec, h Host) error {
	var clone *userns.CloneError
	var step *userns.StepError
	var mapped *userns.MapError
	if hint := limitHint(err); hint != "" {
		return hinted(err, hint)
	}
	switch {
	case errors.As(err, &clone) && clone.Cgroup:
		return hinted(err, cgroupHint(clone.Err))
	case errors.As(err, &clone):
		return hinted(err, cloneHint(clone, sysctl, bare))
	case errors.As(err, &mapped):
		return hinted(err, mapHint(mapped, h))
	case errors.As(err, &step):
		return explainStep(err, step, s)
	}
	return err
}

// sysctl reads a kernel setting, or nothing where there is none by that name.
func sysctl(name string) string {
	b, err := os.ReadFile("/proc/sys/" + strings.ReplaceAll(name, ".", "/"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// enoughNamespaces is how many user namespaces nobody has.
const enoughNamespaces = 15000

// bare tells whether a user namespace alone can be made.
func bare() bool {
	child, err := userns.Plan{Namespaces: userns.User, Steps: []userns.Step{userns.Exit{}}}.Start(userns.Input{})
	if err != nil {
		return false
	}
	status, err := child.Wait()
	return err == nil && status == 0
}

// cloneHint tells the ways apart in which user namespaces are forbidden, by the
// errno and the setting that is to blame. Where one can be made, and nothing in it,
// it is granted without rights.
func cloneHint(e *userns.CloneError, sysctl func(string) string, bare func() bool) string {
	if (e.Err == unix.EPERM || e.Err == unix.EACCES) && bare() {
		return rightsHint(sysctl)
	}
	switch e.Err {
	case unix.ENOSPC:
		limit := sysctl("user.max_user_namespaces")
		if n, err := strconv.Atoi(limit); err == nil && n > enoughNamespaces {
			return "the container or sandbox that this is in allows no more user namespaces"
		}
		return fmt.Sprintf("user namespaces are limited to user.max_user_namespaces=%s; as root: sysctl -w user.max_user_namespaces=%d", limit, enoughNamespaces)
	case unix.EUSERS:
		return "user namespaces nest at most 32 deep"
	case unix.EACCES:
		return "AppArmor, or another security module, denies user namespaces to this program; " + profileHint
	case unix.EPERM:
		if sysctl("kernel.unprivileged_userns_clone") == "0" {
			return "kernel.unprivileged_userns_clone=0 forbids user namespaces; as root: sysctl -w kernel.unprivileged_userns_clone=1"
		}
		return "user namespaces are forbidden here, as in a container, a chroot or a sandbox; inside sbx they need --allow-userns, " +
			"inside a container a seccomp profile that allows clone and unshare"
	case unix.EAGAIN, unix.ENOMEM:
		return "the limit of processes or memory is reached; see ulimit -u"
	}
	return ""
}

// profileHint is for AppArmor, which goes by the path of the program.
const profileHint = "as root, load a profile for it: profile sbx /path/to/sbx flags=(unconfined) { userns, }"

// rightsHint is for user namespaces in which nothing may be done.
func rightsHint(sysctl func(string) string) string {
	const restrict = "kernel.apparmor_restrict_unprivileged_userns"
	if sysctl(restrict) == "1" {
		return "AppArmor grants user namespaces without rights, as on Ubuntu; " + profileHint + ", or: sysctl -w " + restrict + "=0"
	}
	return "a user namespace is granted without rights in it, by AppArmor or another security module; " + profileHint
}

func mapHint(e *userns.MapError, h Host) string {
	text := e.Error()
	switch {
	case h.Helpers.Missing() != "":
		return "install " + h.Helpers.Missing() + ": apt-get install uidmap, dnf install shadow-utils; or --userns single"
	case strings.Contains(text, "not allowed"), strings.Contains(text, "not granted"):
		return fmt.Sprintf("the map is not within the subordinate ids of %s in /etc/subuid and /etc/subgid; or --userns single", h.User)
	case strings.Contains(text, "Operation not permitted"), strings.Contains(text, "Permission denied"):
		return "the helper must be setuid root or have the capability; as root: dpkg-reconfigure uidmap; or --userns single"
	}
	return "or --userns single, which needs no helper"
}

// explainStep adds to the error of a step.
func explainStep(err error, e *userns.StepError, s Spec) error {
	switch step := e.Step.(type) {
	case userns.MapSelf:
		if e.Err == unix.EROFS {
			return hinted(err, "/proc is read-only here, as in a container: run it with --security-opt unmask=ALL")
		}
		if e.Err == unix.EPERM && mapsRoot(step.UID) && !capable(unix.CAP_SETFCAP) {
			return hinted(err, "root must have CAP_SETFCAP to be root in a user namespace too (user_namespaces(7)); run sbx as an ordinary user, or add the capability")
		}
		if e.Err == unix.EPERM || e.Err == unix.EACCES {
			return hinted(err, rightsHint(sysctl))
		}
	case userns.Confine:
		return hinted(err, confineHint(step, e.Err))
	case userns.Fork:
		if e.Err == unix.EAGAIN {
			return hinted(err, "the limit of processes is reached; see --pids-limit and ulimit -u")
		}
		if e.Err == unix.EACCES {
			return hinted(err, "a security module forbids sbx to run its own file in memory; an AppArmor profile that confines sbx needs flags=(attach_disconnected)")
		}
	case userns.Exec:
		return explainExec(e, step, s)
	case userns.Chdir:
		return hinted(err, "the working directory must be there inside; see --workdir")
	case userns.Take:
		if e.Err == unix.ELOOP {
			return hinted(err, "a path in the project is taken through no symbolic link, since the project is not trusted; name what the link leads to")
		}
		if step.Source == s.Project {
			return hinted(fmt.Errorf("project directory %w", err), "it was deleted, or may not be read; change to another, or use --no-project")
		}
	case userns.Mount:
		return hinted(err, mountHint(step.Type, step.Target, e.Err, s))
	case userns.Make:
		return hinted(err, mountHint(step.Type, "", e.Err, s))
	case userns.Socket:
		if step.Domain == unix.AF_NETLINK && step.Protocol == unix.NETLINK_XFRM {
			return hinted(err, "the kernel must have CONFIG_XFRM_USER to close addresses to --net user; as root: modprobe xfrm_user; or name what is allowed, with --allow")
		}
	case userns.MountFuse:
		if e.Err == unix.EACCES || e.Err == unix.ENOENT {
			return hinted(err, "/dev/fuse must be there and open to all; as root: modprobe fuse; chmod 666 /dev/fuse")
		}
	case userns.Attach:
		if e.Err == unix.ELOOP && below(step.Target, s.Project) {
			return hinted(err, "a symbolic link came into the project while the sandbox was made; run it again")
		}
		if e.Err == unix.ELOOP {
			return hinted(err, "a symbolic link of the rootfs is where the directory "+step.Target+" must be")
		}
	case userns.Rlimit:
		if e.Err == unix.EPERM {
			return hinted(err, "a limit can be lowered, not raised; see ulimit -H")
		}
	}
	return err
}

// mapsRoot tells whether the root outside is mapped.
func mapsRoot(m idmap.Map) bool {
	return slices.ContainsFunc(m, func(l idmap.Mapping) bool { return l.Outside == 0 })
}

// capable tells whether this process has a capability.
func capable(capability uint) bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	err := unix.Capget(&header, &sets[0])
	return err == nil && sets[capability/32].Effective&(1<<(capability%32)) != 0
}

func confineHint(c userns.Confine, errno syscall.Errno) string {
	switch {
	case c.Module == "AppArmor" && (errno == unix.ENOENT || errno == unix.EINVAL):
		return "no profile of that name is loaded; as root: apparmor_parser -r FILE loads one, aa-status lists them"
	case c.Module == "SELinux" && errno == unix.EINVAL:
		return "the policy has no such label; --security-opt label=disable goes without"
	case errno == unix.EACCES || errno == unix.EPERM:
		return "the policy does not let this process change to that label"
	}
	return ""
}

func mountHint(fstype, target string, errno syscall.Errno, s Spec) string {
	switch {
	case errno == unix.ELOOP:
		return "a symbolic link of the rootfs is where the directory " + target + " must be"
	case fstype == "proc" && errno == unix.EPERM:
		return "the kernel makes a new /proc only where the one outside is whole; a container hides parts of it: run it with --security-opt unmask=ALL"
	case fstype == "overlay" && s.Upper != "":
		return "the file system of " + s.Upper + " may not do as upper; --overlay fuse-overlayfs, or an --upper elsewhere"
	case fstype == "overlay":
		return "a layer may have mounts below it, or be on a file system that cannot be one; --overlay fuse-overlayfs"
	}
	return ""
}

// explainExec tells "not there" from "there, but what runs it is not".
func explainExec(e *userns.StepError, x userns.Exec, s Spec) error {
	name := x.Argv[0]
	switch {
	case e.NoLoader:
		missing := "its loader"
		if l := s.loader(x.Paths); l != "" {
			missing = l
		}
		return hinted(fmt.Errorf("%w: %s is there, but what runs it is not: %s", e, name, missing), "the root lacks that file; see ldd or the first line of a script")
	case e.Err == unix.ENOENT && !strings.Contains(name, "/"):
		return hinted(fmt.Errorf("%w: %s is in no directory of PATH", e, name), "PATH inside is "+lookupEnv(x.Env, "PATH")+"; the home is empty: show a tool in it with --ro")
	case e.Err == unix.EACCES && s.OCI.Process.SelinuxLabel != "":
		return hinted(e, "SELinux may not let "+s.OCI.Process.SelinuxLabel+" run it, as it does no file of the host's; see ausearch -m avc, or --security-opt label=disable")
	case e.Err == unix.ENOEXEC:
		return hinted(e, "a script must start with #! and its interpreter; a binary must be for this machine")
	}
	return e
}

// loader names what the kernel starts in order to run the first of the paths
// that is there: the interpreter of a script, or the loader of a binary.
func (s Spec) loader(paths []string) string {
	for _, p := range paths {
		if !path.IsAbs(p) {
			p = path.Join(s.OCI.Process.Cwd, p)
		}
		f, err := s.openInRoot(p)
		if err != nil {
			continue
		}
		defer f.Close()
		file, ok := f.(*os.File)
		if !ok {
			continue
		}
		if l := interpreter(file); l != "" {
			return l
		}
	}
	return ""
}

// interpreter reads the name that a file gives of what runs it. The file is
// untrusted, so little of it is read.
func interpreter(f io.ReaderAt) string {
	head := make([]byte, 256)
	n, err := f.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return ""
	}
	if line, ok := strings.CutPrefix(string(head[:n]), "#!"); ok {
		line, _, _ = strings.Cut(line, "\n")
		name, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		return printable(name)
	}
	return printable(elfInterpreter(f))
}

// printable makes a name of the untrusted tree safe to show on a terminal.
func printable(name string) string {
	if strings.IndexFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }) < 0 {
		return name
	}
	return fmt.Sprintf("%q", name)
}
