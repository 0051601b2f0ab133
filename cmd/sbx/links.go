package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
)

// A linked path is one of the caller's that goes through symbolic links.
type linked struct {
	flag, path, real string
	links            []string
}

// absolute is a path from the current directory's real one: $PWD may go through links.
func absolute(p string) (string, error) {
	if filepath.IsAbs(p) {
		return filepath.Clean(p), nil
	}
	dir, err := sandbox.WorkingDirectory()
	return filepath.Join(dir, p), err
}

// realPlace is the path of --ro, --rw and the source of -v without symbolic links: what is
// shown is judged and taken as what it is. Nothing there is the error ENOENT.
func (f *runFlags) realPlace(flag, p string) (string, error) {
	p, err := absolute(p)
	if err != nil {
		return p, err
	}
	real, links, err := sandbox.Follow(p)
	if len(links) > 0 && !errors.Is(err, unix.EACCES) {
		f.linked = append(f.linked, linked{flag, p, real, links})
	}
	return real, err
}

// exposedPlace is the path of --unsafe-expose. A link of the project stays one, by its own
// name: what it leads to is not what was named.
func exposedPlace(p string, s *sandbox.Spec) (real, named string, err error) {
	named, err = absolute(p)
	if err != nil || named == "/" {
		return named, named, err
	}
	dir, links, err := sandbox.Follow(filepath.Dir(named))
	if err != nil {
		return "", "", fmt.Errorf("%s: no such file or directory, or not readable", named)
	}
	path := filepath.Join(dir, filepath.Base(named))
	if link := s.Changeable(links); link != "" {
		return "", "", changeableError("--unsafe-expose", named, link, path)
	}
	real, links, err = sandbox.Follow(path)
	if err != nil || s.Changeable(links) != "" {
		return path, path, nil
	}
	return real, named, nil
}

// hiddenPlace is the path of --hide, in a directory that is named without links: the place
// of a link of the caller's may be a private directory inside. Where a link is the
// command's, the path is hidden as it is, and where it leads as well.
func hiddenPlace(p string, s *sandbox.Spec) (string, error) {
	path, err := absolute(p)
	if err != nil || path == "/" || s.View != sandbox.HostView {
		return path, err
	}
	dir, links, err := sandbox.Follow(filepath.Dir(path))
	if err != nil || s.Changeable(links) != "" {
		return path, nil
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// changeableError says that a flag's path goes through a link of the command's.
func changeableError(flag, path, link, real string) error {
	return hinted{fmt.Errorf("%s %s: %s is a symbolic link that the command can change", flag, path, link),
		fmt.Sprintf("name what it leads to: %s %s", flag, real)}
}

// addLinks has the paths through links known by their names inside. A link that is where the
// command may write is the command's: an earlier run can have made it, or this one can make
// another of it before it is followed.
func addLinks(f *runFlags, s *sandbox.Spec) error {
	for _, l := range f.linked {
		if link := s.Changeable(l.links); link != "" {
			return changeableError(l.flag, l.path, link, l.real)
		}
		s.Named = append(s.Named, l.path)
	}
	if f.logical = f.logicalDirectory(s); f.logical != "" {
		s.Named = append(s.Named, f.logical)
	}
	return nil
}

// logicalDirectory is --workdir, or $PWD where that is the current directory, if it is a
// path through links, none of which the command can change.
func (f *runFlags) logicalDirectory(s *sandbox.Spec) string {
	dir := string(f.Workdir)
	if dir == "" {
		dir = os.Getenv("PWD")
	}
	if s.Project == "" || s.View != sandbox.HostView || !filepath.IsAbs(dir) || dir != filepath.Clean(dir) {
		return ""
	}
	here, err := sandbox.WorkingDirectory()
	if err != nil || dir == here {
		return ""
	}
	real, links, err := sandbox.Follow(dir)
	if err != nil || len(links) == 0 || f.Workdir == "" && real != here || s.Changeable(links) != "" {
		return ""
	}
	return dir
}

// placesOf are the directories of profiles for a project. The home is its real path, since
// what is shown in it is shown there.
func placesOf(project string) (at profiles.Places, err error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return at, err
	}
	if !filepath.IsAbs(home) {
		return at, fmt.Errorf("home %s: want an absolute path", home)
	}
	home = filepath.Clean(home)
	real, _, err := sandbox.Follow(home)
	if err != nil {
		real = home
	}
	return profiles.NewPlaces(real, project, func(name string) string {
		dir := os.Getenv(name)
		if rest, ok := strings.CutPrefix(dir, home+"/"); ok {
			return real + "/" + rest
		}
		return dir
	}), nil
}
