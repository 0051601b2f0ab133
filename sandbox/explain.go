package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/refusal"
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
	case errors.As(err, &mapped):
		return hinted(err, mapHint(mapped, h))
	case errors.As(err, &step):
		if told := explainStep(err, step, s); Hint(told) != "" {
			return told
		}
	}
	return refusal.Explain(err)
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
	case userns.Confine:
		return hinted(err, confineHint(step, e.Err))
	case userns.Exec:
		return explainExec(e, step, s)
	case userns.Hide:
		if step.Must {
			return hinted(err, mustHideHint(step.Path))
		}
	case userns.Chdir:
		return hinted(err, "the working directory must be there inside; see --workdir")
	case userns.Take:
		if e.Err == unix.ELOOP {
			return hinted(err, "a path in the project is taken through no symbolic link, since the project is not trusted; name what the link leads to")
		}
		if step.Source == s.Project && e.Err != unix.EPERM && e.Err != unix.ENOSYS {
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

func confineHint(c userns.Confine, errno syscall.Errno) string {
	switch {
	case c.Module == "AppArmor" && (errno == unix.ENOENT || errno == unix.EINVAL):
		return "no profile of that name is loaded; as root: apparmor_parser -r FILE loads one, aa-status lists them"
	case c.Module == "SELinux" && errno == unix.EINVAL:
		return "the policy has no such label; --security-opt label=disable runs without"
	case errno == unix.EACCES || errno == unix.EPERM:
		return "the policy does not let this process change to that label"
	}
	return ""
}

func mountHint(fstype, target string, errno syscall.Errno, s Spec) string {
	switch {
	case errno == unix.ELOOP:
		return "a symbolic link of the rootfs is where the directory " + target + " must be"
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
	hidden := s.findHidden(name, x.Env)
	switch {
	case e.NoLoader:
		missing := "its loader"
		if l := s.loader(x.Paths); l != "" {
			missing = l
		}
		if t := s.findHidden(missing, x.Env); t.Path != "" {
			return hinted(fmt.Errorf("%w: %s is run by %s, which is hidden", e, name, t.Path), t.flags()+" shows it")
		}
		return hinted(fmt.Errorf("%w: %s is there, but what runs it is not: %s", e, name, missing), "the root lacks that file; see ldd or the first line of a script")
	case e.Err == unix.ENOENT && hidden.Path != "":
		return hinted(fmt.Errorf("%w: %s is %s, which is hidden", e, name, hidden.Path), hidden.flags()+" shows it")
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
		return hint.SafeText(name)
	}
	return hint.SafeText(elfInterpreter(f))
}
