package refusal

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns"
)

// Explain adds to an error of a start what is to blame, and what would mend it. An
// error that the machine around is not to blame for stays as it is.
func Explain(err error) error {
	var clone *userns.CloneError
	var step *userns.StepError
	if !errors.As(err, &clone) && !errors.As(err, &step) {
		return err
	}
	return Look().Explain(err)
}

// Explain is Explain where that is around.
func (a Around) Explain(err error) error {
	var clone *userns.CloneError
	var step *userns.StepError
	switch {
	case errors.As(err, &clone):
		return a.clone(clone).of(err)
	case errors.As(err, &step):
		return a.step(step).of(err)
	}
	return err
}

func (a Around) clone(e *userns.CloneError) verdict {
	switch e.Err {
	case unix.ENOSPC:
		return a.limited(a.missing(e.Namespaces, e.Err))
	case unix.EINVAL:
		return unbuilt(a.missing(e.Namespaces, e.Err))
	case unix.EAGAIN, unix.ENOMEM:
		return verdict{"no more processes may be made, or memory is short", "see ulimit -u, and pids.max of the control group"}
	case unix.EPERM, unix.EACCES, unix.ENOSYS:
		if a.Try(userns.User) != nil {
			return a.forbidden(e.Err)
		}
		return a.powerless()
	}
	return verdict{}
}

// step is for those that are refused by what is around. Which path or label another one
// is about tells more.
func (a Around) step(e *userns.StepError) verdict {
	denied := e.Err == unix.EPERM || e.Err == unix.EACCES || e.Err == unix.ENOSYS
	switch s := e.Step.(type) {
	case userns.NewClock:
		if e.Err == unix.ENOSPC {
			return a.limited(kind{name: "time"})
		}
	case userns.Fork:
		if e.Err == unix.EACCES {
			return a.memory()
		}
	case userns.Mount:
		if s.Type == "proc" && e.Err == unix.EPERM && a.powers() {
			return a.coveredProc()
		}
	case userns.MapSelf:
		if e.Err == unix.EROFS {
			return verdict{"/proc is read-only, and ids are mapped there", a.loosen()}
		}
		if e.Err == unix.EPERM && a.NoSetFCap {
			return verdict{"root without CAP_SETFCAP may not be root of a user namespace", "run sbx as an ordinary user, or with that capability"}
		}
	case userns.Seal, userns.Make, userns.SetAttr, userns.Hide, userns.Attach, userns.PivotRoot,
		userns.Hostname, userns.LoopbackUp, userns.NewKeyring:
	case userns.Take:
		denied = denied && e.Err != unix.EACCES // of the path
	default:
		return verdict{}
	}
	if !denied {
		return verdict{}
	}
	return a.powerless()
}

// powers tells whether a user namespace comes with its rights. To map an id takes some,
// and so does another namespace. A filter does not stand in the way of the one, and
// Landlock not in that of the other.
func (a Around) powers() bool {
	return a.Try(userns.User, mapSelf()) == nil || a.Try(userns.User|userns.UTS) == nil
}

// mounts tells whether mounts can be made in it.
func (a Around) mounts() bool {
	return a.Try(userns.User|userns.Mounts, mapSelf(), userns.Take{Source: "/", As: "root"}, userns.Seal{Attr: userns.ReadOnly}) == nil
}

func mapSelf() userns.MapSelf {
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	return userns.MapSelf{UID: idmap.Single(uid, uid), GID: idmap.Single(gid, gid)}
}

// kind is a kind of namespace, by its name in the settings of the kernel.
type kind struct {
	flag         userns.Namespaces
	name, config string
}

var kinds = []kind{
	{userns.User, "user", "CONFIG_USER_NS"}, {userns.Mounts, "mnt", ""}, {userns.PID, "pid", "CONFIG_PID_NS"},
	{userns.IPC, "ipc", "CONFIG_IPC_NS"}, {userns.UTS, "uts", "CONFIG_UTS_NS"}, {userns.Cgroup, "cgroup", "CONFIG_CGROUPS"},
	{userns.Net, "net", "CONFIG_NET_NS"},
}

// missing is the first kind that cannot be made alone.
func (a Around) missing(of userns.Namespaces, errno syscall.Errno) kind {
	for _, k := range kinds {
		if of&k.flag != 0 && errors.Is(a.Try(userns.User|k.flag), errno) {
			return k
		}
	}
	return kinds[0]
}
