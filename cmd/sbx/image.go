package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

// imageVerb is sbx image, which another program is: see cmd/sbx-image.
func imageVerb(u ui, args []string) int {
	path, err := imageProgram()
	if err == nil && u.asked != nil {
		*u.asked, err = imageUsage(path, args)
		return exitOf(u, err, "")
	}
	if err == nil {
		err = unix.Exec(path, append([]string{path}, args...), os.Environ())
	}
	u.fail(err, sandbox.Hint(err))
	return exitFailed
}

// imageUsage is what sbx-image takes.
func imageUsage(path string, words []string) (c usage.Command, err error) {
	out, err := exec.Command(path, "describe").Output()
	if err == nil {
		err = json.Unmarshal(out, &c)
	}
	if err != nil {
		return c, fmt.Errorf("%s describe: %w", path, err)
	}
	c, _ = c.Find(words)
	return c, nil
}

func pullVerb(u ui, args []string) int   { return imageVerb(u, append([]string{"pull"}, args...)) }
func imagesVerb(u ui, args []string) int { return imageVerb(u, append([]string{"ls"}, args...)) }

// imageProgram finds sbx-image: beside sbx, or where make install puts it.
func imageProgram() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", err
	}
	dir := filepath.Dir(self)
	for _, path := range []string{filepath.Join(dir, "sbx-image"), filepath.Join(dir, "../libexec/sbx/sbx-image")} {
		if unix.Access(path, unix.X_OK) == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("sbx-image is not installed beside %s; make install puts it there", self)
}

// images is the caller's store.
func images() store.Store {
	home, _ := os.UserHomeDir() // without one there are no images
	return store.At(store.Dir(home, os.Getenv))
}

// imageName is the name that an image has in the store. A file has that of its whole
// path: the same words mean another file elsewhere.
func imageName(typed string) (name string, isFile bool, err error) {
	kind, path, ok := strings.Cut(typed, ":")
	if !ok || kind != "oci" && kind != "oci-archive" && kind != "docker-archive" {
		return typed, false, nil
	}
	path, err = filepath.Abs(path)
	return kind + ":" + path, true, err
}

// resolveImage finds the image of --image, and has it brought where it is not there.
func (f *runFlags) resolveImage() (err error) {
	s := images()
	if err := s.Check(); err != nil {
		return err
	}
	if f.Image == "" {
		k, err := s.LookupKept(f.Keep)
		if err != nil {
			return fmt.Errorf("--keep %s: %w; say its --image", f.Keep, err)
		}
		f.Image = text(k.Manifest)
	}
	name, isFile, err := imageName(string(f.Image))
	if err != nil {
		return err
	}
	i, err := s.Lookup(name)
	switch {
	case err != nil && !errors.Is(err, store.ErrNotFound):
		return err
	case f.Pull == "never" && err != nil:
		return fmt.Errorf("image %s is not here, and --pull never forbids to bring it", name)
	case f.Pull == "always" || f.Pull == "newer" || f.Pull == "" && isFile || err != nil:
		missing := err != nil
		err := f.pullImage(name, isFile)
		if err != nil && (missing || f.Pull != "newer") {
			return err
		}
		if err != nil {
			f.note("the image that is here is run in: %v", err)
		}
		if i, err = s.Lookup(name); err != nil {
			return fmt.Errorf("image %s: %w", name, err)
		}
	}
	f.image = &i
	f.inUse, err = s.Use(i) // open as long as sbx runs
	return err
}

func (f *runFlags) pullImage(name string, isFile bool) error {
	path, err := imageProgram()
	if err != nil {
		return err
	}
	args := []string{"pull", name}
	if isFile {
		args = []string{"import", name, name}
	}
	if f.Platform != "" {
		args = append(args, "--platform", f.Platform)
	}
	for _, host := range texts(f.InsecureRegistry) {
		args = append(args, "--insecure-registry", host)
	}
	if f.Quiet {
		args = append(args, "--quiet")
	}
	cmd := exec.Command(path, args...)
	cmd.Stderr = os.Stderr
	// Its output is the image's digest, and this one's is the command's alone.
	if err := runInterrupted(cmd); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return fmt.Errorf("could not pull image %s", name)
		}
		return err
	}
	return nil
}

