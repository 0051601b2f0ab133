package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/transfer"
	"github.com/sbxrun/sbx/userns"
)

// besideName is the verb of the process that is in a sandbox's user namespace and reads
// or writes its files.
const besideName = "beside"

// A beside is such a process, seen from here.
type beside struct {
	first, root *os.File
	said        *transfer.Said
}

// The ways to have owners: as who copies, as on the host, or as numbers inside.
const (
	ownersNone   = "none"
	ownersHost   = "host"
	ownersInside = "inside"
)

func followed(follow bool) string {
	if follow {
		return "follow"
	}
	return "nofollow"
}

// receive has it read a path, and gives that to a sink.
func (b *beside) receive(to transfer.Sink, follow, path string) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	return b.with(userns.Input{Stdout: write}, read, func() error { return transfer.Copy(to, read) }, "send", follow, path)
}

// send has it write to a path what a source gives.
func (b *beside) send(from func(transfer.Sink) error, owners, path string) error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	return b.with(userns.Input{Stdin: read}, write, func() error { return from(transfer.NewWriter(write)) }, "receive", owners, path)
}

// pipeSize is what an ordinary user may have (pipe(7)).
const pipeSize = 1 << 20

// with runs it, and work meanwhile, which goes on with one end of a pipe. An interruption
// closes that, so that both sides remove what is not whole.
func (b *beside) with(in userns.Input, ours *os.File, work func() error, args ...string) error {
	defer ours.Close()
	theirs := in.Stdin
	if theirs == nil {
		theirs = in.Stdout
	}
	defer theirs.Close()
	_, _ = unix.FcntlInt(theirs.Fd(), unix.F_SETPIPE_SZ, pipeSize) // a smaller one is enough too
	program, err := os.Executable()
	if err != nil {
		return err
	}
	complaints, stderr, err := os.Pipe()
	if err != nil {
		return err
	}
	defer complaints.Close()
	in.Stderr = stderr
	p, err := sandbox.StartBeside(b.first, b.root, program, append([]string{besideName}, args...), in)
	stderr.Close()
	if err != nil {
		return fmt.Errorf("enter the sandbox's user namespace: %w", err)
	}
	theirs.Close()
	complained := make(chan bool, 1)
	go func() { complained <- b.tell(complaints) }()
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	signal.Ignore(unix.SIGPIPE)
	done := make(chan error, 1)
	go func() { done <- work() }()
	var interrupted bool
	select {
	case err = <-done:
	case <-signals:
		interrupted = true
		ours.Close()
		select {
		case <-done: // a file that is not whole is removed
		case <-time.After(time.Second): // it waits for a tar that is not for us to end
		}
	}
	ours.Close()
	status, waited := p.Wait()
	their := <-complained
	if interrupted {
		return errors.New("interrupted")
	}
	return outcome(err, waited, their, b.said.End(), status.ExitStatus())
}

// outcome is what is to be said that was not: a side that failed has closed the pipe, and
// what the other one makes of that is no news.
func outcome(err, waited error, theirs, said bool, status int) error {
	switch {
	case waited != nil:
		return waited
	case theirs && (err == nil || errors.Is(err, transfer.ErrCut) || errors.Is(err, unix.EPIPE)):
		return errIncomplete
	case errors.Is(err, transfer.ErrCut) || err == nil && status != 0:
		return errors.New("the process beside the sandbox ended, and said nothing")
	case err == nil && said:
		return errIncomplete
	}
	return err
}

// tell tells what it says, which it has kept within bounds.
func (b *beside) tell(complaints *os.File) (any bool) {
	lines := bufio.NewScanner(complaints)
	for lines.Scan() {
		b.said.Say(lines.Text())
		any = true
	}
	return any
}

// besideVerb is that process.
func besideVerb(u ui, args []string) int {
	root := os.NewFile(sandbox.RootNumber, "root")
	said := &transfer.Said{Say: func(line string) { fmt.Fprintln(u.errors, plain(line)) }}
	signal.Ignore(unix.SIGPIPE)
	var err error
	switch {
	case len(args) == 3 && args[0] == "send":
		r := transfer.Reader{Root: transfer.Inside(root), Follow: args[1] == followed(true), Warn: said.Warn}
		err = r.Read(args[2], transfer.NewWriter(os.Stdout))
	case len(args) == 3 && args[0] == "receive":
		err = receiveBeside(root, args[1], args[2])
	default:
		err = fmt.Errorf("%s is a part of sbx cp", besideName)
	}
	if err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, transfer.ErrCut) {
		said.Warn(err)
	}
	if said.End() || err != nil {
		return exitFailed
	}
	return 0
}

func receiveBeside(root *os.File, owners, path string) error {
	uids, err := ownMap("/proc/self/uid_map")
	if err != nil {
		return err
	}
	gids, err := ownMap("/proc/self/gid_map")
	if err != nil {
		return err
	}
	tree := &transfer.Tree{Root: transfer.Inside(root), Path: path, Options: transfer.Options{Setuid: true, Times: true}}
	defer tree.Close()
	switch owners {
	case ownersHost:
		tree.Owner = func(uid, gid uint32) (int, int) { return known(uids.ToInside(uid)), known(gids.ToInside(gid)) }
	case ownersInside:
		tree.Owner = func(uid, gid uint32) (int, int) {
			_, hasUID := uids.ToOutside(uid)
			_, hasGID := gids.ToOutside(gid)
			return known(uid, hasUID), known(gid, hasGID)
		}
	}
	return transfer.Copy(tree, os.Stdin)
}

// known is an id, or the one that changes nothing.
func known(id uint32, ok bool) int {
	if !ok {
		return -1
	}
	return int(id)
}

// ownMap reads a map of ids, as it is seen from within (user_namespaces(7)).
func ownMap(file string) (idmap.Map, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var ranges []string
	for line := range strings.Lines(string(b)) {
		ranges = append(ranges, strings.Join(strings.Fields(line), ":"))
	}
	return idmap.Parse(strings.Join(ranges, ","))
}
