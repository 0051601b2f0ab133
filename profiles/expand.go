package profiles

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// Places are the directories that paths of profiles stand on. All are absolute.
type Places struct {
	Home, Project string
	// CacheHome and the others are those of the XDG base directories.
	CacheHome, ConfigHome, DataHome, StateHome string
	// ProjectID tells this project from another that was, or will be, at its
	// path. Package function ProjectID makes it.
	ProjectID string
}

// NewPlaces takes the directories from the environment. A value that is not
// absolute is none, as the XDG specification says.
func NewPlaces(home, project string, getenv func(string) string) Places {
	dir := func(variable, usual string) string {
		if d := getenv(variable); path.IsAbs(d) {
			return path.Clean(d)
		}
		return path.Join(home, usual)
	}
	return Places{
		Home: path.Clean(home), Project: path.Clean(project),
		CacheHome: dir("XDG_CACHE_HOME", ".cache"), ConfigHome: dir("XDG_CONFIG_HOME", ".config"),
		DataHome: dir("XDG_DATA_HOME", ".local/share"), StateHome: dir("XDG_STATE_HOME", ".local/state"),
	}
}

// UserProfiles is the directory of the user's own profiles.
func (p Places) UserProfiles() string { return path.Join(p.ConfigHome, "sbx/profiles") }

// Own are sbx's own directories. What can write there decides what the next
// sandbox is allowed, so that no sandbox may.
func (p Places) Own() []string {
	return []string{path.Join(p.ConfigHome, "sbx"), p.State(), path.Join(p.CacheHome, "sbx"), path.Join(p.DataHome, "sbx")}
}

// State is the directory of what is trusted and of what was moved aside.
func (p Places) State() string { return path.Join(p.StateHome, "sbx") }

// Homes is the directory of what tools keep of their own: see Profile.Home.
func (p Places) Homes() string { return path.Join(p.DataHome, "sbx/homes") }

// sharedHome is the directory there for all projects.
const sharedHome = "shared"

// LinkedProfiles are the user's own profiles that are links, as those of a dotfiles
// repository are, by their paths.
func (p Places) LinkedProfiles() (paths []string, err error) {
	entries, err := os.ReadDir(p.UserProfiles())
	for _, e := range entries {
		if e.Type()&fs.ModeSymlink != 0 {
			paths = append(paths, path.Join(p.UserProfiles(), e.Name()))
		}
	}
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
		err = nil
	}
	return paths, err
}

// Holds gives the directory of sbx's own that is in a directory, or that it is in.
func (p Places) Holds(dir string) (own string, ok bool) {
	for _, own := range p.Own() {
		if below(own, dir) || below(dir, own) {
			return own, true
		}
	}
	return "", false
}

// below tells whether a path is a directory or in it.
func below(p, dir string) bool {
	return p == dir || dir == "/" || strings.HasPrefix(p, dir+"/")
}

// An Item is a path of a profile.
type Item struct {
	Path string
	// Optional is skipped where it is not there.
	Optional bool
	// Beneath is a path in the project. Who writes in the project can make a
	// link of it: it must be opened from the project's descriptor, through no
	// link, or ./out is ~/.ssh.
	Beneath bool
	From    Line
}

// A Kept is a directory that is kept for this project, and no other, from one run
// to the next.
type Kept struct {
	// Path is where the tool has it, Source where it is on the host.
	Path, Source string
	From         Line
	project      string // its path, or "" if it is for all
	before       string // where an earlier sbx had it
}

// Expanded is a profile's paths and variables for one user and one project.
type Expanded struct {
	Show, Write, Hide, Tmpfs, Expose []Item
	Kept, Layered                    []Kept // of the caches and, among Kept, of the home
	Set                              []Assignment
}

