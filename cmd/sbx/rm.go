package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
)

// rmVerb is sbx rm.
func rmVerb(u ui, args []string) int {
	var flags struct {
		Force bool     `short:"f" help:"Kill running sandboxes first, and ignore missing ones."`
		Box   []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "rm", "Remove sandboxes that have ended, with their logs.", &flags, args); done {
		return code
	}
	if !flags.Force {
		return eachBox(u, flags.Box, func(all *state.Sandboxes, r state.Record) error {
			if r.Alive() {
				return &mendedError{state.ErrRuns, "sbx rm -f " + r.Name + " kills it"}
			}
			return forget(all, r)
		})
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	code := 0
	for _, name := range flags.Box {
		r, err := all.Find(name)
		if err == nil {
			err = removeForced(all, r)
		}
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			u.fail(ofBox(name, err), boxHint(err))
			code = exitFailed
			continue
		}
		fmt.Fprintln(u.out, name)
	}
	showNotices(u)
	return code
}

// mendedError is an error with what mends it.
type mendedError struct {
	error
	hint string
}

func (e *mendedError) Unwrap() error { return e.error }
func (e *mendedError) Hint() string  { return e.hint }

// leaving is how long a supervisor may take from the end of its command to its own.
const leaving = 10 * time.Second

// removeForced kills a sandbox and removes it.
func removeForced(all *state.Sandboxes, r state.Record) error {
	if r.Alive() {
		if _, err := ended(all, r, control.Request{Do: control.Stop}); err != nil && !errors.Is(err, control.ErrNobody) {
			if _, gone := all.Find(r.ID); errors.Is(gone, state.ErrNotFound) {
				return nil // it removed itself
			}
			return err
		}
	}
	return forget(all, r)
}

// forget removes a sandbox that has ended. Its supervisor may still be at it.
func forget(all *state.Sandboxes, r state.Record) error {
	for until := time.Now().Add(leaving); ; time.Sleep(2 * time.Millisecond) {
		err := all.Remove(r)
		if !errors.Is(err, state.ErrRuns) || time.Now().After(until) {
			return err
		}
	}
}

// pruneVerb is sbx prune.
func pruneVerb(u ui, args []string) int {
	var flags struct {
		Force bool `short:"f" help:"Accepted for compatibility."`
	}
	if done, code := parseVerb(u, "prune", "Remove all sandboxes that have ended.", &flags, args); done {
		return code
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	list, failed := all.List()
	code := 0
	for _, r := range list {
		if r.Alive() {
			continue
		}
		err := all.Remove(r)
		if errors.Is(err, state.ErrNotFound) || errors.Is(err, state.ErrRuns) { // another removes it
			continue
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		fmt.Fprintln(u.out, r.ID)
	}
	all.Sweep()
	for _, err := range failed {
		u.fail(err, sandbox.Hint(err))
		code = exitFailed
	}
	return code
}
