package ahead

import (
	"unsafe"

	"github.com/sbxrun/sbx/userns/child"
)

// Without are the beginnings of flags with which nothing is begun: other
// namespaces are wanted then, or none at all, or another cgroup.
var Without = [...]string{"-h", "--help", "--dry-run", "--net", "--no-new-clock", "--no-init", "-m", "--memory", "--cpu", "--pids-limit", "--io-max"}

// wanted tells whether this is sbx run, without such a flag.
func wanted() bool {
	var text [4096]byte
	name := []byte("/proc/self/cmdline\x00")
	fd, errno := child.Do(sysOpenat, child.AtCwd, uintptr(unsafe.Pointer(&name[0])), cloexec, 0, 0, 0)
	if errno != 0 {
		return false
	}
	n, errno := child.Do(sysRead, fd, uintptr(unsafe.Pointer(&text)), uintptr(len(text)), 0, 0, 0)
	child.Do(sysClose, fd, 0, 0, 0, 0, 0)
	return errno == 0 && wants(text[:n])
}

// wants reads arguments, with a NUL behind each.
func wants(text []byte) bool {
	for i := 0; ; i++ {
		end := 0
		for end < len(text) && text[end] != 0 {
			end++
		}
		if end == len(text) {
			return false // what follows the flags must be seen
		}
		arg := text[:end]
		text = text[end+1:]
		switch {
		case i == 0:
		case i == 1 && string(arg) != "run":
			return false
		case i > 1 && (len(arg) == 0 || arg[0] != '-' || string(arg) == "--"):
			return true
		case i > 1 && without(arg):
			return false
		}
	}
}

func without(arg []byte) bool {
	for _, flag := range Without {
		if len(arg) >= len(flag) && string(arg[:len(flag)]) == flag {
			return true
		}
	}
	return false
}
