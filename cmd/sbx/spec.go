package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/amount"
)

// newSpec is what the flags ask for. The whole combination is checked here.
func newSpec(f *runFlags) (s sandbox.Spec, err error) {
	if err := f.addShell(); err != nil {
		return s, err
	}
	s.OCI.Process = &specs.Process{Args: f.command}
	s.OCI.Linux = &specs.Linux{}
	s.OCI.Hostname = sandbox.DefaultHostname
	s.Enterable = f.recorded()
	for _, part := range []func(*runFlags, *sandbox.Spec) error{
		addRoot, addImage, addProject, addOwn, addProfile, addFiles, addTools, addLinks, addIdentity, addEnvironment, addNetwork, addProcess, addProtection, addLimits, addSecrets,
	} {
		if err := part(f, &s); err != nil {
			return s, err
		}
	}
	return s, nil
}

// addRoot chooses the view.
func addRoot(f *runFlags, s *sandbox.Spec) error {
	switch {
	case f.Image != "" && (f.Rootfs != "" || len(f.Layer) > 0):
		return fmt.Errorf("--image is a root, and so are --rootfs and --layer")
	case f.Image == "" && (f.Pull != "" || f.Platform != "" || f.Entrypoint != nil || len(f.InsecureRegistry) > 0):
		return fmt.Errorf("--pull, --platform, --entrypoint and --insecure-registry are for --image")
	case f.Rootfs != "" && len(f.Layer) > 0:
		return fmt.Errorf("--rootfs and --layer are two roots; a rootfs can be the last --layer")
	case f.Keep != "" && f.image == nil:
		return fmt.Errorf("--keep is for --image; --upper keeps what is written to --rootfs and --layer")
	case f.Keep != "" && f.Upper != "":
		return fmt.Errorf("--keep and --upper both keep what is written; choose one")
	case f.ReadOnly && (f.Keep != "" || f.Upper != "" || f.RwRootfs):
		return fmt.Errorf("--read-only lets nothing be written that --keep, --upper or --rw-rootfs could keep")
	case f.ReadOnly && f.Rootfs == "" && len(f.Layer) == 0 && f.Image == "":
		return fmt.Errorf("--read-only is for --image, --layer or --rootfs; the host's root is read-only anyway")
	case f.RwRootfs && f.Rootfs == "":
		return fmt.Errorf("--rw-rootfs writes to the directory of --rootfs, which is not given")
	case f.RwRootfs && f.Upper != "":
		return fmt.Errorf("--rw-rootfs writes to the rootfs and --upper keeps what is written from it; choose one")
	case (f.Upper != "" || f.Overlay != "") && f.Rootfs == "" && len(f.Layer) == 0 && f.Image == "":
		return fmt.Errorf("--upper and --overlay are for --image, --layer or --rootfs")
	}
	s.Overlay = sandbox.Driver(f.Overlay)
	layers := texts(f.Layer)
	if f.Rootfs != "" {
		layers = []string{string(f.Rootfs)}
	}
	if len(layers) == 0 && f.Image == "" {
		return nil
	}
	s.View = sandbox.Union
	if f.ReadOnly {
		s.OCI.Root = &specs.Root{Readonly: true}
	}
	for _, dir := range layers {
		path, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		s.Layers = append(s.Layers, path)
	}
	if f.RwRootfs {
		s.View, s.OCI.Root, s.Layers = sandbox.Rootfs, &specs.Root{Path: s.Layers[0]}, nil
	}
	if f.Upper != "" {
		upper, err := filepath.Abs(string(f.Upper))
		s.Upper = upper
		return err
	}
	return nil
}

// addFiles adds what the file flags mount and hide.
func addFiles(f *runFlags, s *sandbox.Spec) error {
	for _, v := range texts(f.Volume) {
		if named, err := f.addNamedVolume(s, v); named || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		m, err := volume(v)
		if err != nil {
			return err
		}
		if real, err := f.realPlace("-v", m.Source); err == nil {
			m.Source = real
		}
		s.OCI.Mounts = append(s.OCI.Mounts, m)
	}
	for _, d := range texts(f.Device) {
		m, err := device(d)
		if err != nil {
			return err
		}
		s.OCI.Mounts = append(s.OCI.Mounts, m)
	}
	if err := f.addMounts(s); err != nil {
		return err
	}
	for option, paths := range map[string][]string{"ro": texts(f.Ro), "rw": texts(f.Rw)} {
		for _, p := range paths {
			path, err := f.realPlace("--"+option, p)
			if err != nil {
				return fmt.Errorf("%s: no such file or directory, or not readable", path)
			}
			if option == "rw" {
				s.Writable = append(s.Writable, path)
				if path == s.Project {
					continue
				}
			}
			s.OCI.Mounts = append(s.OCI.Mounts, bind(path, path, option))
		}
	}
	for _, t := range texts(f.Tmpfs) {
		m, err := tmpfs(t)
		if err != nil {
			return err
		}
		s.OCI.Mounts = append(s.OCI.Mounts, m)
	}
	for _, p := range texts(f.Hide) {
		p, optional := strings.CutSuffix(p, "?")
		p, err := hiddenPlace(p, s)
		if err != nil {
			return err
		}
		hide(s, p, !optional)
	}
	return nil
}

