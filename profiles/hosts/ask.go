package hosts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// An Asker asks tools. Its parts are replaced in tests.
type Asker struct {
	// Find gives the path of a program, or ErrNotInstalled.
	Find func(program string) (string, error)
	// Run gives what a program prints.
	Run func(program string, args ...string) ([]byte, error)
	// Read gives a file of the user's or the machine's.
	Read func(path string) ([]byte, error)
	// Leads tells whether a file, or a link on the way to it, is one that a sandbox may
	// write. Nil is of none.
	Leads func(path string) bool
	// Check judges a rule.
	Check func(rule string) error
	// Environ are the caller's variables, without those that lead into the project.
	Environ []string
	Home    string
	// Command is the program that the hosts are for. Where it is a tool of a set, only that
	// one is asked. Empty is any.
	Command string
	// Memory keeps answers. Empty is none.
	Memory Memory
	// Anew has tools asked whose answers are remembered.
	Anew bool

	given []string // to the tools, of variables
}

const (
	timeLimit = 20 * time.Second
	mostBytes = 1 << 20
)

// New asks on this machine. The project is the directory whose files are not to count,
// with all of the repository that it is in, and writable what else a sandbox may write; check judges a rule.
func New(project, home string, environ []string, check func(string) error, writable ...string) (*Asker, error) {
	t, err := newTree(project, home, writable...)
	if err != nil {
		return nil, err
	}
	if t.holds(home) {
		return nil, errors.New("the command can write to your home, so sets of hosts cannot be trusted; use --allow HOST")
	}
	environ = slices.DeleteFunc(slices.Clone(environ), func(e string) bool { return !strings.HasPrefix(e, "PATH=") && t.mentioned(e) })
	env, dirs := t.environment(environ)
	a := &Asker{Check: check, Home: home, Environ: environ, given: env}
	a.Find = func(program string) (string, error) { return t.find(program, dirs) }
	a.Read = t.read
	a.Leads = t.leads
	a.Run = func(program string, args ...string) ([]byte, error) {
		path, err := a.Find(program)
		if err != nil {
			return nil, err
		}
		return run(path, env, args, timeLimit)
	}
	return a, nil
}

// Getenv gives a variable's value, or nothing.
func (a *Asker) Getenv(name string) string {
	for _, e := range a.Environ {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}

// run starts a program in /, where nobody but root has put settings.
func run(path string, env, args []string, limit time.Duration) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var out bounded
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.WaitDelay = "/", env, &out, time.Second
	// A group of its own: managers of versions start the tool as a child of theirs. It ends
	// with sbx, which the kernel takes for the end of the thread that started it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	err := cmd.Run()
	// What it prints on its standard error is not repeated: passwords may be in it.
	said := filepath.Base(path) + " " + strings.Join(args, " ")
	switch {
	case out.over:
		return nil, fmt.Errorf("%s: printed more than %d bytes", said, mostBytes)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: took longer than %s", said, limit)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", said, err)
	}
	return out.said, nil
}

// bounded keeps what a program prints, up to a size.
type bounded struct {
	said []byte
	over bool
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.over = b.over || len(b.said)+len(p) > mostBytes; b.over {
		return 0, io.ErrShortWrite
	}
	b.said = append(b.said, p...)
	return len(p), nil
}

// read reads a file that does not lead into the project.
func (t *tree) read(path string) ([]byte, error) {
	if t.leads(path) {
		return nil, fmt.Errorf("%s leads into the project", path)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0) // a FIFO without a writer would wait
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, mostBytes+1))
	if err == nil && len(b) > mostBytes {
		err = fmt.Errorf("%s: larger than %d bytes", path, mostBytes)
	}
	return b, err
}
