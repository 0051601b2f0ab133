package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/userns"
)

// maskLimit is how long the child that masks may take for its steps. Nothing inside can
// reach it.
const maskLimit = 10 * time.Second

// ready makes the child that masks wait in the sandbox's mount namespace. A sandbox that has
// just started, or that ends, cannot be joined for a moment: its first process has no memory
// of its own (ptrace(2), PTRACE_MODE_READ).
func (w *maskWatch) ready() (err error) {
	for end := time.Now().Add(maskLimit); w.helper == nil; {
		in := userns.Input{Files: map[userns.FD]*os.File{enteredPID: w.first}, Limit: maskLimit}
		w.helper, err = userns.Plan{Steps: []userns.Step{
			userns.CloseOthers{Streams: true}, userns.Join{Of: enteredPID, Namespaces: userns.User | userns.Mounts}, userns.Close{FD: enteredPID},
		}}.Stay(in)
		switch {
		case err == nil:
		case ended(w.first, err):
			return os.ErrProcessDone
		case !errors.Is(err, unix.EPERM) || time.Now().After(end):
			return err
		default:
			time.Sleep(time.Millisecond)
		}
	}
	return nil
}

// maskAtOnce is far below the number of descriptors that a child may name.
const maskAtOnce = 64

// mount covers paths in the sandbox's mount namespace.
func (w *maskWatch) mount(open []mask) error {
	err := w.ready()
	if err == nil {
		err = w.helper.Do(userns.Input{}, maskSteps(w.id, open, w.isDir, w.link)...)
	}
	if w.helper != nil && (err != nil || w.helper.Spent()) {
		w.dismiss()
		if err == nil {
			err = w.ready()
		}
	}
	return err
}

// cleanings bounds how often configurations are cleaned in a run. lockTries is for one
// that git has locked.
const (
	cleanings = 16
	lockTries = 20
)

// clean takes out of a git configuration what the command may have set, and has it masked
// again: the developer, who most likely set it, goes on working, and so does the command.
func (w *maskWatch) clean(m mask) bool {
	state, err := stateDir(w.host.Homes)
	if err != nil || w.cleaned >= cleanings {
		return false
	}
	w.cleaned++
	for range lockTries {
		settings, kept, err := w.guard.Clean(m.outside, state)
		switch {
		case errors.Is(err, unix.EEXIST):
			time.Sleep(5 * time.Millisecond)
			continue
		case err != nil:
			return false
		case len(settings) > 0:
			w.note("took %s out of %s, since the command could write to it for a moment when it was set; set it again, or see %s", settingNames(settings), hint.Short(m.outside), kept)
		}
		w.restore([]mask{m})
		return true
	}
	return false
}

// over tells that an error is the end of the sandbox.
func (w *maskWatch) over(err error) bool {
	return errors.Is(err, os.ErrProcessDone) || ended(w.first, err)
}

// dismiss ends the child that masks.
func (w *maskWatch) dismiss() {
	if w.helper != nil {
		w.helper.End()
		w.helper = nil
	}
}

// maskSteps cover paths in a sandbox that runs. No link in them is followed: the command
// can write to the directories that they are in.
func maskSteps(id string, open []mask, isDir func(mask) bool, link func(mask) string) (steps []userns.Step) {
	for i, m := range open {
		from := userns.FD(fmt.Sprintf("mask %d", i))
		attr, blank := userns.NoSuid|userns.NoDev, ""
		switch dir, to := isDir(m), link(m); {
		case m.how == hides && dir:
			steps = append(steps, userns.Mount{
				Type: "tmpfs", Target: m.inside, Attr: attr | userns.ReadOnly | userns.NoExec, Exact: true,
				Options: []userns.Option{{Key: "mode", Value: "555"}, {Key: "size", Value: "4k"}},
			})
			continue
		case m.how == hides:
			blank = fmt.Sprintf("/dev/.hidden-%s-%d", id, i)
			steps = append(steps, userns.Blank{Path: blank, Socket: !readsEmpty(m.inside), As: from})
		case to != "" && !dir:
			blank, attr = fmt.Sprintf("/dev/.linked-%s-%d", id, i), linkAttr
			steps = append(steps, userns.TakeLink{Path: blank, To: to, As: from})
		default:
			if m.how == readOnly {
				attr |= userns.ReadOnly
			}
			steps = append(steps, userns.Take{Source: m.inside, Attr: attr, Alone: !dir, Exact: true, As: from})
		}
		steps = append(steps, userns.Attach{From: from, What: m.outside, Target: m.inside, Attr: attr, Exact: true}, userns.Close{FD: from})
		if blank != "" {
			steps = append(steps, userns.Remove{Path: blank})
		}
	}
	return steps
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // it never fails
	return hex.EncodeToString(b[:])
}

// mounted tells whether something is mounted at a path of the sandbox, or nothing is there.
// Where the command has closed a directory on the way, it is not known.
func (w *maskWatch) mounted(inside string) bool {
	fd, err := w.lookup(inside)
	if err != nil {
		return err == unix.ENOENT || err == unix.ENOTDIR
	}
	defer unix.Close(fd)
	return isMountRoot(fd)
}

func isMountRoot(fd int) bool {
	var st unix.Statx_t
	return unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &st) == nil && st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0
}

// detached tells that nothing is mounted in the root any more.
func (w *maskWatch) detached() bool {
	fd, err := w.lookup("/proc")
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	return !isMountRoot(fd)
}

// lookup opens a path of the sandbox.
func (w *maskWatch) lookup(inside string) (int, error) {
	return unix.Openat2(int(w.root.Fd()), strings.TrimPrefix(inside, "/"), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
}

// unseen tells that a path cannot be looked at from here: the root is one of fuse-overlayfs,
// or the command has closed a directory. The child that masks has all rights there.
func (w *maskWatch) unseen(m mask) bool {
	fd, err := w.lookup(m.inside)
	if err == nil {
		unix.Close(fd)
	}
	return err == unix.EACCES
}
