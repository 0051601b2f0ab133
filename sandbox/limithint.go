package sandbox

import (
	"errors"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// limitHint names the limit of the caller's that an error comes from, whatever it was
// that ran into it, or nothing.
func limitHint(err error) string {
	var step *userns.StepError
	inChild := errors.As(err, &step)
	switch {
	case errors.Is(err, unix.EMFILE):
		return "the hard limit of open files is too low; begin sbx where ulimit -Hn shows more"
	case errors.Is(err, unix.ENFILE):
		return "this machine has too many open files; as root: sysctl -w fs.file-max=1000000"
	case errors.Is(err, unix.EFBIG):
		return "the limit of a file's size is too low; raise it: ulimit -f unlimited"
	case inChild && errors.Is(err, unix.EAGAIN) && isFork(step.Step):
		return "the limit of processes is reached; see --pids-limit and ulimit -u"
	case inChild && errors.Is(err, unix.EOVERFLOW): // a file by an id that is not mapped (vfs_create)
		return "newuidmap and newgidmap said that the maps are written, and they are not; see what is installed by these names"
	case inChild && errors.Is(err, unix.ENOMEM):
		return "there is no memory left, or a limit is reached; see ulimit -v and ulimit -d"
	}
	return ""
}

func isFork(s userns.Step) bool { _, ok := s.(userns.Fork); return ok }
