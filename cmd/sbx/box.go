package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
)

// sandboxes are those of the caller that are detached, or have a name.
func sandboxes() (*state.Sandboxes, error) {
	return state.OpenAll(state.Dirs(os.Getenv, os.Getuid()), os.Getuid())
}

// parseVerb reads the arguments of a verb into its flags. With --help it prints what
// there is, and says so.
func parseVerb(u ui, name, help string, flags any, args []string) (done bool, code int) {
	k, err := kong.New(flags, kong.Name("sbx "+name), kong.Description(help), kong.NoDefaultHelp(), kong.Writers(u.out, io.Discard), kong.Exit(func(int) {}))
	if err == nil && (u.asked != nil || asksForHelp(args)) {
		return true, exitOf(u, u.help(usage.Of("sbx "+name, k.Model.Node)), "")
	}
	if err == nil {
		_, err = k.Parse(args)
	}
	if err != nil {
		err = usage.Explain(err, k.Model.Node)
		u.fail(err, hintOr(err, "sbx "+name+" --help lists the flags"))
		return true, exitFailed
	}
	return false, 0
}

// eachBox does something with each of the sandboxes that are named, and prints the
// names of those with which it was done. One that fails does not keep it from the others.
func eachBox(u ui, names []string, do func(*state.Sandboxes, state.Record) error) int {
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	code := 0
	for _, name := range names {
		r, err := all.Find(name)
		if err == nil {
			err = do(all, r)
		}
		if err != nil {
			u.fail(ofBox(name, err), boxHint(err))
			code = exitFailed
			continue
		}
		fmt.Fprintln(u.out, name)
	}
	return code
}

// ofBox says which sandbox an error is about, unless it does.
func ofBox(name string, err error) error {
	if errors.Is(err, state.ErrNotFound) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

func boxHint(err error) string {
	if errors.Is(err, state.ErrNotFound) {
		return "sbx ps -a lists them"
	}
	return sandbox.Hint(err)
}

// askBox asks the supervisor of a sandbox.
func askBox(all *state.Sandboxes, r state.Record, q control.Request) (control.Reply, []*os.File, error) {
	if !r.Alive() {
		return control.Reply{}, nil, control.ErrNobody
	}
	return control.Ask(all.Socket(r.ID), q)
}

// ended is how a sandbox ended. Its supervisor is asked, which answers when it has; one
// that is killed meanwhile leaves a record that says so.
func ended(all *state.Sandboxes, r state.Record, q control.Request) (int, error) {
	reply, _, err := askBox(all, r, q)
	if !errors.Is(err, control.ErrNobody) {
		return reply.Exit, err
	}
	now, err := settled(all, r)
	switch {
	case errors.Is(err, state.ErrNotFound) && r.Alive():
		return 0, fmt.Errorf("it ended, and was removed")
	case err != nil:
		return 0, err
	case now.Exit == nil:
		return 0, control.ErrNobody
	}
	return *now.Exit, nil
}

// settled is what became of a sandbox whose supervisor does not answer any more. One
// that was killed has its lock a moment longer than its connections.
func settled(all *state.Sandboxes, r state.Record) (now state.Record, err error) {
	for until := time.Now().Add(parting); ; time.Sleep(2 * time.Millisecond) {
		if now, err = all.Find(r.ID); err != nil || !now.Alive() || time.Now().After(until) {
			return now, err
		}
	}
}

// enterBox asks the supervisor of a sandbox for what a process in it is confined by.
// The files are a pidfd of its first process and, where it has one, its cgroup's
// directory. The connection is to be closed when the process runs its command.
func enterBox(name string) (entry json.RawMessage, files []*os.File, conn *control.Conn, err error) {
	all, err := sandboxes()
	if err != nil {
		return nil, nil, nil, err
	}
	id, err := all.ID(name)
	if err != nil {
		return nil, nil, nil, err
	}
	// Who answers lives, so its record is not read.
	var reply control.Reply
	if conn, err = control.Dial(all.Socket(id)); err == nil {
		reply, files, err = conn.Ask(control.Request{Do: control.Enter})
	}
	if errors.Is(err, control.ErrNobody) {
		r, gone := all.Find(name)
		switch {
		case gone != nil:
			err = gone
		case !r.Alive():
			err = control.ErrNobody
		}
	}
	return reply.Body, files, conn, err
}
