package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/profiles/hosts"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// addHosts adds the hosts of the profile to what --net allow allows, and has sets of
// hosts be what they stand for now. Only the sets that are named are asked for.
func addHosts(f *runFlags, s *sandbox.Spec) error {
	e := s.Egress
	if e == nil {
		return nil
	}
	named := hostSets(e.Allow, e.Deny, e.Private)
	var ofProfile []string
	if f.Net == "allow" {
		for _, v := range f.profile.Network.Hosts {
			ofProfile = append(ofProfile, v.Text)
		}
	}
	wanted := hostSets(named, ofProfile)
	if wanted == nil {
		e.Allow = append(e.Allow, ofProfile...)
		return nil
	}
	asker, err := newAsker(s.WritableOutside()...)
	if err != nil {
		return err
	}
	asker.Command = f.program()
	found := map[string][]string{}
	for _, a := range asker.Ask(wanted) {
		// A profile names what its tools would use. One that is not there uses nothing.
		if errors.Is(a.Err, hosts.ErrNotInstalled) && !slices.Contains(named, a.Set) {
			f.note("%v, and the profile's %s is left out", a.Err, a.Set)
			continue
		}
		if a.Err != nil {
			return fmt.Errorf("%s %w", whose(f, a.Set), a.Err)
		}
		f.hosts = append(f.hosts, a.Hosts...)
		for _, h := range a.Hosts {
			found[a.Set] = append(found[a.Set], h.Host)
			f.detail("%s: %s, by %s", a.Set, h.Host, h.From)
		}
		for _, n := range a.Notes {
			f.detail("%s: %s", a.Set, n)
		}
	}
	e.Allow = append(e.Allow, ofProfile...)
	for _, list := range []*[]string{&e.Allow, &e.Deny, &e.Private} {
		*list = expand(*list, found)
	}
	return nil
}

// whose names the flag that a set is given by.
func whose(f *runFlags, set string) string {
	switch name := text(set); {
	case slices.Contains(f.Allow, name):
		return "--allow"
	case slices.Contains(f.Deny, name):
		return "--deny"
	case slices.Contains(f.AllowPrivate, name):
		return "--allow-private"
	}
	return "the profile's"
}

// detail is a note for who wants to know all.
func (f *runFlags) detail(format string, args ...any) {
	if f.Verbose || f.DryRun != "" {
		f.note(format, args...)
	}
}

// hostSets are the sets among some hosts, each once.
func hostSets(lists ...[]string) (sets []string) {
	for _, list := range lists {
		for _, host := range list {
			if strings.HasPrefix(host, "@") && !slices.Contains(sets, host) {
				sets = append(sets, host)
			}
		}
	}
	return sets
}

func expand(list []string, found map[string][]string) (out []string) {
	for _, host := range list {
		if strings.HasPrefix(host, "@") {
			out = append(out, found[host]...)
		} else {
			out = append(out, host)
		}
	}
	return out
}

// newAsker asks tools, and nothing of the current directory's or of what is writable.
func newAsker(writable ...string) (*hosts.Asker, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	project, err := sandbox.WorkingDirectory()
	if err != nil {
		return nil, err
	}
	a, err := hosts.New(project, home, os.Environ(), func(rule string) error {
		_, err := egress.ParseRule(rule)
		return err
	}, writable...)
	if err != nil {
		return nil, err
	}
	// Every sandbox has the state directory hidden (addOwn).
	if dir := profiles.NewPlaces(home, project, os.Getenv).State(); path.IsAbs(dir) && !a.Leads(dir) {
		a.Memory = hosts.Memory(dir + "/hosts")
	}
	return a, nil
}
