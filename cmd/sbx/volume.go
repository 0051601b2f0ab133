package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
)

// Volumes are directories that sbx keeps by name, in $XDG_DATA_HOME/sbx/volumes: NAME/data is
// what sandboxes mount, and who uses it has a lock on NAME (flock(2)). They are sbx's own
// directories: no other mount shows them writable, and a volume's name is no path, so that
// none leads to a file of the host's.

// volumesDir is where the caller's volumes are.
func volumesDir() (string, error) {
	base := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(base) {
		home, err := os.UserHomeDir()
		if err != nil || !filepath.IsAbs(home) {
			return "", fmt.Errorf("volumes are kept in the home, and there is none")
		}
		base = filepath.Join(home, ".local/share")
	}
	return filepath.Join(base, "sbx/volumes"), nil
}

// validVolume tells whether a text is the name of a volume: docker's are at least two letters,
// which leaves C:/path to be wrong.
func validVolume(name string) bool { return len(name) > 1 && validName(name) }

// addNamedVolume adds NAME:DST[:ro|rw].
func (f *runFlags) addNamedVolume(s *sandbox.Spec, v string) (named bool, err error) {
	parts := strings.Split(v, ":")
	mode, known := "rw", true
	if len(parts) == 3 {
		mode, known = volumeMode(parts[2])
	}
	if len(parts) < 2 || len(parts) > 3 || !validVolume(parts[0]) || parts[1] == "" || !known {
		return false, nil
	}
	if _, err := os.Lstat(parts[0]); err == nil {
		f.note("-v %s: %s is a volume of sbx's, and not the file of that name here, which is ./%s", v, parts[0], parts[0])
	}
	m, err := f.volumeMount(s, parts[0], parts[1], mode)
	s.OCI.Mounts = append(s.OCI.Mounts, m)
	return true, err
}

// volumeMount mounts a volume, which is made where it is not there. A dry run makes nothing.
func (f *runFlags) volumeMount(s *sandbox.Spec, name, destination, mode string) (m specs.Mount, err error) {
	dir, err := volumesDir()
	if err != nil {
		return m, err
	}
	data := filepath.Join(dir, name, "data")
	if f.DryRun == "" {
		lock, err := useVolume(dir, name)
		if err != nil {
			return m, fmt.Errorf("volume %s: %w", name, err)
		}
		f.volumes = append(f.volumes, lock)
	}
	s.Kept = append(s.Kept, data)
	return bind(data, destination, mode), nil
}

// useVolume makes a volume where it is not there, and locks it with others who use it.
func useVolume(dir, name string) (lock *os.File, err error) {
	for range 100 {
		if lock, err = lockVolume(dir, name, unix.LOCK_SH, true); !errors.Is(err, fs.ErrNotExist) {
			return lock, err
		}
	}
	return nil, err // it is removed again and again
}

// lockVolume opens and locks one, which must be a directory of the caller's at that place.
func lockVolume(dir, name string, how int, create bool) (*os.File, error) {
	path := filepath.Join(dir, name)
	if create {
		if err := os.MkdirAll(filepath.Join(path, "data"), 0o700); err != nil {
			return nil, err
		}
	}
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	lock := os.NewFile(uintptr(fd), path)
	err = unix.Flock(fd, how|unix.LOCK_NB)
	if err == nil {
		var held, there unix.Stat_t
		if err = unix.Fstat(fd, &held); err == nil {
			err = unix.Lstat(path, &there)
		}
		if err == nil && (held.Ino != there.Ino || held.Dev != there.Dev) {
			err = fs.ErrNotExist // it was removed, and perhaps made anew
		}
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return lock, nil
}

// A volumeInfo is what sbx volume inspect prints, in docker's words.
type volumeInfo struct {
	Name       string
	Mountpoint string
	CreatedAt  time.Time
}

// listVolumes gives all volumes, by their names.
func listVolumes() (list []volumeInfo, err error) {
	dir, err := volumesDir()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		if validVolume(e.Name()) {
			if v, err := findVolume(dir, e.Name()); err == nil {
				list = append(list, v)
			}
		}
	}
	return list, err
}

