package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strings"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
)

// superviseAgainName is the verb of the process that stays with a sandbox that is begun again.
const superviseAgainName = "supervise-again"

// startVerb is sbx start.
func startVerb(u ui, args []string) int {
	var flags struct {
		Attach      bool     `short:"a" help:"Attach to it."`
		Interactive bool     `short:"i" help:"Is taken for docker's sake: it has the input that it was begun with."`
		Box         []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "start", "Begin detached sandboxes again that have ended, with the flags that they were begun with.", &flags, args); done {
		return code
	}
	code := eachBox(u, flags.Box, func(all *state.Sandboxes, r state.Record) error {
		if r.Alive() {
			return nil // as docker: it is what was wanted
		}
		return begin(u, all, r)
	})
	if flags.Attach && code == 0 {
		return attachVerb(u, flags.Box[:1])
	}
	return code
}

// errNotBegun says that what there is to say was said.
var errNotBegun = errors.New("it could not be begun again")

// begin begins a sandbox again that has ended, where it was begun, with the caller's present
// environment.
func begin(u ui, all *state.Sandboxes, r state.Record) error {
	by, err := all.BegunBy(r)
	if errors.Is(err, fs.ErrNotExist) {
		return &mendedError{errors.New("what it was begun with is not known"), "only what sbx run -d began can be begun again"}
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(by.Dir); err != nil {
		return errMovedAway(by.Dir)
	}
	if code := supervised(u, io.Discard, by.Dir, append([]string{superviseAgainName, r.ID, by.Dir, by.ID}, by.Args...)); code != 0 {
		return errNotBegun
	}
	return nil
}

func errMovedAway(dir string) error {
	return &mendedError{fmt.Errorf("another directory than before is at %s, or none", dir), "start it with sbx run in the directory that is meant"}
}

// checkBegun tells whether this process is in the directory that a sandbox was begun in. A command
// may have put a link in its place, or another directory.
func checkBegun(dir, id string) error {
	here, err := sandbox.WorkingDirectory() // which has no link in it
	if err != nil || here != dir {
		return errMovedAway(dir)
	}
	if now, err := profiles.ProjectID(here); err != nil || now != id {
		return errMovedAway(dir)
	}
	return nil
}

// restartVerb is sbx restart.
func restartVerb(u ui, args []string) int {
	var flags struct {
		Time *float64 `short:"t" aliases:"timeout" placeholder:"SECONDS" help:"How long the command has to end by itself (default: 10, or --stop-timeout of run)."`
		Box  []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "restart", "End the commands of detached sandboxes and begin them again.", &flags, args); done {
		return code
	}
	grace, err := graceOf(flags.Time)
	if err != nil {
		return exitOf(u, err, "")
	}
	return eachBox(u, flags.Box, func(all *state.Sandboxes, r state.Record) error {
		_, _, err := askBox(all, r, control.Request{Do: control.Restart, Grace: grace})
		if !errors.Is(err, control.ErrNobody) {
			return err
		}
		if r, err = settled(all, r); err != nil {
			return err
		}
		return begin(u, all, r)
	})
}

// renameVerb is sbx rename.
func renameVerb(u ui, args []string) int {
	var flags struct {
		Box  string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
		Name string `arg:"" name:"NAME" help:"The new name."`
	}
	if done, code := parseVerb(u, "rename", "Give a sandbox another name. Its host name stays.", &flags, args); done {
		return code
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	r, err := all.Find(flags.Box)
	if err == nil {
		if r.Alive() {
			_, _, err = askBox(all, r, control.Request{Do: control.Rename, Name: flags.Name})
		} else {
			err = all.Rename(r, flags.Name)
		}
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", flags.Box, err)
	}
	return exitOf(u, err, boxHint(err))
}

// portVerb is sbx port.
func portVerb(u ui, args []string) int {
	var flags struct {
		Box  string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
		Port string `arg:"" optional:"" name:"PORT[/tcp|udp]" help:"One port of the sandbox (default: all)."`
	}
	if done, code := parseVerb(u, "port", "Print where the ports of a sandbox are published.", &flags, args); done {
		return code
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	r, err := all.Find(flags.Box)
	if err == nil && !r.Alive() {
		err = control.ErrNobody
	}
	if err == nil {
		err = printPorts(u, r, flags.Port)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w", flags.Box, err)
	}
	return exitOf(u, err, boxHint(err))
}

func printPorts(u ui, r state.Record, only string) error {
	if only != "" && !strings.Contains(only, "/") {
		only += "/tcp"
	}
	found := false
	for _, text := range r.Published {
		ports, err := sandbox.ParsePublished(text)
		if err != nil {
			return err
		}
		for _, p := range ports {
			inside := fmt.Sprintf("%d/tcp", p.Sandbox)
			if p.UDP {
				inside = fmt.Sprintf("%d/udp", p.Sandbox)
			}
			at := netip.AddrPortFrom(p.Address, p.Host)
			switch {
			case only == "":
				fmt.Fprintf(u.out, "%s -> %s\n", inside, at)
			case only == inside:
				fmt.Fprintln(u.out, at)
				found = true
			}
		}
	}
	if only != "" && !found {
		return &mendedError{fmt.Errorf("port %s is not published", only), "sbx port " + r.Name + " lists those that are"}
	}
	return nil
}

func rmiVerb(u ui, args []string) int { return imageVerb(u, append([]string{"rm"}, args...)) }
func tagVerb(u ui, args []string) int { return imageVerb(u, append([]string{"tag"}, args...)) }
