package sandbox

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// find gives the steps of a kind.
func find[S userns.Step](p userns.Plan) (found []S) {
	for _, s := range p.Steps {
		if s, ok := s.(S); ok {
			found = append(found, s)
		}
	}
	return found
}

func hidden(p userns.Plan) (paths []string) {
	for _, h := range find[userns.Hide](p) {
		paths = append(paths, h.Path)
	}
	return paths
}

// TestMissingProtection: what cannot be had stops the run, says what mends it, and
// may be done without only by name.
func TestMissingProtection(t *testing.T) {
	for name, change := range map[string]func(*Host){
		"landlock": func(h *Host) { h.Landlock = 0 },
		"seccomp":  func(h *Host) { h.NoSeccomp = true },
		"clock":    func(h *Host) { h.NoTimeNS = true },
	} {
		h := laptop()
		change(&h)
		_, _, err := Complete(build("make"), h)
		if err == nil || !strings.Contains(err.Error(), "protection "+name+" cannot be had") || !strings.Contains(Hint(err), "--allow-degraded="+name) {
			t.Errorf("%s: %v, hint %q", name, err, Hint(err))
		}
		s := build("make")
		s.Degraded = []string{name}
		done, notes, err := Complete(s, h)
		if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "running without "+name) {
			t.Errorf("%s: %v, notes %q", name, err, notes)
			continue
		}
		p, err := Compile(done, h)
		if err != nil {
			t.Fatal(err)
		}
		if r := newReceipt(done, h, p); !slices.Equal(r.Missing, []string{name}) {
			t.Errorf("%s: the receipt says missing %q", name, r.Missing)
		}
		// Where it is there, it is used all the same.
		if r := newReceipt(done, laptop(), plan(t, s, laptop())); len(r.Missing) > 0 {
			t.Errorf("%s: the receipt says missing %q", name, r.Missing)
		}
	}
	old := laptop()
	old.Landlock = 1
	if _, _, err := Complete(build("make"), old); err == nil || !strings.Contains(err.Error(), "rename") {
		t.Errorf("ABI 1: %v", err)
	}
	s := build("make")
	s.Degraded = []string{"mounts"}
	if _, _, err := Complete(s, laptop()); err == nil || !strings.Contains(err.Error(), `protection "mounts"`) {
		t.Errorf("an unknown protection: %v", err)
	}
}

// TestConfinementComesLast: a filter or a ruleset before a step would be in its
// way, and one after the exec would not be there. The limit of open files is between,
// since rules need descriptors and a filter may forbid limits.
func TestConfinementComesLast(t *testing.T) {
	for name, s := range map[string]Spec{"host": build("make"), "rootfs": func() Spec {
		s := build("make")
		s.View, s.OCI.Root = Rootfs, &specs.Root{Path: "/srv/root"}
		return s
	}()} {
		steps := plan(t, s, laptop()).Steps
		var tail []string
		for _, step := range steps[len(steps)-5:] {
			tail = append(tail, fmt.Sprintf("%T", step))
		}
		if want := []string{"userns.Landlock", "userns.Rlimit", "userns.Seccomp", "userns.AwaitInit", "userns.Exec"}; !slices.Equal(tail, want) {
			t.Errorf("%s ends with %q", name, tail)
		}
	}
}

// TestSecretsStayHidden: below whatever is shown, by whatever name.
func TestSecretsStayHidden(t *testing.T) {
	wide := func(change func(*Spec)) Spec {
		s := build("make")
		s.OCI.Mounts = []specs.Mount{bind("/home/ada", "/home/ada", "ro"), bind("/home/ada", "/mnt/ada", "ro")}
		change(&s)
		return s
	}
	h := laptop()
	h.Files["/mnt/ada"] = fs.ModeDir
	for _, c := range []struct {
		name         string
		spec         Spec
		hidden, seen []string
	}{
		{"nothing shown", build("make"), []string{"/home/ada/p/.env"}, []string{"/home/ada/.ssh"}},
		{"home shown", wide(func(*Spec) {}), []string{"/home/ada/.ssh", "/home/ada/.netrc", "/home/ada/p/.env"}, nil},
		{"exposed", wide(func(s *Spec) { s.Exposed = []string{"/home/ada/.ssh"} }), []string{"/home/ada/.netrc"}, []string{"/home/ada/.ssh"}},
		{"exposed in part", wide(func(s *Spec) { s.Exposed = []string{"/home/ada/.ssh/known_hosts"} }), nil, []string{"/home/ada/.ssh"}},
		{"project's exposed", wide(func(s *Spec) { s.Exposed = []string{"/home/ada/p/.env"} }), []string{"/home/ada/.ssh"}, []string{"/home/ada/p/.env"}},
	} {
		got := hidden(plan(t, c.spec, h))
		for _, p := range c.hidden {
			if !slices.Contains(got, p) {
				t.Errorf("%s: %s is not hidden, of %q", c.name, p, got)
			}
		}
		for _, p := range c.seen {
			if slices.Contains(got, p) {
				t.Errorf("%s: %s is hidden", c.name, p)
			}
		}
	}
	other := wide(func(s *Spec) { s.OCI.Mounts = []specs.Mount{bind("/home/ada", "/tmp/elsewhere", "ro")} })
	if got := hidden(plan(t, other, h)); !slices.Contains(got, "/tmp/elsewhere/.ssh") {
		t.Errorf("by another name: %q", got)
	}
	for _, source := range []string{"/home/ada/.ssh", "/home/ada/.ssh/id"} {
		h.Files[source] = fs.ModeDir
		s := wide(func(s *Spec) { s.OCI.Mounts = []specs.Mount{bind(source, "/tmp/x")} })
		if _, _, err := Complete(s, h); err == nil || !strings.Contains(Hint(err), "--unsafe-expose "+source) {
			t.Errorf("%s: %v", source, err)
		}
	}
}