func findVolume(dir, name string) (v volumeInfo, err error) {
	fi, err := os.Lstat(filepath.Join(dir, name))
	switch {
	case !validVolume(name), errors.Is(err, fs.ErrNotExist):
		return v, fmt.Errorf("no such volume")
	case err != nil:
		return v, err
	}
	return volumeInfo{name, filepath.Join(dir, name, "data"), fi.ModTime()}, nil
}

// volumeVerb is sbx volume ls, create, inspect, rm and prune.
func volumeVerb(u ui, args []string) int {
	return subVerb(u, "volume", "List, make and remove directories with a name: sbx run -v NAME:/path mounts one.", []lower{
		{"ls", volumeLs}, {"list", volumeLs}, {"create", volumeCreate}, {"inspect", volumeInspect}, {"rm", volumeRm}, {"remove", volumeRm}, {"prune", volumePrune},
	}, args)
}

func volumeLs(u ui, args []string) int {
	var flags struct {
		Quiet  bool   `short:"q" help:"Print names only."`
		Format string `placeholder:"TEMPLATE|json" help:"Print each by a Go template, or as JSON."`
	}
	if done, code := parseVerb(u, "volume ls", "List volumes.", &flags, args); done {
		return code
	}
	list, err := listVolumes()
	if err != nil {
		return exitOf(u, err, "")
	}
	if flags.Format != "" {
		return exitOf(u, printFormat(u, flags.Format, list), "")
	}
	if !flags.Quiet {
		fmt.Fprintln(u.out, "NAME")
	}
	for _, v := range list {
		fmt.Fprintln(u.out, v.Name)
	}
	return 0
}

// eachVolume does something with each of the volumes that are named, and prints the names of
// those with which it was done.
func eachVolume(u ui, names []string, do func(dir, name string) error) int {
	dir, err := volumesDir()
	if err != nil {
		return exitOf(u, err, "")
	}
	code := 0
	for _, name := range names {
		if err := do(dir, name); err != nil {
			u.fail(fmt.Errorf("volume %s: %w", name, err), sandbox.Hint(err))
			code = exitFailed
			continue
		}
		fmt.Fprintln(u.out, name)
	}
	return code
}

func volumeCreate(u ui, args []string) int {
	var flags struct {
		Name []string `arg:"" name:"NAME" help:"Letters, digits, '_', '.' and '-', two at least."`
	}
	if done, code := parseVerb(u, "volume create", "Make volumes. One that is there stays as it is.", &flags, args); done {
		return code
	}
	return eachVolume(u, flags.Name, func(dir, name string) error {
		if !validVolume(name) {
			return fmt.Errorf("want letters, digits, '_', '.' and '-', from two to 64 of them")
		}
		lock, err := useVolume(dir, name)
		if err == nil {
			lock.Close()
		}
		return err
	})
}

func volumeInspect(u ui, args []string) int {
	var flags struct {
		Format string   `short:"f" placeholder:"TEMPLATE|json" help:"Print each by a Go template."`
		Name   []string `arg:"" name:"NAME" help:"A volume."`
	}
	if done, code := parseVerb(u, "volume inspect", "Print what is known of volumes, as a JSON array.", &flags, args); done {
		return code
	}
	dir, err := volumesDir()
	if err != nil {
		return exitOf(u, err, "")
	}
	list, code := []volumeInfo{}, 0
	for _, name := range flags.Name {
		v, err := findVolume(dir, name)
		if err != nil {
			u.fail(fmt.Errorf("volume %s: %w", name, err), "sbx volume ls lists them")
			code = exitFailed
			continue
		}
		list = append(list, v)
	}
	if flags.Format != "" {
		err = printFormat(u, flags.Format, list)
	} else {
		err = printJSON(u, list)
	}
	if err != nil {
		return exitOf(u, err, "")
	}
	return code
}