// runInterrupted runs a command that cleans up when a signal ends it: it is sent the
// signal, as by Ctrl-C it is already, and waited for.
func runInterrupted(cmd *exec.Cmd) error {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case sig := <-signals:
			_ = cmd.Process.Signal(sig) // it may have ended just now
		case err := <-ended:
			return err
		}
	}
}

// addImage has the command run in the image of --image as that wants it, where no
// flag says otherwise.
func addImage(f *runFlags, s *sandbox.Spec) error {
	if f.image == nil {
		return nil
	}
	dir := images()
	layers := f.image.Union()
	for n := len(layers) - 1; n >= 0; n-- {
		path, err := dir.LayerRoot(layers[n].Chain)
		if err != nil {
			return err
		}
		s.Layers = append(s.Layers, path)
	}
	s.View, s.MadeFiles = sandbox.Union, true
	if f.Keep != "" {
		var err error
		if f.kept, err = f.keep(dir); err != nil {
			return err
		}
		s.Upper = f.kept.Upper
		s.Kept = append(s.Kept, s.Upper)
	}
	c := f.image.Config
	if f.ReadOnly {
		// What an image calls a volume is there to be written to.
		for dir := range c.Volumes {
			s.OCI.Mounts = append(s.OCI.Mounts, specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: dir, Options: []string{"nosuid", "nodev"}})
		}
	}
	if ports := slices.Sorted(maps.Keys(c.ExposedPorts)); len(ports) > 0 && f.Net != "host" {
		f.note("the image exposes %s; nothing outside reaches that without --net host", strings.Join(ports, ", "))
	}
	start := c.Entrypoint
	if f.Entrypoint != nil {
		start = nil
		if *f.Entrypoint != "" {
			start = []string{string(*f.Entrypoint)}
		}
	}
	command := f.command
	if len(command) == 0 && f.Entrypoint == nil {
		command = c.Cmd
	}
	f.command = append(append([]string{}, start...), command...)
	if len(f.command) == 0 {
		return fmt.Errorf("image %s says no command to run; name one", f.Image)
	}
	s.OCI.Process.Args = f.command
	if f.User == "" {
		f.User, s.UserOfImage = text(c.User), true
	}
	if f.Workdir == "" && f.NoProject {
		f.Workdir = text(c.WorkingDir)
	}
	return nil
}

// stopSignal is what asks the command to end.
func (f *runFlags) stopSignal() syscall.Signal {
	if sig, _ := parseSignal(f.StopSignal); sig != 0 { // checked before
		return sig
	}
	if f.image == nil || f.image.Config.StopSignal == "" {
		return unix.SIGTERM
	}
	name := strings.ToUpper(f.image.Config.StopSignal)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig
	}
	return unix.SIGTERM
}

// keep is what is kept under the name of --keep. A dry run makes nothing: what is not
// kept yet is planned as thrown away.
func (f *runFlags) keep(dir store.Store) (store.Kept, error) {
	if _, err := dir.LookupKept(f.Keep); f.DryRun != "" && errors.Is(err, store.ErrNotKept) {
		return store.Kept{}, nil
	}
	return dir.Keep(f.Keep, *f.image, string(f.Image))
}

// notePoints tells what is kept where the sandbox has mounts of its own.
func (f *runFlags) notePoints(spec sandbox.Spec) error {
	if f.Keep == "" || f.DryRun != "" {
		return nil
	}
	points := []string{"/proc", "/dev", "/sys", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf"}
	if spec.Project != "" {
		points = append(points, spec.Project)
	}
	for _, m := range spec.OCI.Mounts {
		points = append(points, filepath.Clean(m.Destination))
	}
	return images().NotePoints(f.kept, append(points, spec.OCI.Linux.MaskedPaths...))
}
