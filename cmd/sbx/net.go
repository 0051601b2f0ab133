package main

import (
	"fmt"
	"slices"
	"strings"
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
		if err := printJSON(u, newMarked(found)); err != nil {
			return err
		}
		return failed
	}
	w := tabwriter.NewWriter(u.out, 0, 8, 2, ' ', 0)
	for _, h := range found {
		mark := ""
		if isNew(h) {
			mark = " (new)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s%s\n", h.Set, plain(h.Host), plain(h.From), mark)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return failed
}

// markedHost is a host as JSON has it.
type markedHost struct {
	hosts.Host
	New bool `json:"new"`
}

func newMarked(found []hosts.Host) []markedHost {
	marked := []markedHost{}
	for _, h := range found {
		marked = append(marked, markedHost{h, isNew(h)})
	}
	return marked
}

// usualHosts are those of the tools where nothing is configured.
var usualHosts = [...]string{
	"registry.npmjs.org", "registry.yarnpkg.com", "proxy.golang.org", "sum.golang.org", "pypi.org", "files.pythonhosted.org",
	"crates.io", "index.crates.io", "static.crates.io", "github.com", "repo.maven.apache.org", "repo1.maven.org", "rubygems.org", "index.rubygems.org",
	"deb.debian.org", "security.debian.org",
}

// isNew tells whether a host is of a configuration, and not one that the tool has by itself.
func isNew(h hosts.Host) bool {
	return !strings.HasPrefix(h.From, "sbx: ") && !slices.Contains(usualHosts[:], h.Host)
}
