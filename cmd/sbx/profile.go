package main

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"time"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/sandbox"
)

// addProfile adds what profiles say: those of --profile, the one for the command or
// the user's default, and the project's own file as far as it may. What the flags say is
// added to it, and wins.
func addProfile(f *runFlags, s *sandbox.Spec) error {
	if f.NoProfile && len(f.Profile) > 0 {
		return fmt.Errorf("--profile and --no-profile: choose one")
	}
	named := list(f.Profile)
	if f.NoProfile {
		return nil
	}
	at, err := placesOf(s.Project)
	if err != nil || s.Project == "" {
		if named != nil {
			return fmt.Errorf("--profile needs a home, and a project directory")
		}
		return nil
	}
	user, err := profiles.OpenUser(at.UserProfiles())
	if err != nil {
		return err
	}
	defer user.Close()
	var p profiles.Profile
	switch {
	case named != nil:
		p, err = user.Resolve(named)
	case s.View == sandbox.HostView:
		p, err = forCommand(f, user)
	default: // profiles by name show the host's tools, which another root has its own of
		p, err = user.Default()
	}
	if err == nil && (s.View == sandbox.HostView || named != nil) {
		p, err = withProject(f, user, at, p)
	}
	if err == nil {
		err = apply(f, s, p, at)
	}
	return err
}

// forCommand is the profile for the command's name, or the user's default.
func forCommand(f *runFlags, user *profiles.User) (p profiles.Profile, err error) {
	name, ok, err := user.ForCommand(f.command[0])
	if err != nil {
		return p, err
	}
	if !ok {
		return user.Default()
	}
	if languages := languagesOf(name, slices.Compact([]string{f.place.dir, f.place.here})...); len(languages) > 0 {
		names := append([]string{name}, languages...)
		f.note("using profiles %s, by the command's name and the project's files (--no-profile disables)", strings.Join(names, ", "))
		return user.Resolve(names)
	}
	f.note("using profile %s (sbx profile show %s; --no-profile disables)", name, name)
	return user.Resolve([]string{name})
}

// withProject adds the project's own file. It is the untrusted tree's, so it may
// only take away, unless its owner has said of this very text that it may more.
func withProject(f *runFlags, user *profiles.User, at profiles.Places, p profiles.Profile) (profiles.Profile, error) {
	p, err := withDirectory(f, user, p)
	if err != nil {
		return p, err
	}
	text, err := readProjectFile(at.Project)
	if err != nil || text == nil {
		return p, err
	}
	own, widens, err := user.Project(text)
	if err != nil {
		return p, err
	}
	if len(widens) > 0 {
		trusted, err := at.Store().Trusted(at.Project, text)
		if err != nil {
			return p, err
		}
		if !trusted {
			more := ""
			if n := len(widens) - 1; n > 0 { // the file decides which is the first
				more = fmt.Sprintf(", and %d more", n)
			}
			f.note("ignoring %s: it %s%s; sbx trust shows all of it and asks", profiles.ProjectFile, widens[0], more)
			return p, nil
		}
		f.note("profile %s/%s, which you trusted; --no-profile runs without", at.Project, profiles.ProjectFile)
	}
	return profiles.Together(p, own), nil
}

// withDirectory adds the file of the current directory, where that is below the project's
// top. It can only take away: what is trusted is the top's.
func withDirectory(f *runFlags, user *profiles.User, p profiles.Profile) (profiles.Profile, error) {
	rel, below := strings.CutPrefix(f.place.here, f.place.dir+"/")
	if !below {
		return p, nil
	}
	text, err := readProjectFile(f.place.here)
	if err != nil || text == nil {
		return p, err
	}
	own, widens, err := user.Project(text)
	if err != nil {
		return p, err
	}
	if len(widens) > 0 {
		f.note("ignoring %s/%s: it %s, which only the project's own may", rel, profiles.ProjectFile, widens[0])
		return p, nil
	}
	return profiles.Together(p, own.Below(rel)), nil
}

// apply puts a profile into the Spec, and what of it flags decide into the flags.
func apply(f *runFlags, s *sandbox.Spec, p profiles.Profile, at profiles.Places) (err error) {
	if len(p.Cache.Private)+len(p.Cache.Layered)+len(p.Home.Private) > 0 {
		if at.ProjectID, err = profiles.ProjectID(at.Project); err != nil {
			return err
		}
	}
	e, err := p.Expand(at)
	if err != nil {
		return err
	}
	f.profile, f.set, f.origins = p, e.Set, map[string]string{}
	for _, part := range []struct {
		items []profiles.Item
		mode  string
	}{{e.Show, "ro"}, {e.Write, "rw"}, {e.Expose, "ro"}} {
		for _, item := range part.items {
			if err := f.show(s, item, part.mode); err != nil {
				return err
			}
		}
	}
	for _, item := range e.Expose {
		s.Exposed = append(s.Exposed, item.Path)
	}
	for _, item := range e.Hide {
		f.origins[item.Path] = item.From.String()
		hide(s, item.Path, !item.Optional)
	}
	for _, item := range e.Tmpfs {
		f.origins[item.Path] = item.From.String()
		s.OCI.Mounts = append(s.OCI.Mounts, specs.Mount{Type: "tmpfs", Source: "tmpfs", Destination: item.Path, Options: []string{"nosuid", "nodev", "mode=1777"}})
	}
	for _, k := range e.Kept {
		if f.DryRun == "" {
			if err := k.Make(); err != nil {
				return hinted{fmt.Errorf("%s: %w", k.From, err), "caches are kept in the home, which must be writable; or --no-profile"}
			}
		} else if _, err := os.Stat(k.Source); err != nil {
			continue
		}
		f.origins[k.Path] = k.From.String()
		s.Kept = append(s.Kept, k.Source)
		s.OCI.Mounts = append(s.OCI.Mounts, bind(k.Source, k.Path, "rw"))
	}
	for _, k := range e.Layered {
		if err := f.layer(s, k); err != nil {
			return err
		}
	}
	return f.adopt(s, p)
}