// hide hides a path, which must be there or may be. In the host view that is also the
// place that links lead to, which may be seen where the link is not.
func hide(s *sandbox.Spec, path string, must bool) {
	s.OCI.Linux.MaskedPaths = append(s.OCI.Linux.MaskedPaths, path)
	if real, err := filepath.EvalSymlinks(path); err == nil && real != path && s.View == sandbox.HostView {
		s.OCI.Linux.MaskedPaths = append(s.OCI.Linux.MaskedPaths, real)
	}
	if must {
		s.MustHide = append(s.MustHide, path)
	}
}

// volume reads SRC:DST[:ro|rw].
func volume(v string) (specs.Mount, error) {
	parts := strings.Split(v, ":")
	mode, known := "rw", true
	if n := len(parts); n > 2 {
		mode, known = volumeMode(parts[n-1])
		parts = parts[:n-1]
	}
	if len(parts) != 2 || parts[0] == "" || parts[1] == "" || !known {
		return specs.Mount{}, fmt.Errorf("volume %q: want SRC:DST[:ro|rw]", v)
	}
	source, err := filepath.Abs(parts[0])
	return bind(source, parts[1], mode), err
}

func bind(source, destination, mode string) specs.Mount {
	return specs.Mount{Type: "bind", Source: source, Destination: destination, Options: []string{"rbind", "nosuid", "nodev", mode}}
}

// tmpfs reads DST[:OPTION,...]. Of the options of tmpfs(5) it takes those that
// say how large it may be and who may use it.
func tmpfs(t string) (specs.Mount, error) {
	destination, list, _ := strings.Cut(t, ":")
	m := specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: destination, Options: []string{"nosuid", "nodev"}}
	mode := "mode=1777"
	for _, option := range strings.Split(list, ",") {
		name, value, _ := strings.Cut(option, "=")
		switch {
		case option == "":
		case name == "mode" && value != "":
			mode = option
		case slices.Contains([]string{"size", "nr_inodes"}, name) && value != "",
			slices.Contains([]string{"ro", "rw", "noexec", "exec", "nosuid", "nodev"}, option):
			m.Options = append(m.Options, option)
		default:
			return m, fmt.Errorf("tmpfs %q: option %q is not known", t, option)
		}
	}
	m.Options = append(m.Options, mode)
	return m, nil
}

// validName tells whether a name can be a host's and a file's. It is no regular
// expression because compiling one takes every start a fifth of a millisecond.
func validName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("_.-", r)) {
			return false
		}
	}
	return name != "" && len(name) <= 64
}

func addIdentity(f *runFlags, s *sandbox.Spec) error {
	for _, name := range []string{f.Name, f.Hostname} {
		if name == "" {
			continue
		}
		if !validName(name) {
			return fmt.Errorf("name %q: want letters, digits, '_', '.' and '-', 64 at most", name)
		}
		s.OCI.Hostname = name
	}
	s.User, s.Groups = string(f.User), texts(f.GroupAdd)
	if err := f.addHosts(s); err != nil {
		return err
	}
	switch ids := sandbox.IDs(f.Userns); ids {
	case "", sandbox.IDsAuto, sandbox.IDsKeep, sandbox.IDsRoot, sandbox.IDsSingle:
		s.IDs = ids
		return nil
	}
	m, err := idmap.Parse(f.Userns)
	if err != nil {
		return fmt.Errorf("--userns: %w; or auto, keep-id, root, single", err)
	}
	s.IDs = sandbox.IDsMap
	for _, l := range m {
		line := specs.LinuxIDMapping{ContainerID: l.Inside, HostID: l.Outside, Size: l.Count}
		s.OCI.Linux.UIDMappings = append(s.OCI.Linux.UIDMappings, line)
		s.OCI.Linux.GIDMappings = append(s.OCI.Linux.GIDMappings, line)
	}
	return nil
}

