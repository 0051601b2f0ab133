package refusal

import (
	"fmt"
	"math"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// limited is for namespaces of which there may be no more. The limits of all user
// namespaces around this one count too, and they nest 32 deep (user_namespaces(7),
// namespaces(7)).
func (a Around) limited(k kind) verdict {
	name := "user.max_" + k.name + "_namespaces"
	value := a.Setting(name)
	limit, err := strconv.Atoi(value)
	switch {
	case value == "0":
		return verdict{name + "=0 forbids namespaces", "as root: sysctl -w " + name + "=15000"}
	case a.Nested && limit == math.MaxInt32 || err != nil: // what a new one has by itself
		return verdict{"user namespaces are nested 32 deep, or what is around this one limits " + name, "run sbx less deep, or as root outside: sysctl -w " + name + "=15000"}
	}
	return verdict{fmt.Sprintf("%s=%s namespaces are in use", name, value),
		fmt.Sprintf("lsns -t %s shows by what; or as root: sysctl -w %s=%d", k.name, name, max(15000, 2*limit))}
}

// unbuilt is for a kernel that has no such namespaces.
func unbuilt(k kind) verdict {
	if k.config == "" {
		return verdict{}
	}
	return verdict{"the kernel has no " + k.name + " namespaces", "boot a kernel with " + k.config}
}

// forbidden is for user namespaces that cannot be made at all.
func (a Around) forbidden(errno syscall.Errno) verdict {
	const clone = "kernel.unprivileged_userns_clone"
	switch {
	case errno == unix.EACCES && a.AppArmor != "":
		return verdict{"AppArmor's profile " + a.AppArmor + " has no rule for user namespaces",
			"as root: add the line userns, to that profile in /etc/apparmor.d, and load it: apparmor_parser -r FILE"}
	case errno == unix.EACCES && a.SELinux != "":
		return verdict{"SELinux lets no process of " + a.SELinux + " make user namespaces", policyModule}
	case errno == unix.EACCES:
		return verdict{"a security module denies user namespaces to sbx", "if it is AppArmor, " + a.profile()}
	case a.Setting(clone) == "0":
		return verdict{clone + "=0 forbids user namespaces", "as root: sysctl -w " + clone + "=1"}
	case a.Unmapped:
		return verdict{"the user has no id in the user namespace around", "be one that /proc/self/uid_map has, or run sbx outside"}
	case a.Chroot:
		return verdict{"the kernel makes no user namespaces in a chroot", "run sbx outside, on the same root: sbx run --rootfs DIR"}
	case a.Filtered:
		return a.filter()
	}
	return verdict{"user namespaces are forbidden here, as in a chroot or by what is around", a.loosen()}
}

// powerless is for a user namespace that can be made, and nothing in it.
func (a Around) powerless() verdict {
	const restrict = "kernel.apparmor_restrict_unprivileged_userns"
	switch powers := a.powers(); {
	case powers && a.mounts():
		return verdict{} // something else is to blame
	case powers && a.AppArmor != "":
		return verdict{"AppArmor's profile " + a.AppArmor + " confines what a sandbox is made by", a.loosen()}
	case powers && a.Filtered:
		return a.filter()
	case powers:
		return verdict{"what is around sbx forbids mounts, as Landlock does", a.loosen()}
	case a.Setting(restrict) == "1" && a.AppArmor == "":
		return verdict{"AppArmor grants user namespaces without rights, by " + restrict + "=1", a.profile()}
	case a.AppArmor != "":
		return verdict{"AppArmor's profile " + a.AppArmor + " grants user namespaces without rights",
			"as root: give that profile flags=(unconfined) in /etc/apparmor.d, and load it: apparmor_parser -r FILE"}
	case a.SELinux != "":
		return verdict{"SELinux grants " + a.SELinux + " user namespaces without rights", policyModule}
	}
	return verdict{"a security module grants user namespaces without rights", "if it is AppArmor, " + a.profile()}
}

const policyModule = "as root: ausearch -m avc -ts recent | audit2allow -M sbx && semodule -i sbx.pp"

// profile is the command that has AppArmor let sbx be, and no other program. It goes by
// the path.
func (a Around) profile() string {
	return fmt.Sprintf(`as root: printf 'abi <abi/4.0>,\nprofile sbx "%s" flags=(unconfined) { userns, }\n' >/etc/apparmor.d/sbx && apparmor_parser -r /etc/apparmor.d/sbx`, a.Program)
}

// memory is for PID 1, whose file is in memory only.
func (a Around) memory() verdict {
	switch {
	case a.Setting("vm.memfd_noexec") == "2":
		return verdict{"vm.memfd_noexec=2 forbids to run a file in memory, as PID 1 is one", "as root: sysctl -w vm.memfd_noexec=1; or --no-init"}
	case a.AppArmor != "":
		return verdict{"AppArmor's profile " + a.AppArmor + " lets no file in memory be run, as PID 1 is one",
			"as root: give that profile flags=(attach_disconnected) in /etc/apparmor.d, and load it: apparmor_parser -r FILE"}
	}
	return verdict{"a security module lets no file in memory be run, as PID 1 is one", "--no-init runs without"}
}

func (a Around) filter() verdict {
	return verdict{"a seccomp filter around sbx forbids what a sandbox is made by", a.loosen()}
}

// coveredProc is for a /proc of which the one around hides parts. The kernel lets no
// new one show them (mount_too_revealing).
func (a Around) coveredProc() verdict {
	return verdict{"the kernel makes no new /proc where parts of the one around are covered", a.loosen()}
}

// loosen is what has the sandbox or container around let go of sbx.
func (a Around) loosen() string {
	const (
		docker = "docker run --security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined"
		podman = "podman run --security-opt seccomp=unconfined --security-opt unmask=ALL"
		outer  = "sbx run --allow-userns"
	)
	switch a.Inside {
	case "docker":
		return "start the container with " + docker
	case "podman":
		return "start the container with " + podman
	case "sbx":
		return "start the sandbox around with " + outer
	}
	return "start what is around with " + docker + ", " + podman + ", or " + outer
}
