package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// covered are the files that a look below the sandbox's mounts would show.
var covered = []string{"{BAIT}", "/proc/keys", "/proc/interrupts"}

// mountRows are mounts, and ways around them.
var mountRows = []row{
	{id: "mount-tmpfs", group: "mounts", tries: "mount a file system", views: both, cmd: []string{"{ATTACKS}", "mount", "tmpfs"}},
	{id: "mount-proc", group: "mounts", tries: "mount another /proc", views: both, cmd: []string{"{ATTACKS}", "mount", "proc"}},
	{id: "mount-sysfs", group: "mounts", tries: "mount another /sys", views: both, cmd: []string{"{ATTACKS}", "mount", "sysfs"}},
	{id: "mount-cgroup", group: "mounts", tries: "mount the cgroups", views: both, cmd: []string{"{ATTACKS}", "mount", "cgroup2"}},
	{id: "mount-bind", group: "mounts", tries: "bind the root into the project", views: both, cmd: []string{"{ATTACKS}", "mount", "bind"}},
	{id: "mount-overlay", group: "mounts", tries: "put an overlay over a directory (CVE-2023-0386 begins so)", views: both, cmd: []string{"{ATTACKS}", "mount", "overlay"}},
	{id: "mount-move", group: "mounts", tries: "move a mount away", views: both, cmd: []string{"{ATTACKS}", "mount", "move"}},
	{id: "mount-shared", group: "mounts", tries: "make mounts propagate to the host", views: both, cmd: []string{"{ATTACKS}", "mount", "shared"}},
	{id: "mount-fsopen", group: "mounts", tries: "mount by fsopen, which old filters do not know", views: both, cmd: []string{"{ATTACKS}", "mount-new", "fsopen"}},
	{id: "mount-open-tree", group: "mounts", tries: "copy the mounts by open_tree", views: both, cmd: []string{"{ATTACKS}", "mount-new", "open_tree"}},
	{id: "mount-fspick", group: "mounts", tries: "change a file system by fspick", views: both, cmd: []string{"{ATTACKS}", "mount-new", "fspick"}},
	{id: "mount-move-mount", group: "mounts", tries: "move by move_mount", views: both, cmd: []string{"{ATTACKS}", "mount-new", "move_mount"}},
	{id: "mount-remount", group: "mounts", tries: "remount writable and setuid", views: both, cmd: []string{"{ATTACKS}", "remount", "/", "/usr", "/proc", "/proc/sys", "/sys", "/home", "{PROJECT}"}},
	{id: "mount-setattr", group: "mounts", tries: "make writable by mount_setattr", views: both, cmd: []string{"{ATTACKS}", "setattr", "/", "/proc", "/proc/sys", "/sys", "/home", "{PROJECT}"}},
	{id: "umount-masks", group: "mounts", tries: "take off what covers the home, /proc and /sys", views: both, cmd: append([]string{"{ATTACKS}", "umount"}, covered...)},
	{id: "umount-in-userns", group: "mounts", tries: "the same in a user namespace of its own", views: both, cmd: append([]string{"{ATTACKS}", "peel"}, covered...)},
	{id: "umount-home-in-userns", group: "mounts", tries: "the same, for the home alone", views: both, cmd: []string{"{ATTACKS}", "peel", "{BAIT}"}},
	{id: "mount-in-userns", group: "mounts", tries: "make writable in a user namespace of its own", views: both, cmd: []string{"{ATTACKS}", "in-userns", "setattr", "/", "/usr", "/proc/sys"}},
	{id: "mount-pivot", group: "mounts", tries: "make the project the root", views: both, cmd: []string{"{ATTACKS}", "pivot"}},
	{id: "mount-chroot", group: "mounts", tries: "climb out of a chroot to the host's root", views: both, cmd: []string{"{ATTACKS}", "chroot", "{BAIT}"}},
	{id: "mount-handle", group: "mounts", tries: "open a file of the host by its handle (shocker)", views: both, setup: handOut,
		cmd: []string{"{ATTACKS}", "handle", "{PROJECT}", "{KIND}", "{HANDLE}"}},
	{id: "mount-up", group: "mounts", tries: "go up from the project's mount by \"..\"", views: both, cmd: []string{"{ATTACKS}", "up", "{PROJECT}", "bait", "home/bait"}},
	{id: "mount-nosuid", group: "mounts", tries: "find a process that may gain privileges", views: both, cmd: []string{"{ATTACKS}", "nosuid"}},
}

