package sandbox

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/userns"
)

// TestNothingInMemoryExecutes: with NoExecTmp every directory in memory is noexec, in
// every view, unless it asks for exec, and Landlock grants none of them execution.
func TestNothingInMemoryExecutes(t *testing.T) {
	for name, change := range map[string]func(*Spec){
		"host":   func(*Spec) {},
		"rootfs": func(s *Spec) { s.View, s.OCI.Root = Rootfs, &specs.Root{Path: "/srv/root"} },
		"union":  func(s *Spec) { s.View, s.Layers = Union, []string{"/srv/a"} },
		"disk":   func(s *Spec) { s.View, s.Layers, s.Disk = Union, []string{"/srv/a"}, 1<<30 },
	} {
		s := build("make")
		change(&s)
		s.NoExecTmp = true
		s.OCI.Mounts = append(s.OCI.Mounts, tmpfs("/tmp/mine"), tmpfs("/tmp/open", "exec"))
		done, _, err := Complete(s, laptop())
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for _, m := range done.OCI.Mounts {
			if m.Type != "tmpfs" {
				continue
			}
			seen++
			if got, want := slices.Contains(m.Options, "noexec"), m.Destination != "/tmp/open"; got != want {
				t.Errorf("%s: %s: %q", name, m.Destination, m.Options)
			}
		}
		if seen < 4 {
			t.Errorf("%s: %d mounts in memory", name, seen)
		}
		for _, l := range find[userns.Landlock](plan(t, s, laptop())) {
			for _, r := range l.Rules {
				if r.Path == "/dev/shm" && landlock.Rights(r.Rights)&landlock.Execute != 0 {
					t.Errorf("%s: Landlock lets /dev/shm execute", name)
				}
			}
		}
	}
}

// TestExecutionNote: what is writable and executes all the same is told.
func TestExecutionNote(t *testing.T) {
	for _, c := range []struct {
		view     View
		readOnly bool
		want     bool
	}{{HostView, false, false}, {Rootfs, false, true}, {Rootfs, true, false}} {
		s := build("make")
		s.View, s.NoExecTmp, s.OCI.Root = c.view, true, &specs.Root{Path: "/srv/root", Readonly: c.readOnly}
		_, notes, err := Complete(s, laptop())
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(strings.Join(notes, "\n"), "--noexec-tmp covers"); got != c.want {
			t.Errorf("view %v, read-only %v: %q", c.view, c.readOnly, notes)
		}
	}
}

// TestFilteredFlags: what holds by the default filter is refused without it.
func TestFilteredFlags(t *testing.T) {
	flags := map[string]func(*Spec){
		"--no-tcp":                  func(s *Spec) { s.NoTCP = true },
		"--noexec-tmp":              func(s *Spec) { s.NoExecTmp = true },
		"--no-tcp and --noexec-tmp": func(s *Spec) { s.NoTCP, s.NoExecTmp = true, true },
	}
	for flag, set := range flags {
		for name, c := range map[string]struct {
			change func(*Spec, *Host)
			fine   bool
		}{
			"default":    {func(*Spec, *Host) {}, true},
			"old":        {func(_ *Spec, h *Host) { h.Landlock = landlock.Floor }, true},
			"unconfined": {func(s *Spec, _ *Host) { s.Unconfined = true }, false},
			"own filter": {func(s *Spec, _ *Host) { s.OCI.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow} }, false},
			"no filters": {func(s *Spec, h *Host) { h.NoSeccomp, s.Degraded = true, []string{"seccomp"} }, false},
		} {
			s, h := build("make"), laptop()
			s.OCI.Linux = &specs.Linux{}
			set(&s)
			c.change(&s, &h)
			_, _, err := Complete(s, h)
			switch {
			case c.fine && err != nil:
				t.Errorf("%s, %s: %v", flag, name, err)
			case !c.fine && (err == nil || !strings.HasPrefix(err.Error(), flag+" ") || Hint(err) == ""):
				t.Errorf("%s, %s: %v, hint %q", flag, name, err, Hint(err))
			}
		}
	}
	s := build("make")
	s.NoExecTmp, s.UserNS = true, true
	if _, _, err := Complete(s, laptop()); err == nil || !strings.Contains(err.Error(), "--allow-userns") {
		t.Errorf("with user namespaces inside: %v", err)
	}
}

// TestInheritedTCP: a TCP socket is refused as a standard stream without TCP, of run and
// of exec, and nothing else is.
func TestInheritedTCP(t *testing.T) {
	pair := func(network, address string) *os.File {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		conn, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		f, err := conn.(interface{ File() (*os.File, error) }).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	tcp, local := pair("tcp", "127.0.0.1:0"), pair("unix", filepath.Join(t.TempDir(), "s"))
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	s := Spec{}
	if err := s.checkInherited(tcp, tcp, tcp); err != nil {
		t.Errorf("with TCP: %v", err)
	}
	s.NoTCP = true
	if err := s.checkInherited(null, local, nil); err != nil {
		t.Errorf("no TCP socket: %v", err)
	}
	for i, name := range []string{"standard input", "standard output", "standard error"} {
		files := []*os.File{null, null, null}
		files[i] = tcp
		if err := s.checkInherited(files...); err == nil || !strings.Contains(err.Error(), name+" is a TCP socket") {
			t.Errorf("%s: %v", name, err)
		}
	}
	of := build("make")
	of.NoTCP = true
	if e := entered(t, of, laptop()); !e.NoTCP {
		t.Error("who enters is not told that there is no TCP")
	}
}