// show binds a path of a profile at its own place, where it is there. One in the
// project is the attacker's to make a link of, so it is taken through none.
func (f *runFlags) show(s *sandbox.Spec, item profiles.Item, mode string) error {
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_CLOEXEC}
	if item.Beneath {
		how.Resolve = unix.RESOLVE_NO_SYMLINKS
	}
	fd, err := unix.Openat2(unix.AT_FDCWD, item.Path, &how)
	if err == unix.ENOENT && item.Optional {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %s: %w", item.From, item.Path, err)
	}
	unix.Close(fd)
	f.origins[item.Path] = item.From.String()
	if mode == "rw" {
		s.Writable = append(s.Writable, item.Path)
	}
	s.OCI.Mounts = append(s.OCI.Mounts, bind(item.Path, item.Path, mode))
	return nil
}

// adopt takes over what are single words. A flag that says more stays.
func (f *runFlags) adopt(s *sandbox.Spec, p profiles.Profile) error {
	for _, w := range []struct {
		value profiles.Value
		word  string
		flag  *bool
		step  string
	}{
		{p.Files.Project, "read", &f.ReadOnlyProject, s.Project}, {p.Files.NoExecTmp, "true", &f.NoexecTmp, "/tmp"},
		{p.Network.TCP, "none", &f.NoTcp, "landlock"}, {p.Security.RunLater, "keep", &f.AllowRunLater, ""},
		{p.Security.UserNS, "true", &f.AllowUserns, "seccomp"}, {p.Security.IA32, "true", &f.AllowIa32, "seccomp"},
		{p.Env.Clear, "true", &f.ClearEnv, ""},
	} {
		if w.value.Is(w.word) {
			*w.flag = true
			f.origins[w.step] = w.value.From.String()
		}
	}
	f.publishFor(p)
	if p.Security.Seccomp.Is("unconfined") && f.Seccomp == "" {
		f.Seccomp = "unconfined"
	}
	for _, u := range p.Process.Ulimits {
		l, err := sandbox.ParseUlimit(u.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", u.From, err)
		}
		s.OCI.Process.Rlimits = append(s.OCI.Process.Rlimits, sandbox.Tighten(l))
	}
	if p.Process.Disk.Said() && f.Disk == "" {
		f.Disk = text(p.Process.Disk.Text)
	}
	if p.Process.Timeout.Said() && f.Timeout == 0 {
		d, err := time.ParseDuration(p.Process.Timeout.Text)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Process.Timeout.From, err)
		}
		f.Timeout = span(d)
	}
	return nil
}

// publishFor publishes the ports of a profile, if the command has a network of its own. A port
// that is taken is another sandbox's, or a server's.
func (f *runFlags) publishFor(p profiles.Profile) {
	if !f.networked() || f.Net == "host" || f.NoTcp || len(f.Publish) > 0 {
		return
	}
	for _, v := range p.Network.Publish {
		l, err := net.Listen("tcp", "127.0.0.1:"+v.Text)
		if err != nil {
			f.note("not publishing port %s (%s): it is in use", v.Text, v.From)
			continue
		}
		l.Close()
		f.Publish = append(f.Publish, text(v.Text+":"+v.Text))
	}
}

// profileEnv is what the profile passes of the caller's variables, and sets.
func (f *runFlags) profileEnv(caller []string) (env []string) {
	pass := make([]string, len(f.profile.Env.Pass))
	for i, v := range f.profile.Env.Pass {
		pass[i] = v.Text
	}
	env, _ = sandbox.WithoutSecrets(sandbox.Filter(caller, pass))
	for _, a := range f.set {
		env = append(env, a.Name+"="+a.Value)
	}
	return f.jvmEnv(env)
}

// withoutDropped leaves out what the profile drops.
func (f *runFlags) withoutDropped(env []string) []string {
	drop := make([]string, len(f.profile.Env.Drop))
	for i, v := range f.profile.Env.Drop {
		drop[i] = v.Text
	}
	dropped := sandbox.Filter(env, drop)
	return slices.DeleteFunc(env, func(e string) bool { return slices.Contains(dropped, e) })
}

// profileLines are the lines of profiles that had a part, for the receipt.
func (f *runFlags) profileLines() (lines []string) {
	for path, from := range f.origins {
		lines = append(lines, strings.TrimSpace(from+" "+path))
	}
	slices.Sort(lines)
	return lines
}