// handOut gives the bait's handle, which a process outside may know or guess.
func handOut(s *scene) {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, s.vars["BAIT"], 0)
	if err != nil {
		skip(s.t, "the file system has no handles: %v", err)
	}
	s.vars["KIND"], s.vars["HANDLE"] = fmt.Sprint(handle.Type()), fmt.Sprintf("%x", handle.Bytes())
}

// deviceRows are devices.
var deviceRows = []row{
	{id: "device-open", group: "devices", tries: "open any device but null, zero, full, random, urandom and tty", views: both, cmd: []string{"{ATTACKS}", "devices", "/dev"}},
	{id: "device-mknod-char", group: "devices", tries: "make /dev/mem and open it", views: both, cmd: []string{"{ATTACKS}", "mknod", "c1", "1", "{PROJECT}", "/tmp", "/dev", "/dev/shm"}},
	{id: "device-mknod-block", group: "devices", tries: "make the disk and open it", views: both, cmd: []string{"{ATTACKS}", "mknod", "b8", "0", "{PROJECT}", "/tmp", "/dev", "/dev/shm"}},
	{id: "device-mknod-fuse", group: "devices", tries: "make /dev/fuse and open it", views: both, cmd: []string{"{ATTACKS}", "mknod", "c10", "229", "{PROJECT}", "/tmp", "/dev"}},
	{id: "device-shm", group: "devices", tries: "read the caller's files in /dev/shm", views: both, setup: func(s *scene) {
		s.vars["SHM"] = "/dev/shm/sbx-bait-" + fmt.Sprint(os.Getpid()) + string(s.view)
		s.file("{SHM}", marker)
		s.t.Cleanup(func() { os.Remove(s.vars["SHM"]) })
	}, cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/dev/shm/*"}},
	{id: "device-pts", group: "devices", tries: "write to the caller's terminal by its name", views: both, setup: spareTerminal, judge: silent,
		cmd: []string{"{ATTACKS}", "tty-open", "{TTY}"}},
}

// rightsRows are capabilities, setuid programs and namespaces.
var rightsRows = []row{
	{id: "caps-any", group: "rights", tries: "have any capability, or one to gain", views: hostOnly, cmd: []string{"{ATTACKS}", "caps", "0", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}},
	{id: "caps-container", group: "rights", tries: "have a capability beyond a container's usual ones", views: rootfsOnly,
		cmd: []string{"{ATTACKS}", "caps", "a80425fb", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}},
	{id: "caps-inheritable", group: "rights", tries: "have an inheritable capability (CVE-2022-24769, CVE-2022-29162)", views: both, cmd: []string{"{ATTACKS}", "caps", "0", "CapInh", "CapAmb"}},
	{id: "caps-file", group: "rights", tries: "run a program with file capabilities", views: both, cmd: []string{"{ATTACKS}", "file-caps", "{PROJECT}/capable"}},
	{id: "caps-file-tmp", group: "rights", tries: "the same, in /tmp", views: both, cmd: []string{"{ATTACKS}", "file-caps", "/tmp/capable-{UID}"}},
	{id: "rights-no-new-privileges", group: "rights", tries: "turn the ban on new privileges off", views: both, cmd: []string{"{ATTACKS}", "nnp"}},
	{id: "rights-setuid", group: "rights", tries: "become another user by a setuid program of the host", views: hostOnly,
		cmd: []string{"{ATTACKS}", "setuid-gain", "/usr/bin/su", "/bin/su", "/usr/bin/passwd", "/usr/bin/newgrp", "/usr/bin/sudo"}},
	{id: "rights-setuid-rootfs", group: "rights", tries: "become root by a setuid program of the root file system", views: rootfsOnly, flags: []string{"-u", "daemon"},
		cmd: []string{"{ATTACKS}", "setuid-gain", "/usr/bin/su", "/bin/su", "/usr/bin/passwd", "/usr/bin/newgrp"}},
	{id: "rights-setuid-left", group: "rights", tries: "leave a setuid program behind, by which others become the caller", views: hostOnly,
		cmd: []string{"{ATTACKS}", "setuid-left", "{PROJECT}/left"}, judge: func(s *scene) string {
			for _, name := range []string{"left", "left2", "left3"} {
				if info, err := os.Stat(s.path("{PROJECT}/" + name)); err == nil && info.Mode()&(os.ModeSetuid|os.ModeSetgid) != 0 {
					return name + " is " + info.Mode().String()
				}
			}
			return ""
		}},
	{id: "userns-unshare", group: "rights", tries: "make a user namespace by unshare", views: both, cmd: []string{"{ATTACKS}", "unshare"}},
	{id: "userns-clone", group: "rights", tries: "make a user namespace by clone", views: both, cmd: []string{"{ATTACKS}", "clone"}},
	{id: "userns-unshare-mount", group: "rights", tries: "make a mount namespace", views: both, cmd: []string{"{ATTACKS}", "call", "unshare-mount"}},
	{id: "userns-unshare-net", group: "rights", tries: "make a network namespace", views: both, cmd: []string{"{ATTACKS}", "call", "unshare-net"}},
	{id: "userns-setns", group: "rights", tries: "join the namespaces of the init or of a process outside", views: both, victim: true, cmd: []string{"{ATTACKS}", "setns", "{PID}"}},
	{id: "cgroup-release-agent", group: "rights", tries: "write a release_agent, which the host's root would run (CVE-2022-0492)", views: both,
		cmd: []string{"{ATTACKS}", "walk-write", "-name", "release_agent", "/sys/fs/cgroup"}},
	{id: "cgroup-write", group: "rights", tries: "write to any file of the cgroups (CVE-2023-25809)", views: both, cmd: []string{"{ATTACKS}", "walk-write", "/sys/fs/cgroup"}},
}

// kernelRows are the kernel's doors that no build needs.
var kernelRows = append(calls("kernel", []string{
	"init_module:load a kernel module", "finit_module:load a kernel module from a file", "delete_module:unload a kernel module",
	"kexec_load:load another kernel", "kexec_file_load:load another kernel from a file", "reboot:turn Control-Alt-Delete on",
	"swapon:add swap space", "swapoff:remove swap space", "acct:log all processes to a file of one's own", "quotactl:change quotas",
	"syslog:read the kernel's log", "vhangup:hang up the terminal", "bpf-map:make a bpf map", "bpf-prog:load a bpf program",
	"perf:count events, with the kernel's addresses", "io_uring:make system calls that no filter sees", "io_uring_enter:enter a ring",
	"io_uring_register:change a ring", "userfaultfd:stop the kernel in the middle of a copy", "fanotify:watch everybody's files",
	"add_key:add a key", "request_key:have the host look for a key", "keyctl:use the caller's keyring", "join-keyring:make a session keyring",
	"setns-none:enter a namespace", "handle:open a file by its handle", "iopl:use all input and output ports", "ioperm:use one port",
}), []row{
	{id: "kernel-keyring", group: "kernel", tries: "read a key of the caller's session", views: both, wrap: []string{"{OUTSIDE}", "keyring", "give", "{MARKER}"},
		cmd: []string{"{ATTACKS}", "keyring", "{MARKER}"}},
	{id: "kernel-x32-getpid", group: "kernel", tries: "call getpid by its x32 number", views: both, cmd: []string{"{ATTACKS}", "x32", "39"}},
	{id: "kernel-x32-keyctl", group: "kernel", tries: "call keyctl by its x32 number", views: both, cmd: []string{"{ATTACKS}", "x32", "250"}},
	{id: "kernel-x32-execve", group: "kernel", tries: "call execve by a number that x32 alone has", views: both, cmd: []string{"{ATTACKS}", "x32", "520"}},
	{id: "kernel-i386-getpid", group: "kernel", tries: "call getpid by the 32-bit gate", views: both, cmd: []string{"{ATTACKS}", "i386", "20"}},
	{id: "kernel-i386-keyctl", group: "kernel", tries: "call keyctl by the 32-bit gate, where its number is another", views: both, cmd: []string{"{ATTACKS}", "i386", "288", "0", "-4", "1"}},
	{id: "kernel-i386-socket", group: "kernel", tries: "open a netlink socket by the 32-bit gate", views: both, cmd: []string{"{ATTACKS}", "i386", "359", "16", "3", "12"}},
}...)

// calls makes rows of system calls that take no arguments from the scene.
func calls(group string, list []string) []row {
	var rows []row
	for _, item := range list {
		name, tries, _ := strings.Cut(item, ":")
		rows = append(rows, row{id: group + "-" + strings.ReplaceAll(name, "_", "-"), group: group, tries: tries, views: both, cmd: []string{"{ATTACKS}", "call", name}})
	}
	return rows
}
