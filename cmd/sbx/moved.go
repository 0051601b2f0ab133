package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// movedVerb is sbx moved: what runs moved aside because it runs later on the host. Names and
// contents are the command's.
func movedVerb(u ui, args []string) int {
	return subVerb(u, "moved", "List, print and restore files that were moved aside because they run later.",
		[]lower{{"ls", movedLs}, {"show", movedShow}, {"restore", movedRestore}}, args)
}

func movedLs(u ui, args []string) int {
	var flags struct {
		All  bool `short:"a" help:"List those of all projects."`
		Json bool `help:"Print a JSON array."`
	}
	if done, code := parseVerb(u, "moved ls", "List what was moved aside in this project: when, from where, and why.", &flags, args); done {
		return code
	}
	all, err := movedHere(flags.All)
	if flags.Json {
		list := []movedView{}
		for _, m := range all {
			list = append(list, movedView{m.ID, m.When, m.Root, m.Path, path.Join(m.Dir, m.As), m.What, m.Why})
		}
		return exitOf(u, errors.Join(printJSON(u, list), err), "")
	}
	w := tabwriter.NewWriter(u.out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "ID\tWHEN\tFROM\tWHY")
	for _, m := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", m.ID, m.When.Local().Format("2006-01-02 15:04"), plain(movedFrom(m)), plain(m.Why))
	}
	return exitOf(u, errors.Join(w.Flush(), err), "")
}

type movedView struct {
	ID   string    `json:"id"`
	When time.Time `json:"when"`
	Root string    `json:"root,omitempty"`
	Path string    `json:"path,omitempty"`
	Now  string    `json:"now"`
	What string    `json:"what,omitempty"`
	Why  string    `json:"why,omitempty"`
}

func movedFrom(m runlater.Moved) string {
	if m.Root == "" {
		return "? (by an earlier sbx; see " + m.Dir + ")"
	}
	return path.Join(m.Root, m.Path)
}

// movedHere is what was moved aside in the project of this directory, or anywhere.
func movedHere(all bool) (some []runlater.Moved, err error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	list, err := runlater.ListMoved(profiles.NewPlaces(home, "/", os.Getenv).State())
	if all || len(list) == 0 {
		return list, err
	}
	here, e := sandbox.WorkingDirectory()
	if e != nil {
		return nil, e
	}
	for _, m := range list {
		if m.Root != "" && (strings.HasPrefix(here+"/", m.Root+"/") || strings.HasPrefix(movedFrom(m), here+"/")) {
			some = append(some, m)
		}
	}
	return some, err
}

// findMoved finds one by its id, in any project.
func findMoved(id string) (m runlater.Moved, err error) {
	all, err := movedHere(true)
	for _, m := range all {
		if m.ID == id {
			return m, nil
		}
	}
	if err == nil {
		err = &mendedError{fmt.Errorf("%s: nothing was moved aside with this id", id), "sbx moved ls -a lists all"}
	}
	return m, err
}

// mostContent is how much of a file sbx moved show prints.
const mostContent = 1 << 20

func movedShow(u ui, args []string) int {
	var flags struct {
		Raw bool   `help:"Print the file as it is, and nothing else."`
		ID  string `arg:"" name:"ID" help:"An id of sbx moved ls."`
	}
	if done, code := parseVerb(u, "moved show", "Print something that was moved aside.", &flags, args); done {
		return code
	}
	m, err := findMoved(flags.ID)
	if err == nil && m.Root == "" {
		err = &mendedError{fmt.Errorf("%s: where it was is not known", m.ID), "look into " + m.Dir}
	}
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	kind, text, names, err := m.Content(mostContent)
	if err == nil && flags.Raw {
		if kind != "file" {
			err = fmt.Errorf("%s is a %s", m.ID, kind)
		} else {
			_, err = u.out.Write(text)
		}
		return exitOf(u, err, "")
	}
	if err != nil {
		return exitOf(u, fmt.Errorf("%s: %w", m.ID, err), "it is "+plain(path.Join(m.Dir, m.As)))
	}
	fmt.Fprintf(u.out, "from: %s\nwhen: %s\nwhy:  %s, %s\nnow:  %s\nkind: %s\n\n",
		plain(movedFrom(m)), m.When.Local().Format(time.DateTime), plain(m.What), plain(m.Why), plain(path.Join(m.Dir, m.As)), kind)
	for line := range strings.Lines(string(text)) {
		fmt.Fprintln(u.out, plain(strings.TrimSuffix(line, "\n")))
	}
	for _, name := range names {
		fmt.Fprintln(u.out, plain(name))
	}
	return 0
}

func movedRestore(u ui, args []string) int {
	var flags struct {
		ID []string `arg:"" name:"ID" help:"An id of sbx moved ls."`
	}
	if done, code := parseVerb(u, "moved restore", "Put files back where they were. Nothing is overwritten.", &flags, args); done {
		return code
	}
	code := 0
	for _, id := range flags.ID {
		if err := restoreMoved(u, id); err != nil {
			u.fail(err, sandbox.Hint(err))
			code = exitFailed
		}
	}
	return code
}

func restoreMoved(u ui, id string) error {
	m, err := findMoved(id)
	if err != nil {
		return err
	}
	disarmed, err := m.Restore()
	switch {
	case errors.Is(err, unix.EEXIST):
		return &mendedError{fmt.Errorf("%s exists, and is not overwritten", movedFrom(m)), "move it away, or compare it with sbx moved show --raw " + id}
	case err != nil:
		return &mendedError{fmt.Errorf("%s: %w", id, err), "it is " + path.Join(m.Dir, m.As)}
	}
	fmt.Fprintln(u.out, plain(fmt.Sprintf("restored %s (%s)", movedFrom(m), m.Why)))
	for _, name := range disarmed {
		u.say("%s/%s runs later without its .moved, which it keeps", movedFrom(m), name)
	}
	return nil
}