// TestGivenSecretsAreNowhereInAPlan: not in its words, its JSON, its configuration,
// nor in an error.
func TestGivenSecretsAreNowhereInAPlan(t *testing.T) {
	const hush = "hush-hush-4711"
	s := build("make")
	s.Secrets = []Secret{{Name: "TOKEN", Value: hush, Env: "TOKEN", File: "/run/secrets/TOKEN"}}
	p := plan(t, s, laptop())
	done, _, _ := Complete(s, laptop())
	config, err := Config(done)
	if err != nil {
		t.Fatal(err)
	}
	steps, err := json.Marshal(p.Steps)
	if err != nil {
		t.Fatal(err)
	}
	receipt, err := json.Marshal(newReceipt(done, laptop(), p))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"words": p.String(), "JSON": string(steps), "config": string(config), "receipt": string(receipt),
		"%v": fmt.Sprintf("%v", p), "%+v": fmt.Sprintf("%+v", p), "%#v": fmt.Sprintf("%#v", p), "%q": fmt.Sprintf("%q", find[userns.GiveSecret](p)),
	} {
		if strings.Contains(text, hush) {
			t.Errorf("the secret is in %s", name)
		}
	}
	if exec := find[userns.Exec](p); len(exec) != 1 || len(exec[0].Secrets) != 1 || string(exec[0].Secrets[0]) != "TOKEN="+hush {
		t.Error("the command does not get it as a variable")
	}
	if files := find[userns.GiveSecret](p); len(files) != 1 || files[0].Text != hush || files[0].Below != "/run" {
		t.Error("the command does not get it as a file")
	}
	for _, file := range []string{"/home/ada/p/token", "/usr/token", "relative", "/run/../etc/x", "/proc/token"} {
		s.Secrets[0].File = file
		if _, _, err := Complete(s, laptop()); err == nil || strings.Contains(err.Error(), hush) {
			t.Errorf("file %s: %v", file, err)
		}
	}
	s.Secrets[0] = Secret{Name: "TOKEN", Value: hush + "\x00", Env: "TOKEN"}
	if _, _, err := Complete(s, laptop()); err == nil || strings.Contains(err.Error(), hush) {
		t.Errorf("a NUL byte: %v", err)
	}
}

func TestCapabilities(t *testing.T) {
	rootfs := func(s *Spec) { s.View, s.OCI.Root = Rootfs, &specs.Root{Path: "/srv/root"} }
	for _, c := range []struct {
		name                string
		change              func(*Spec)
		bounding, permitted string
		ambient             string
	}{
		{"host view", func(*Spec) {}, "none", "none", "none"},
		{"added", func(s *Spec) { s.CapAdd = []string{"CAP_NET_BIND_SERVICE"} }, "net_bind_service", "net_bind_service", "net_bind_service"},
		{"all dropped", func(s *Spec) { rootfs(s); s.CapDrop = []string{"ALL"} }, "none", "none", "none"},
		{"all but one", func(s *Spec) { rootfs(s); s.CapDrop, s.CapAdd = []string{"ALL"}, []string{"CAP_CHOWN"} }, "chown", "chown", "none"},
		{"dropped wins", func(s *Spec) { s.CapAdd, s.CapDrop = []string{"CAP_KILL", "CAP_CHOWN"}, []string{"CAP_KILL"} }, "chown", "chown", "chown"},
	} {
		s := build("make")
		c.change(&s)
		p := plan(t, s, laptop())
		bounding, set := find[userns.DropBounding](p), find[userns.SetCaps](p)
		if got := bounding[0].Keep.String(); got != c.bounding {
			t.Errorf("%s: bounding %s", c.name, got)
		}
		if got := set[0].Permitted.String(); got != c.permitted || set[0].Effective != set[0].Permitted {
			t.Errorf("%s: permitted %s", c.name, got)
		}
		if got := set[0].Ambient.String(); got != c.ambient {
			t.Errorf("%s: ambient %s", c.name, got)
		}
	}
}

