package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/procs"
	"github.com/sbxrun/sbx/sandbox/state"
)

// topVerb is sbx top.
func topVerb(u ui, args []string) int {
	var flags struct {
		Json bool   `help:"Print a JSON array."`
		Box  string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "top", "List the processes of a sandbox, with the ids that they have inside.", &flags, args); done {
		return code
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	var list []procs.Process
	r, err := all.Find(flags.Box)
	if err == nil {
		list, err = processesOf(all, r)
	}
	switch {
	case err != nil:
		return exitOf(u, ofBox(flags.Box, err), boxHint(err))
	case flags.Json:
		return exitOf(u, printJSON(u, list), "")
	}
	w := tabwriter.NewWriter(u.out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "PID\tPARENT\tSTATE\tCPU\tMEMORY\tCOMMAND")
	for _, p := range list {
		fmt.Fprintf(w, "%d\t%d\t%s\t%.2fs\t%s\t%s\n", p.PID, p.Parent, p.State, time.Duration(p.CPU).Seconds(), size(p.Memory), cut(plain(commandOf(p)), 60, false))
	}
	return exitOf(u, w.Flush(), "")
}

// commandOf is a process's command line, or its name where it has none.
func commandOf(p procs.Process) string {
	if len(p.Command) == 0 {
		return "[" + p.Name + "]"
	}
	return strings.Join(p.Command, " ")
}

func processesOf(all *state.Sandboxes, r state.Record) (list []procs.Process, err error) {
	reply, _, err := askBox(all, r, control.Request{Do: control.Top})
	if err == nil {
		err = json.Unmarshal(reply.Body, &list)
	}
	return list, err
}

func takenOf(all *state.Sandboxes, r state.Record) (taken control.Taken, err error) {
	reply, _, err := askBox(all, r, control.Request{Do: control.Usage})
	if err == nil {
		err = json.Unmarshal(reply.Body, &taken)
	}
	return taken, err
}

// live is a record with what is so at the moment.
type live struct {
	state.Record
	Usage     *control.Taken  `json:"usage,omitempty"`
	Processes []procs.Process `json:"processes,omitempty"`
}

// liveOf adds what a sandbox that runs does. One that has just ended, or is about to
// begin, has nothing to add.
func liveOf(all *state.Sandboxes, r state.Record) live {
	l := live{Record: r}
	if r.Status != state.Running && r.Status != state.Paused {
		return l
	}
	if taken, err := takenOf(all, r); err == nil {
		l.Usage = &taken
	}
	l.Processes, _ = processesOf(all, r)
	return l
}