// Expand makes absolute paths of a profile's. It looks nothing up.
func (p Profile) Expand(at Places) (e Expanded, err error) {
	for _, dir := range []string{at.Home, at.Project, at.CacheHome, at.ConfigHome, at.DataHome, at.StateHome} {
		if !path.IsAbs(dir) {
			return e, errors.New("profiles need a home and a project, by their absolute paths")
		}
	}
	for _, list := range []struct {
		from []Value
		to   *[]Item
	}{
		{p.Files.Show, &e.Show}, {p.Files.Write, &e.Write}, {p.Files.Hide, &e.Hide},
		{p.Files.Tmpfs, &e.Tmpfs}, {p.Files.Expose, &e.Expose},
	} {
		for _, v := range list.from {
			place(list.to, at.item(v))
		}
	}
	e.Show = without(e.Show, e.Write)
	for _, list := range []struct {
		from []Value
		to   *[]Kept
	}{{p.Cache.Private, &e.Kept}, {p.Cache.Layered, &e.Layered}} {
		for _, v := range list.from {
			if at.ProjectID == "" {
				return e, fmt.Errorf("%s: what is kept needs the project's identity", v.From)
			}
			dir := at.item(v).Path
			*list.to = append(*list.to, Kept{Path: dir, Source: path.Join(at.CacheHome, "sbx", at.ProjectID, at.keptName(dir)), From: v.From, project: at.Project})
		}
	}
	if len(p.Home.Private) > 0 && at.ProjectID == "" {
		return e, fmt.Errorf("%s: what is kept needs the project's identity", p.Home.Private[0].From)
	}
	e.Kept = append(e.Kept, p.homes(at)...)
	for _, a := range p.Env.Set {
		if base, _, _ := strings.Cut(a.Value, "/"); base != "." && base != "" {
			a.Value = at.base(a.Value)
		}
		e.Set = append(e.Set, a)
	}
	return e, at.protect(&e)
}

// homes are the directories of the home. One that is shared is not the project's as well.
func (p Profile) homes(at Places) (kept []Kept) {
	shared := map[string]bool{}
	for _, v := range p.Home.Shared {
		dir := at.item(v).Path
		shared[dir] = true
		kept = append(kept, Kept{Path: dir, Source: path.Join(at.Homes(), sharedHome, at.keptName(dir)), From: v.From})
	}
	for _, v := range p.Home.Private {
		if dir := at.item(v).Path; !shared[dir] {
			name := at.keptName(dir)
			kept = append(kept, Kept{dir, path.Join(at.Homes(), at.ProjectID, name), v.From, at.Project, path.Join(at.CacheHome, "sbx", at.ProjectID, name)})
		}
	}
	return kept
}

// protect keeps sbx's own directories out of what is given.
func (p Places) protect(e *Expanded) error {
	for _, w := range e.Write {
		if own, ok := p.Holds(w.Path); ok {
			return fmt.Errorf("%s: %s may not be writable, with %s: whoever writes there decides what the next sandbox may do", w.From, quote(w.Path), quote(own))
		}
	}
	for _, list := range [][]Item{e.Show, e.Expose} {
		for _, s := range list {
			for _, own := range p.Own() {
				if below(own, s.Path) {
					place(&e.Hide, Item{Path: own, Optional: true, From: s.From})
				}
			}
		}
	}
	for _, k := range e.Layered {
		if own, ok := p.Holds(k.Path); ok {
			return fmt.Errorf("%s: %s may not be layered, with %s: it holds what sandboxes may do", k.From, quote(k.Path), quote(own))
		}
	}
	return nil
}

// item is the path of one value.
func (p Places) item(v Value) Item {
	text, optional := strings.CutSuffix(v.Text, "?")
	return Item{Path: path.Clean(p.base(text)), Optional: optional, Beneath: strings.HasPrefix(text, "./"), From: v.From}
}

// base puts a directory in the place of the word that a path begins with.
func (p Places) base(text string) string {
	word, rest, slash := strings.Cut(text, "/")
	switch word {
	case "~":
		word = p.Home
	case ".":
		word = p.Project
	case "${XDG_CACHE_HOME}":
		word = p.CacheHome
	case "${XDG_CONFIG_HOME}":
		word = p.ConfigHome
	case "${XDG_DATA_HOME}":
		word = p.DataHome
	}
	if slash {
		word += "/" + rest
	}
	return word
}

// keptName is the one name that stands for a path. Two paths never have the same.
func (p Places) keptName(dir string) string {
	if below(dir, p.Home) {
		dir = strings.TrimPrefix(dir[len(p.Home):], "/")
	}
	name := strings.ReplaceAll(strings.ReplaceAll(dir, "%", "%25"), "/", "%2F")
	const most = 200 // of the 255 bytes of a name
	if len(name) > most {
		name = name[:most] + "%" + digest([]byte(dir))[:32]
	}
	return name
}

// place adds an item. The same path again must be there if either says so.
func place(list *[]Item, i Item) {
	for j := range *list {
		if have := &(*list)[j]; have.Path == i.Path && have.Beneath == i.Beneath {
			have.Optional = have.Optional && i.Optional
			return
		}
	}
	*list = append(*list, i)
}

// without leaves out what is in the other list too.
func without(list, other []Item) (left []Item) {
	for _, i := range list {
		twice := false
		for _, o := range other {
			twice = twice || i.Path == o.Path
		}
		if !twice {
			left = append(left, i)
		}
	}
	return left
}