// TestLabels: SELinux's labels, on the process, on what is mounted for it, and the
// refusal of what the label may not use. No SELinux is needed for that.
func TestLabels(t *testing.T) {
	const process, mount = "system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"
	h := laptop()
	h.Labels = Labels{process, mount}
	s := build("make")
	s.View, s.Layers, s.OCI.Process.ApparmorProfile = Union, []string{"/srv/a"}, "build"
	p := plan(t, s, h)
	confine := find[userns.Confine](p)
	want := []userns.Confine{
		{Module: "SELinux", Label: process, File: "exec", Text: process},
		{Module: "AppArmor", Label: "build", File: "apparmor/exec", Text: "exec build"},
	}
	if !slices.Equal(confine, want) {
		t.Errorf("%v", confine)
	}
	labelled := 0
	for _, m := range find[userns.Mount](p) {
		has := strings.Contains(m.String(), `context="`+mount+`"`)
		if has {
			labelled++
		}
		if want := m.Type == "devpts" || m.Type == "tmpfs" && m.Target != "/proc"; has != want {
			t.Errorf("%s", m)
		}
	}
	overlay := find[userns.Make](p)
	if labelled < 3 || !slices.ContainsFunc(overlay, func(m userns.Make) bool {
		return m.Type == "overlay" && slices.Contains(m.Options, userns.Option{Key: "context", Value: mount})
	}) {
		t.Errorf("%d mounts with labels, overlay %v", labelled, overlay)
	}
	done, _, err := Complete(s, h)
	if err != nil || done.unlabelled() != "" {
		t.Errorf("the kernel's union has its label: %q, %v", done.unlabelled(), err)
	}
	if done.Overlay = DriverFuse; done.unlabelled() == "" {
		t.Error("that a union in user mode has no label is not said")
	}
	h.FileLabels = map[string]string{s.Project: "unconfined_u:object_r:user_home_t:s0"}
	if _, _, err := Complete(s, h); err == nil || !strings.Contains(Hint(err), "chcon -R -t container_file_t /home/ada/p") {
		t.Errorf("a project of another label: %v", err)
	}
	h.FileLabels[s.Project] = "unconfined_u:object_r:container_file_t:s0:c1,c2"
	if _, _, err := Complete(s, h); err != nil {
		t.Error(err)
	}
}

// TestLabelOfRoot: a union has the sandbox's label, a root file system its own.
func TestLabelOfRoot(t *testing.T) {
	h := laptop()
	h.Labels = Labels{"system_u:system_r:container_t:s0:c1,c2", "system_u:object_r:container_file_t:s0:c1,c2"}
	h.FileLabels = map[string]string{"/srv/root": "unconfined_u:object_r:user_home_t:s0"}
	s := build("make")
	s.View, s.OCI.Root = Rootfs, &specs.Root{Path: "/srv/root"}
	if _, _, err := Complete(s, h); err == nil || !strings.Contains(err.Error(), "/srv/root has the SELinux label") {
		t.Errorf("got %v", err)
	}
	s.View, s.OCI.Root, s.Layers = Union, nil, []string{"/srv/root"}
	if _, _, err := Complete(s, h); err != nil {
		t.Error(err)
	}
}

// TestStreamsThatSELinuxTakes: the kernel would close them at exec, and say nothing.
func TestStreamsThatSELinuxTakes(t *testing.T) {
	s := build("make")
	look := func(f *os.File) access {
		if f == os.Stdin {
			return access{} // a socket
		}
		return access{"unconfined_t", "fifo_file", "write"}
	}
	check := func(may bool) error {
		return s.checkStreams(look, func(string, access) bool { return may }, os.Stdin, nil, os.Stderr)
	}
	if err := check(false); err != nil {
		t.Errorf("without a label: %v", err)
	}
	s.OCI.Process.SelinuxLabel = "container_t"
	if err := check(true); err != nil {
		t.Errorf("allowed: %v", err)
	}
	if err := check(false); err == nil || !strings.Contains(err.Error(), "standard error has the SELinux label unconfined_t") {
		t.Errorf("denied: %v", err)
	}
	for answer, want := range map[string]bool{
		"4 ffffffff 0 ffffffff 5 0": true, "3 ffffffff 0 ffffffff 5 0": false, "0 ffffffff 0 ffffffff 5 1": true, "": true, "x y z": true,
	} {
		if got := granted(answer, 3); got != want {
			t.Errorf("%q: %v", answer, got)
		}
	}
}

// TestUserNamespacesInside: with them Landlock keeps its scopes and lets go of the
// files, or nothing could be mounted.
func TestUserNamespacesInside(t *testing.T) {
	s := build("make")
	s.UserNS = true
	p := plan(t, s, laptop())
	l := find[userns.Landlock](p)
	if len(l) != 1 || l[0].Files != 0 || l[0].Scopes == 0 || len(l[0].Rules) > 0 {
		t.Errorf("%+v", l)
	}
	if f := find[userns.Seccomp](p); len(f) != 1 || !strings.Contains(f[0].Name, "user namespaces") {
		t.Errorf("%v", f)
	}
}
