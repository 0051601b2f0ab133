package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/workspace"
)

// A location is the project, which a command may write, and where in it the caller is.
type location struct {
	dir, here string
	top       workspace.Top // that dir is, or one without a path
}

// findProject gives the current directory's project: the top of the repository or workspace
// that it is in, or itself. It is what every verb goes by.
func findProject() (p location, err error) {
	if p.here, err = sandbox.WorkingDirectory(); err != nil {
		return p, err
	}
	p.dir = p.here
	if p.top = workspace.Find(p.here, noTops()...); p.top.Path != "" {
		// The password file is read only where there is something to be compared.
		homes := sandbox.Homes()
		p.top = workspace.Find(p.here, append(noTops(), homes...)...)
		for dir := p.here; p.top.Path != "" && dir != path.Dir(p.top.Path); dir = path.Dir(dir) {
			if isHome(dir, homes) {
				p.top = workspace.Top{}
			}
		}
	}
	if p.top.Path != "" {
		p.dir = p.top.Path
	}
	return p, nil
}

// isHome tells whether a directory is a home by another path, as a bind mount has it.
func isHome(dir string, homes []string) bool {
	here, err := os.Stat(dir)
	return err == nil && slices.ContainsFunc(homes, func(home string) bool {
		there, err := os.Stat(home)
		return err == nil && os.SameFile(here, there)
	})
}

// noTops are directories that are no project's top, and neither is what they are in: the
// home, where the tools of the home keep what is theirs, and what the host shares.
func noTops() []string {
	dirs := []string{"/home", "/root", "/tmp", "/var/tmp"}
	home := os.Getenv("HOME")
	if filepath.IsAbs(home) {
		home = filepath.Clean(home)
		if real, _, err := sandbox.Follow(home); err == nil {
			home = real
		}
		dirs = append(dirs, home, home+"/.config", home+"/.local/share", home+"/.local/state", home+"/.cache")
	}
	for _, name := range [...]string{"XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"} {
		if dir := os.Getenv(name); filepath.IsAbs(dir) {
			dirs = append(dirs, filepath.Clean(dir))
		}
	}
	return dirs
}

// namedProject is the project of --project DIR, which the current directory is in.
func namedProject(dir string) (p location, err error) {
	if dir == "" {
		return findProject()
	}
	if p.here, err = sandbox.WorkingDirectory(); err != nil {
		return p, err
	}
	named, err := absolute(dir)
	if err != nil {
		return p, err
	}
	var links []string
	if p.dir, links, err = sandbox.Follow(named); err != nil {
		return p, fmt.Errorf("--project %s: no such directory, or not readable", named)
	}
	if link := (sandbox.Spec{Project: p.here}).Changeable(links); link != "" {
		return p, changeableError("--project", named, link, p.dir)
	}
	if p.here != p.dir && p.dir != "/" && !strings.HasPrefix(p.here, p.dir+"/") {
		return p, hinted{fmt.Errorf("--project %s: the current directory is not in it", named), "change to a directory in it; --rw shows another one"}
	}
	return p, nil
}

// addProject makes the project writable, and the current directory the command's.
func addProject(f *runFlags, s *sandbox.Spec) error {
	if f.NoProject {
		if f.Project != "" {
			return fmt.Errorf("--project and --no-project: choose one")
		}
		return nil
	}
	if f.Project != "" || f.place.here == "" {
		var err error
		if f.place, err = namedProject(string(f.Project)); err != nil {
			return err
		}
	}
	s.Project = f.place.dir
	if f.place.dir == f.place.here {
		return nil
	}
	s.OCI.Process.Cwd = f.place.here
	if top := f.place.top; top.Repository {
		f.note("project %s, the top of the repository; --project . is the current directory only", top.Path)
	} else if top.Path != "" {
		f.note("project %s, the top of the workspace (%s); --project . is the current directory only", top.Path, top.By)
	}
	return nil
}

// readProjectFile reads the project's file in a directory, through no link.
func readProjectFile(dir string) ([]byte, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, dir, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_SYMLINKS})
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir, Err: err}
	}
	defer unix.Close(fd)
	return profiles.ReadProject(fd)
}
