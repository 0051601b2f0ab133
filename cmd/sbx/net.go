package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/sbxrun/sbx/profiles/hosts"
	"github.com/sbxrun/sbx/sandbox"
)

// netVerb is sbx net hosts.
func netVerb(u ui, args []string) int {
	return subVerb(u, "net", "Print what sets of hosts stand for.", []lower{{"hosts", netHosts}}, args)
}

func netHosts(u ui, args []string) int {
	var flags struct {
		Json bool     `help:"Print a JSON array."`
		Sets []string `arg:"" optional:"" name:"@SET" help:"A set, as @npm (default: all)."`
	}
	if done, code := parseVerb(u, "net hosts", "Print the hosts that sets stand for, and where each is from.", &flags, args); done {
		return code
	}
	err := printHosts(u, flags.Sets, flags.Json)
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