func addEnvironment(f *runFlags, s *sandbox.Spec) error {
	s.NoGitConfig = f.NoGitConfig
	caller := os.Environ()
	var env []string
	if !f.ClearEnv {
		env = sandbox.Environment(s.View, caller, nil)
		if s.View != sandbox.HostView {
			env = s.WithoutLocales(env)
		}
	}
	if f.image != nil {
		env = append(env, f.image.Config.Env...)
	}
	env = f.withoutDropped(append(env, f.profileEnv(caller)...))
	passed, dropped := sandbox.WithoutSecrets(sandbox.Filter(caller, texts(f.EnvPass)))
	if len(dropped) > 0 {
		f.note("not passing %s: they look like secrets; pass one with -e NAME or --secret NAME", strings.Join(dropped, ", "))
	}
	env = append(env, passed...)
	if f.logical != "" {
		env = append(env, "PWD="+f.logical)
	}
	if f.ProxyEnv {
		env = append(env, sandbox.ProxyEnvironment()...)
	}
	for _, file := range texts(f.EnvFile) {
		lines, err := envFile(file)
		if err != nil {
			return err
		}
		env = append(env, lines...)
	}
	for _, e := range texts(f.Env) {
		name, _, set := strings.Cut(e, "=")
		switch {
		case name == "":
			return fmt.Errorf("variable %q has no name", e)
		case set:
			env = append(env, e)
		default:
			if value, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+value)
			}
		}
	}
	s.OCI.Process.Env = lastOfEach(env, texts(f.RmEnv))
	return nil
}

// lastOfEach keeps the last value of each variable, and none of those removed.
func lastOfEach(env, removed []string) []string {
	at := map[string]int{}
	var out []string
	for _, e := range env {
		name, _, _ := strings.Cut(e, "=")
		if slices.Contains(removed, name) {
			continue
		}
		if i, ok := at[name]; ok {
			out[i] = e
			continue
		}
		at[name] = len(out)
		out = append(out, e)
	}
	return out
}

// envFile reads a file of NAME=VALUE lines, as docker does: # starts a comment
// at the beginning of a line, a name alone passes the caller's value, and
// nothing is unquoted.
func envFile(path string) ([]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("--env-file: %w", err)
	}
	var env []string
	for i, line := range strings.Split(string(b), "\n") {
		line = strings.TrimLeft(strings.TrimSuffix(line, "\r"), " \t")
		name, _, set := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case name == "" || strings.ContainsAny(name, " \t"):
			return nil, fmt.Errorf("--env-file %s, line %d: want NAME=VALUE", path, i+1)
		case set:
			env = append(env, line)
		default:
			if value, ok := os.LookupEnv(name); ok {
				env = append(env, name+"="+value)
			}
		}
	}
	return env, nil
}

func addProcess(f *runFlags, s *sandbox.Spec) error {
	p := s.OCI.Process
	s.NoInit = f.Init != nil && !*f.Init
	s.HostClock = s.NoInit // a clock begins with a new process
	if f.NewClock != nil {
		if *f.NewClock && s.NoInit {
			return fmt.Errorf("--new-clock begins with a new process, so it needs --init")
		}
		s.HostClock = !*f.NewClock
	}
	if f.Timeout < 0 {
		return fmt.Errorf("--timeout %s is in the past", time.Duration(f.Timeout))
	}
	if err := f.checkStop(); err != nil {
		return err
	}
	umask, err := f.chosenUmask()
	if err != nil {
		return err
	}
	p.User.Umask = &umask
	for _, text := range texts(f.Ulimit) {
		l, err := sandbox.ParseUlimit(text)
		if err != nil {
			return err
		}
		p.Rlimits = append(p.Rlimits, l)
	}
	if f.Disk != "" {
		var err error
		if s.Disk, err = amount.Size(string(f.Disk)); err != nil || s.Disk == 0 {
			return fmt.Errorf("--disk %q: want a size as 512m or 2g", f.Disk)
		}
	}
	if dir := string(f.Workdir); dir != "" {
		if !filepath.IsAbs(dir) {
			if s.Project == "" {
				return fmt.Errorf("--workdir %s: want an absolute path", dir)
			}
			dir = filepath.Join(f.place.here, dir)
		}
		p.Cwd = dir
	}
	p.Terminal = isTerminal(os.Stdin) && isTerminal(os.Stdout)
	if f.Tty != nil {
		p.Terminal = *f.Tty
	}
	if p.Terminal {
		p.ConsoleSize = terminalSize()
	}
	return f.addShm(s)
}
