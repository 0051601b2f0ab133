package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/sbxrun/sbx/profiles/hosts"
	"github.com/sbxrun/sbx/sandbox"
)

// netVerb is sbx net hosts [--json] [@SET...].
func netVerb(u ui, args []string) int {
	if len(args) == 0 || args[0] != "hosts" {
		u.fail(fmt.Errorf("want hosts [--json] [@SET...]"), "sbx net hosts prints all sets")
		return exitFailed
	}
	var sets []string
	asJSON := false
	for _, arg := range args[1:] {
		if arg == "--json" {
			asJSON = true
		} else {
			sets = append(sets, arg)
		}
	}
	err := printHosts(u, sets, asJSON)
	return exitOf(u, err, sandbox.Hint(err))
}

// printHosts prints what sets stand for, and on standard error what is not known of
// them. Where none is named it is of all, and a tool that is not there is no error.
func printHosts(u ui, sets []string, asJSON bool) error {
	asker, err := newAsker()
	if err != nil {
		return err
	}
	asker.Anew = true
	all := len(sets) == 0
	if all {
		sets = hosts.Names()
	}
	found := []hosts.Host{}
	var failed error
	for _, a := range asker.Ask(sets) {
		found = append(found, a.Hosts...)
		for _, n := range a.Notes {
			u.say("%s: %s", a.Set, n)
		}
		switch {
		case a.Err == nil:
		case all:
			u.say("%v", a.Err)
		case failed == nil:
			failed = a.Err
		}
	}
	if asJSON {
		if err := printJSON(u, found); err != nil {
			return err
		}
		return failed
	}
	w := tabwriter.NewWriter(u.out, 0, 8, 2, ' ', 0)
	for _, h := range found {
		fmt.Fprintf(w, "%s\t%s\t%s\n", h.Set, plain(h.Host), plain(h.From))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return failed
}
