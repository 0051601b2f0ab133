package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/sbxrun/sbx/profiles"
)

// profileVerb is sbx profile ls|show|check|init.
func profileVerb(u ui, args []string) int {
	return subVerb(u, "profile", "List, print and check profiles: what a tool may see.",
		[]lower{{"ls", profileLs}, {"show", profileShow}, {"check", profileCheck}, {"init", profileInit}}, args)
}

func profileLs(u ui, args []string) int {
	if done, code := parseVerb(u, "profile ls", "List the built-in profiles and yours.", &struct{}{}, args); done {
		return code
	}
	return exitOf(u, withUser(func(user *profiles.User, _ profiles.Places) error { return listProfiles(u, user) }), "")
}

func profileShow(u ui, args []string) int {
	var flags struct {
		Name text `arg:"" name:"PROFILE" help:"Its name, or several with commas."`
	}
	if done, code := parseVerb(u, "profile show", "Print a profile, each line with where it is from.", &flags, args); done {
		return code
	}
	name := string(flags.Name)
	return exitOf(u, withUser(func(user *profiles.User, _ profiles.Places) error {
		p, err := user.Resolve([]string{name})
		if err == nil {
			p.Name = name
			_, err = fmt.Fprint(u.out, profiles.Describe(p))
		}
		return err
	}), "sbx profile ls")
}

func profileCheck(u ui, args []string) int {
	var flags struct {
		All  bool `short:"a" help:"Print what built-in profiles give too, and mark what is new."`
		File text `arg:"" name:"FILE" help:"A profile, or a project's .sbx.toml."`
	}
	if done, code := parseVerb(u, "profile check", "Print what a profile widens, or all its errors.", &flags, args); done {
		return code
	}
	return exitOf(u, checkProfile(u, string(flags.File), flags.All), "")
}

func profileInit(u ui, args []string) int {
	if done, code := parseVerb(u, "profile init", "Print a template of a profile.", &struct{}{}, args); done {
		return code
	}
	_, err := u.out.Write(profiles.Template())
	return exitOf(u, err, "")
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
func checkProfile(u ui, path string, all bool) error {
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
		return printWidened(u, profiles.Widenings(p), all)
	})
}

// printWidened prints what is new with a profile, and with all also what the built-in ones
// that it extends give.
func printWidened(u ui, widened []profiles.Widening, all bool) error {
	known := 0
	for _, w := range widened {
		mark := ""
		switch {
		case w.From.BuiltIn() && !all:
			known++
			continue
		case all && w.From.BuiltIn():
			mark = "  "
		case all:
			mark = "+ "
		}
		if _, err := fmt.Fprintln(u.out, mark+plain(w.Text)); err != nil {
			return err
		}
	}
	if known > 0 {
		u.say("%d more are from built-in profiles; --all prints them, and marks what is new", known)
	}
	return nil
}

// untrustVerb is sbx untrust.
func untrustVerb(u ui, args []string) int {
	var flags struct {
		Project text `placeholder:"DIR" help:"Take it back from DIR (default: this directory's project)."`
	}
	if done, code := parseVerb(u, "untrust", "Take back what sbx trust allowed to .sbx.toml of the project.", &flags, args); done {
		return code
	}
	return exitOf(u, withProjectUser(string(flags.Project), func(_ *profiles.User, at profiles.Places) error {
		_, err := at.Store().Untrust(at.Project)
		return err
	}), "")
}