func volumeRm(u ui, args []string) int {
	var flags struct {
		Force bool     `short:"f" help:"One that is not there is no error."`
		Name  []string `arg:"" name:"NAME" help:"A volume."`
	}
	if done, code := parseVerb(u, "volume rm", "Remove volumes that no sandbox uses, with all that is in them.", &flags, args); done {
		return code
	}
	return eachVolume(u, flags.Name, func(dir, name string) error {
		if _, err := findVolume(dir, name); err != nil {
			if flags.Force && validVolume(name) {
				return nil
			}
			return hinted{err, "sbx volume ls lists them"}
		}
		return removeVolume(dir, name)
	})
}

func volumePrune(u ui, args []string) int {
	var flags struct {
		All   bool `short:"a" help:"Remove volumes with names, which all are."`
		Force bool `short:"f" help:"Accepted for compatibility."`
	}
	if done, code := parseVerb(u, "volume prune", "Remove all volumes that no sandbox uses, with all that is in them.", &flags, args); done {
		return code
	}
	list, err := listVolumes()
	if err != nil {
		return exitOf(u, err, "")
	}
	if !flags.All {
		if len(list) > 0 {
			u.say("volumes with names stay; sbx volume prune --all removes those that no sandbox uses")
		}
		return 0
	}
	dir, err := volumesDir()
	if err != nil {
		return exitOf(u, err, "")
	}
	used, err := volumesOfEnded()
	if err != nil {
		return exitOf(u, err, "")
	}
	code := 0
	for _, v := range list {
		if used(v.Name) {
			continue
		}
		switch err := removeVolume(dir, v.Name); {
		case errors.Is(err, errVolumeUsed):
		case err != nil:
			u.fail(fmt.Errorf("volume %s: %w", v.Name, err), sandbox.Hint(err))
			code = exitFailed
		default:
			fmt.Fprintln(u.out, v.Name)
		}
	}
	return code
}

// volumesOfEnded tells of a volume whether a sandbox that sbx start could begin again names it.
func volumesOfEnded() (used func(name string) bool, err error) {
	all, err := sandboxes()
	if err != nil {
		return nil, err
	}
	list, _ := all.List() // what cannot be read begins nothing
	var args []string
	for _, r := range list {
		if by, err := all.BegunBy(r); err == nil {
			args = append(args, by.Args...)
		}
	}
	return func(name string) bool {
		return slices.ContainsFunc(args, func(arg string) bool {
			_, value, _ := strings.Cut(arg, "=")
			return strings.HasPrefix(arg, name+":") || strings.HasPrefix(arg, "-v"+name+":") || strings.HasPrefix(value, name+":") ||
				strings.Contains(arg, "src="+name) || strings.Contains(arg, "source="+name)
		})
	}, nil
}

var errVolumeUsed = errors.New("a sandbox uses it")

// removeVolume removes one. It is renamed first: what a crash leaves of it is no volume.
func removeVolume(dir, name string) error {
	lock, err := lockVolume(dir, name, unix.LOCK_EX, false)
	// The supervisor of a sandbox that was removed may still be at it.
	for until := time.Now().Add(parting); errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(until); time.Sleep(2 * time.Millisecond) {
		lock, err = lockVolume(dir, name, unix.LOCK_EX, false)
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return hinted{errVolumeUsed, "end that sandbox: sbx ps"}
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	gone := filepath.Join(dir, "."+name+".removed")
	if err := removeTree(gone); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, name), gone); err != nil {
		return err
	}
	return removeTree(gone)
}

// removeTree removes what sandboxes wrote, also what belongs to the caller's subordinate ids.
func removeTree(path string) error {
	err := os.RemoveAll(path)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	self, e := os.Executable()
	if e == nil {
		var said []byte
		if said, e = exec.Command(self, "unshare", "rm", "-rf", "--", path).CombinedOutput(); e != nil {
			return fmt.Errorf("%w (%s)", err, strings.TrimSpace(string(said)))
		}
	}
	return e
}
