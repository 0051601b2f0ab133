package main

import (
	"errors"
	"fmt"
	"os"
	"sort"
	"strings"
	"syscall"
)

var attacks = map[string]func([]string){
	// Files and /proc.
	"read": readAny, "write": writeAny, "list": listAny, "find": findMarker, "contents": contents,
	"open-write": openWrite, "walk-write": walkWrite, "up": walkUp, "handle": openHandle,
	"exe-write": exeWrite, "flip": flip, "link-out": linkOut, "rewrite": rewrite, "reopen": reopen,
	"replace": replace, "setuid-left": setuidLeft, "bound": bound, "rename-read": renameRead, "plant": plant, "closedir": closeDir, "writer": keepWriting, "lease": lease,
	// Other processes.
	"victim": victim, "mem": openMem, "ptrace": ptraceAttach, "vm-read": vmRead, "vm-write": vmWrite,
	"pidfd-getfd": pidfdGetfd, "pidfd-signal": pidfdSignal, "kill": kill, "kill-group": killGroup,
	"kill-owner": killOwner, "kill-all": killAll, "prlimit": prlimit, "schedule": schedule, "process-list": processList,
	"daemon": daemon, "crash": crash,
	// Descriptors.
	"stdio": standardStream,
	"fds":   inherited, "fd-write": inheritedWrite, "fd-send": inheritedSend, "cwd": cwd,
	// Mounts and roots.
	"mount": mountOld, "mount-new": mountNew, "umount": umount, "remount": remount, "setattr": setattr,
	"pivot": pivot, "chroot": chrootBreak, "peel": peel, "rename-away": renameAway, "fresh-proc": freshProc, "nosuid": nosuid, "in-userns": inUserns, "procfs": procfs,
	// Devices.
	"devices": devices, "mknod": mknod,
	// Rights.
	"caps": capabilities, "setns": setns, "setgroups": setgroups, "setuid-gain": setuidGain, "file-caps": fileCaps,
	"show-caps": showCaps, "unshare": unshareUser, "clone": cloneUser, "clone3": clone3User, "nnp": noNewPrivs,
	// The kernel's doors.
	"call": call, "x32": x32, "i386": i386, "i386-child": i386Child, "keyring": keyring,
	// Sockets and IPC.
	"socket": socketFamily, "connect": connect, "connect-by": connectBy, "abstract": abstractSocket, "interfaces": interfaces,
	"shm": sysvShm, "mqueue": messageQueue,
	// The network of what is named.
	"say": say, "hello": hello, "twice": twice, "ask": ask, "fetch": fetch, "any": speakAny, "reach": reach, "take": take, "pings": pings,
	"sockets": sockets, "lookups": lookups, "connections": connections, "flood": flood, "netlink": netlink, "nested-netlink": nestedNetlink,
	"tcp": speakTCP, "tcp-inherited": inheritedTCP, "with-tcp": withTCP, "multipath": multipath,
	// Files that run.
	"run-named": runNamed, "run-unnamed": runUnnamed, "run-memfd": runMemfd, "map-executable": mapExecutable,
	// The terminal.
	"tiocsetd": tiocsetd, "tiocsti": tiocsti, "tioclinux": tioclinux, "tty-open": ttyOpen, "tty-steal": ttySteal, "tty-query": ttyQuery,
	"tty-raw": ttyRaw,
	// Who and when.
	"hostname": hostname, "boottime": boottime, "environ": environ,
	// Resources.
	"processes": processes, "memory": memory, "fill": fill, "inodes": inodes, "files": files, "spin": spin,
	"raise": raise, "stay": stay,
}

func main() {
	if len(os.Args) < 2 || attacks[os.Args[1]] == nil {
		names := make([]string, 0, len(attacks))
		for name := range attacks {
			names = append(names, name)
		}
		sort.Strings(names)
		wrong("want one of %s", strings.Join(names, " "))
	}
	attacks[os.Args[1]](os.Args[2:])
	wrong("%s came to no end", os.Args[1])
}

// held says that the attempt was refused.
func held(format string, args ...any) {
	fmt.Printf("HELD: "+format+"\n", args...)
	os.Exit(0)
}

// broke says that it came through.
func broke(format string, args ...any) {
	fmt.Printf("BROKE: "+format+"\n", args...)
	os.Exit(1)
}

// tried leaves the judgement to who sees the effect.
func tried(format string, args ...any) {
	fmt.Printf("TRIED: "+format+"\n", args...)
	os.Exit(0)
}

// wrong says that the attempt was never made.
func wrong(format string, args ...any) {
	fmt.Printf("WRONG: "+format+"\n", args...)
	os.Exit(2)
}

// must ends an attempt whose preparation failed.
func must(err error) {
	if err != nil {
		wrong("%v", err)
	}
}

// refused tells the answers of a closed door from those of an open one: what
// complains of its arguments has listened to them.
func refused(err error) bool {
	return errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EACCES) || errors.Is(err, syscall.ENOSYS)
}

// judge ends with what one system call's answer means.
func judge(what string, err error) {
	switch {
	case err == nil:
		broke("%s succeeded", what)
	case refused(err):
		held("%s: %v", what, err)
	default:
		broke("%s was reached: %v", what, err)
	}
}

// errnoOf makes an error of a raw call's number.
func errnoOf(e syscall.Errno) error {
	if e == 0 {
		return nil
	}
	return e
}
