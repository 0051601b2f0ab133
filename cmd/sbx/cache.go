package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox/amount"
	"github.com/sbxrun/sbx/sandbox/layer"
)

// cacheVerb is sbx cache ls|rm.
func cacheVerb(u ui, args []string) int {
	return subVerb(u, "cache", "List and remove what profiles keep for projects.", []lower{{"ls", cacheLs}, {"rm", cacheRm}}, args)
}

func cacheLs(u ui, args []string) int {
	var flags struct {
		Homes bool `help:"List the homes of agents instead."`
		JSON  bool `name:"json" help:"Print JSON."`
	}
	if done, code := parseVerb(u, "cache ls", "List what profiles keep for projects.", &flags, args); done {
		return code
	}
	all, err := keptCaches(flags.Homes)
	if err != nil {
		return exitOf(u, err, "")
	}
	if flags.JSON {
		return exitOf(u, printJSON(u, append([]profiles.Caches{}, all...)), "")
	}
	w := tabwriter.NewWriter(u.out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "ID\tSIZE\tPROJECT\tCACHES")
	for _, c := range all {
		project := plain(c.Project)
		switch {
		case c.Shared():
			project = "all projects"
		case project == "":
			project = "-"
		case c.Gone:
			project += " (gone)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.Short(), amount.Bytes(c.Size()), project, plain(strings.Join(c.Names, " ")))
	}
	return exitOf(u, w.Flush(), "")
}

func cacheRm(u ui, args []string) int {
	var flags struct {
		Homes   bool     `help:"Remove the homes of agents instead, with their logins."`
		All     bool     `short:"a" help:"Remove the caches of all projects."`
		Gone    bool     `help:"Remove the caches of projects that are gone."`
		Project []string `arg:"" optional:"" name:"PROJECT" help:"A project's path, or an id of sbx cache ls (default: this directory's)."`
	}
	if done, code := parseVerb(u, "cache rm", "Remove what profiles keep for projects.", &flags, args); done {
		return code
	}
	all, err := keptCaches(flags.Homes)
	if err != nil {
		return exitOf(u, err, "")
	}
	chosen := all
	switch {
	case (flags.All || flags.Gone) && len(flags.Project) > 0, flags.All && flags.Gone:
		return exitOf(u, errors.New("--all, --gone and PROJECT exclude each other"), "")
	case flags.Gone:
		chosen = slices.DeleteFunc(all, func(c profiles.Caches) bool { return !c.Gone })
	case !flags.All:
		if chosen, err = chooseCaches(all, flags.Project); err != nil {
			return exitOf(u, err, "sbx cache ls lists them")
		}
	}
	code := 0
	for _, c := range chosen {
		if err := removeCaches(c); err != nil {
			u.fail(fmt.Errorf("%s: %w", c.Short(), err), cacheHint(c, err))
			code = exitFailed
			continue
		}
		fmt.Fprintln(u.out, c.Short())
	}
	return code
}

// chooseCaches finds those of projects by path or id, or that of the current directory.
func chooseCaches(all []profiles.Caches, names []string) (chosen []profiles.Caches, err error) {
	if len(names) == 0 {
		project, err := findProject()
		if err != nil {
			return nil, err
		}
		names = []string{project.dir}
	}
	for _, name := range names {
		id, _ := profiles.ProjectID(name)
		found := slices.DeleteFunc(slices.Clone(all), func(c profiles.Caches) bool {
			return c.ID != id && c.Project != name && (len(name) < 4 || !strings.HasPrefix(c.ID, name))
		})
		if len(found) == 0 {
			return nil, fmt.Errorf("%s: nothing is kept for it", name)
		}
		chosen = append(chosen, found...)
	}
	return chosen, nil
}

func keptCaches(homes bool) ([]profiles.Caches, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	at := profiles.NewPlaces(home, "/", os.Getenv)
	if homes {
		return at.KeptHomes()
	}
	return at.Kept()
}

// removeCaches removes what is kept for a project. A layered cache that a sandbox uses is an
// error, and nothing is removed.
func removeCaches(c profiles.Caches) error {
	entries, err := os.ReadDir(c.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		kept, err := layer.Keep(path.Join(c.Dir, e.Name()))
		if err != nil {
			return err
		}
		defer kept.Release()
	}
	gone := c.Dir + ".removed" // no later command comes to what is half removed
	if err := os.Rename(c.Dir, gone); err != nil {
		return err
	}
	return removeClosed(gone)
}

// removeClosed removes a tree in which directories may be closed to their owner, as those of Go's
// modules are to writing. A sandbox may still be at work in it, so no link is followed out of it.
func removeClosed(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return root.Chmod(p, 0o700)
		}
		return nil // RemoveAll says it better
	})
	if e := os.RemoveAll(dir); e != nil {
		return e
	}
	return err
}

func cacheHint(c profiles.Caches, err error) string {
	switch {
	case errors.Is(err, layer.ErrBusy):
		return "sbx ps lists the sandboxes that run"
	case errors.Is(err, fs.ErrPermission):
		return "sbx unshare rm -rf " + c.Dir + "* removes files of other ids"
	}
	return ""
}
