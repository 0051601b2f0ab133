package image

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/refusal"
	"github.com/sbxrun/sbx/userns"
)

// A helper runs a part of sbx-image as root of a user namespace, where it may give
// files the owners of an image, and remove them again.
type helper struct {
	program string
	ids     idmap.Caller
	// single is why there is one id only, or nil.
	single error
}

func newHelper(program string) helper {
	ids, err := idmap.NewCaller()
	return helper{program: program, ids: ids, single: err}
}

const (
	pipeSize  = 1 << 20   // what an ordinary user may have (pipe(7))
	blockSize = 256 << 10 // what is read and written at once
)

// run runs the program with arguments in a sandbox that may write one directory, and
// gives what it prints.
func (h helper) run(dir string, in io.Reader, args ...string) ([]byte, error) {
	var out bytes.Buffer
	err := h.stream(dir, in, &out, args...)
	return out.Bytes(), err
}

// stream does that with what it prints. What it says to standard error is its error.
func (h helper) stream(dir string, in io.Reader, out io.Writer, args ...string) (err error) {
	steps := []userns.Step{userns.DieWithSupervisor{}}
	if h.single == nil {
		steps = append(steps, userns.AwaitMaps{UID: h.ids.UID, GID: h.ids.GID, Helpers: h.ids.Helpers})
	} else {
		steps = append(steps, userns.MapSelf{UID: h.ids.UID, GID: h.ids.GID})
	}
	const attr = userns.NoSuid | userns.NoDev
	steps = append(steps,
		userns.Take{Source: dir, Attr: attr, Exact: true, As: "directory"},
		userns.Chdir{Path: "/"}, userns.Seal{Attr: userns.ReadOnly | attr},
		userns.Attach{From: "directory", What: dir, Target: dir, Attr: attr, Exact: true},
		userns.NewSession{}, userns.NoNewPrivs{}, userns.Umask{Mask: 0}, userns.AwaitSupervisor{},
		userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.Exec{Paths: []string{h.program}, Argv: append([]string{h.program}, args...), Env: []string{"GOMAXPROCS=2"}})
	var pipes [3][2]*os.File // read end, write end
	defer func() {
		for _, p := range pipes {
			for _, f := range p {
				f.Close() // those that were closed say so, which is no news
			}
		}
	}()
	for i := range pipes {
		if pipes[i][0], pipes[i][1], err = os.Pipe(); err != nil {
			return err
		}
	}
	p, err := userns.Plan{Namespaces: userns.User | userns.Mounts | userns.Net | userns.IPC, Steps: steps}.Start(userns.Input{
		Stdin: pipes[0][0], Stdout: pipes[1][1], Stderr: pipes[2][1],
	})
	if err != nil {
		return fmt.Errorf("start the unpacker: %w", refusal.Explain(err))
	}
	pipes[0][0].Close()
	pipes[1][1].Close()
	pipes[2][1].Close()
	fed, said := make(chan error, 1), make(chan []byte, 1)
	go func() {
		// As much at once as the pipe takes: each write wakes the unpacker.
		_, _ = unix.FcntlInt(pipes[0][1].Fd(), unix.F_SETPIPE_SZ, pipeSize) // one page is enough too
		_, err := io.CopyBuffer(struct{ io.Writer }{pipes[0][1]}, in, make([]byte, blockSize))
		pipes[0][1].Close()
		fed <- err
	}()
	go func() {
		b, _ := io.ReadAll(io.LimitReader(pipes[2][0], 4096)) // what it could say of that is said by its end
		said <- b
	}()
	_, err = io.Copy(out, pipes[1][0])
	pipes[1][0].Close() // whatever it still prints, nobody takes
	complaint := bytes.TrimSpace(<-said)
	status, waited := p.Wait()
	pipes[0][0].Close()
	cause := <-fed
	switch {
	case waited != nil:
		return waited
	case cause != nil && !errors.Is(cause, unix.EPIPE): // what came to an end early came to it here
		return cause
	case len(complaint) > 0 && status != 0:
		return errors.New(strings.TrimPrefix(string(complaint), "sbx: "))
	case status != 0:
		return errors.New("the unpacker " + ending(status))
	}
	return errors.Join(err, cause)
}

// ending says how one ended who did not say why.
func ending(s syscall.WaitStatus) string {
	if s.Signaled() {
		return "was ended by a signal: " + s.Signal().String()
	}
	return fmt.Sprintf("ended with exit code %d, without a word", s.ExitStatus())
}

// remove removes a directory, whoever owns what is in it.
func (h helper) remove(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	if _, err := h.run(dir, strings.NewReader(""), "remove", dir); err != nil {
		return fmt.Errorf("remove %s: %w", dir, err)
	}
	return os.Remove(dir)
}
