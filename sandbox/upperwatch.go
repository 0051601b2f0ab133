package sandbox

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/layer"
	"github.com/sbxrun/sbx/userns"
)

// An upper directory on a disk cannot be bounded without root, so it is looked at. What
// is in it belongs to ids of the sandbox, with modes that keep the caller out, so du(1)
// does it from within the sandbox's user namespace. That takes long where there are many
// files. So it is asked when the file system has lost as much room as it would take to
// be too much, by whomever, and now and then in case that others have given some back.
type upperWatch struct {
	spec   Spec
	du     string
	root   bool // du must become root first
	free   int64
	taken  int64
	next   time.Time // not before
	latest time.Time // not later
}

// upperLatest is how long it may be until du is asked again, and upperShare how much more
// time there is between two than one takes.
const (
	upperLatest = 10 * time.Second
	upperShare  = 5
)

func newUpperWatch(s Spec, h Host) *upperWatch {
	root, _ := fromOCI(s.OCI.Linux.UIDMappings).ToOutside(0) // it is mapped: completeDisk
	return &upperWatch{spec: s, du: h.Du, root: root != h.UID}
}

// look tells what the upper takes, as far as it need be known: whether it is more than
// room.
func (u *upperWatch) look(p *userns.Process, room int64) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(u.spec.Upper, &st); err != nil {
		return 0, fmt.Errorf("upper directory %s: %w", u.spec.Upper, err)
	}
	free, now := int64(st.Bfree)*st.Bsize, time.Now()
	if now.Before(u.next) || u.free-free < (room-u.taken)/2 && now.Before(u.latest) {
		return u.taken, nil
	}
	taken, err := u.measure(p)
	if err != nil {
		return 0, err
	}
	u.taken, u.free = taken, free
	u.next, u.latest = time.Now().Add(upperShare*time.Since(now)), time.Now().Add(upperLatest)
	return taken, nil
}

// measure asks du. It tells of files that vanish meanwhile by its exit code, so its
// words alone count. It ends with the sandbox, which does not wait for it.
func (u *upperWatch) measure(sandbox *userns.Process) (int64, error) {
	handle, err := sandbox.Handle()
	if err != nil {
		return 0, err
	}
	defer handle.Close()
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	du, err := u.plan().Start(userns.Input{Stdout: w, Files: map[userns.FD]*os.File{layer.Sandbox: handle}})
	w.Close()
	if err != nil {
		return 0, fmt.Errorf("measure the upper directory: %v", err) // no step of the command's
	}
	go func() {
		select {
		case <-sandbox.Done():
			_ = du.Kill() // it ended just now
		case <-du.Done():
		}
	}()
	said, err := io.ReadAll(io.LimitReader(r, 4096))
	if _, e := du.Wait(); err == nil {
		err = e
	}
	if err != nil {
		return 0, fmt.Errorf("measure the upper directory: %w", err)
	}
	return readUsage(said)
}

// plan is that of du. It has the host's mounts, and follows none of them.
func (u *upperWatch) plan() userns.Plan {
	steps := []userns.Step{userns.Join{Of: layer.Sandbox, Namespaces: userns.User}}
	if u.root {
		steps = append(steps, userns.SetUser{Groups: []uint32{}})
	}
	dir := u.spec.Upper
	return userns.Plan{Steps: append(steps, userns.DieWithSupervisor{},
		userns.Chdir{Path: "/"}, userns.NoNewPrivs{}, userns.NewSession{}, userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.AwaitSupervisor{},
		userns.Exec{Paths: []string{u.du}, Argv: []string{"du", "-skx", "--", dir, layer.Work(dir)}, Env: []string{"LC_ALL=C"}})}
}

// readUsage adds what du says of each directory: kilobytes, a tab, a name.
func readUsage(said []byte) (total int64, err error) {
	found := false
	for line := range bytes.Lines(said) {
		number, _, ok := bytes.Cut(line, []byte("\t"))
		if n, err := strconv.ParseInt(string(number), 10, 50); ok && err == nil && n >= 0 {
			total, found = total+n<<10, true
		}
	}
	if !found {
		return 0, fmt.Errorf("measure the upper directory: du said nothing of it")
	}
	return total, nil
}
