package layer

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sbxrun/sbx/userns"
)

// Sandbox is the descriptor by which the daemon's plan finds the namespaces
// that it serves: a pidfd of its first process.
const Sandbox userns.FD = "sandbox"

// scratch is where the daemon arranges directories in its own mount namespace.
// /sys is always there, holds no layer, and fuse-overlayfs does not need it, as
// it needs /proc.
const scratch = "/sys"

// Daemon is the plan of the process that serves the union over FuseFD: program
// is fuse-overlayfs itself. It is in the sandbox's user namespace, so that it
// can give files the owners that the sandbox sees, and in none of its others:
// it is not seen inside, and has the host's mounts in a namespace of its own.
//
// asRoot has it become root there, for a map in which the caller is not.
func (u Union) Daemon(program string, asRoot bool) userns.Plan {
	steps := []userns.Step{
		userns.Join{Of: Sandbox, Namespaces: userns.User},
		userns.Unshare{Namespaces: userns.Mounts},
	}
	if asRoot {
		steps = append(steps, userns.SetUser{Groups: []uint32{}})
	}
	steps = append(steps, userns.DieWithSupervisor{}, userns.Seal{})
	options, arrange := u.arrange()
	steps = append(append(steps, arrange...),
		userns.Chdir{Path: "/"}, userns.NoNewPrivs{}, userns.NewSession{}, userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.Pass{FD: FuseFD, Number: fuseNumber},
		userns.AwaitSupervisor{},
		userns.Exec{
			Paths: []string{program},
			Argv:  []string{"fuse-overlayfs", "-f", "-o", options, fmt.Sprintf("/dev/fd/%d", fuseNumber)},
		})
	return userns.Plan{Steps: steps}
}

// Memory names the daemon's file system in memory, which it hands out where Memory is
// set.
const Memory userns.FD = "memory"

// arrange gives the directories names that need no quoting in a list of
// options, and returns the list.
func (u Union) arrange() (options string, steps []userns.Step) {
	var taken, put []userns.Step
	place := func(source, name string) string {
		fd := userns.FD("directory " + name)
		target := scratch + "/" + name
		taken = append(taken, userns.Take{Source: source, Attr: userns.NoSuid | userns.NoDev, As: fd})
		put = append(put,
			userns.Mkdir{Path: target, Mode: 0o700, Below: scratch},
			userns.Attach{From: fd, What: source, Target: target, Attr: userns.NoSuid | userns.NoDev})
		return target
	}
	lower := make([]string, len(u.Lower))
	for i, dir := range u.Lower {
		lower[i] = place(dir, strconv.Itoa(i))
	}
	upper, work := scratch+"/upper", scratch+"/work"
	if u.Upper != "" {
		// Both through one mount: files are renamed from the one to the other.
		dir, name := filepath.Split(filepath.Clean(u.Upper))
		kept := place(filepath.Clean(dir), "kept")
		upper, work = filepath.Join(kept, name), filepath.Join(kept, filepath.Base(Work(u.Upper)))
	} else {
		put = append(put, userns.Mkdir{Path: upper, Mode: 0o755, Below: scratch})
	}
	put = append(put, userns.Mkdir{Path: work, Mode: 0o700, Below: filepath.Dir(work)})
	if u.Memory != nil {
		put = append(put, userns.Take{Source: scratch, Attr: userns.ReadOnly | userns.NoSuid | userns.NoDev | userns.NoExec, Alone: true, As: Memory},
			userns.Send{FD: Memory})
	}
	mount := userns.Mount{Type: "tmpfs", Target: scratch, Options: u.memory("0700"), Attr: userns.NoSuid | userns.NoDev}
	options = fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", strings.Join(lower, ":"), upper, work)
	return options, append(append(taken, mount), put...)
}

// Plain tells whether fuse-overlayfs can be told of an upper directory by that
// name.
func Plain(upper string) bool { return !strings.ContainsAny(filepath.Base(upper), `,:\`) }
