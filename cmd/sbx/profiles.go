package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/sbxrun/sbx/profiles"
)

// profileVerb is sbx profile ls|show|check|init.
func profileVerb(u ui, args []string) int {
	err := fmt.Errorf("want ls, show NAME, check FILE or init")
	switch {
	case len(args) == 1 && args[0] == "ls":
		err = withUser(func(user *profiles.User, _ profiles.Places) error { return listProfiles(u, user) })
	case len(args) == 2 && args[0] == "show":
		err = withUser(func(user *profiles.User, _ profiles.Places) error {
			p, err := user.Resolve(args[1:])
			if err == nil {
				p.Name = args[1]
				fmt.Fprint(u.out, profiles.Describe(p))
			}
			return err
		})
	case len(args) == 2 && args[0] == "check":
		err = checkProfile(u, args[1])
	case len(args) == 1 && args[0] == "init":
		_, err = u.out.Write(profiles.Template())
	}
	return exitOf(u, err, "sbx profile ls; sbx profile show NAME; sbx profile check FILE; sbx profile init")
}

func exitOf(u ui, err error, hint string) int {
	if errors.Is(err, errSaid) {
		return exitFailed
	}
	if err != nil {
		u.fail(err, hint)
		return exitFailed
	}
	return 0
}

// withUser opens the user's profiles.
func withUser(do func(*profiles.User, profiles.Places) error) error { return withProjectUser("", do) }

// withProjectUser is withUser for the project of --project DIR.
func withProjectUser(dir string, do func(*profiles.User, profiles.Places) error) error {
	p, err := namedProject(dir)
	if err != nil {
		return err
	}
	at, err := placesOf(p.dir)
	if err != nil {
		return err
	}
	user, err := profiles.OpenUser(at.UserProfiles())
	if err != nil {
		return err
	}
	defer user.Close()
	return do(user, at)
}

func listProfiles(u ui, user *profiles.User) error {
	rows, err := user.List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(u.out, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		whose := ""
		if r.Own {
			whose = " (yours)"
		}
		if r.Err != nil {
			fmt.Fprintf(w, "%s\t%s\n", r.Name, plain("error: "+r.Err.Error()))
			continue
		}
		fmt.Fprintf(w, "%s\t%s%s\n", r.Name, plain(r.Description), whose)
	}
	return w.Flush()
}

// checkProfile parses a file, with what it extends.
func checkProfile(u ui, path string) error {
	text, err := readBounded(path, maxProfile)
	if err != nil {
		return err
	}
	return withUser(func(user *profiles.User, _ profiles.Places) error {
		p, err := profiles.Parse(path, text)
		if err == nil {
			p, err = user.Extended(p)
		}
		if err != nil {
			return err
		}
		for _, line := range profiles.Widens(p) {
			fmt.Fprintln(u.out, plain(line))
		}
		return nil
	})
}

// untrustVerb is sbx untrust.
func untrustVerb(u ui, args []string) int {
	dir, _ := cutProject(args)
	return exitOf(u, withProjectUser(dir, func(_ *profiles.User, at profiles.Places) error {
		_, err := at.Store().Untrust(at.Project)
		return err
	}), "")
}
