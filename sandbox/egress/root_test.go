package egress_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox"
)

// TestRoots: in a root of its own too a program asks the sandbox's name server, whatever
// the root has for a resolv.conf. The root's stays as it is.
func TestRoots(t *testing.T) {
	needRun(t)
	need(t, "musl-gcc")
	program := filepath.Join(t.TempDir(), "fetch")
	buildC(t, program)
	resolvConf := map[string]func(path string) error{
		"another server": func(path string) error { return os.WriteFile(path, []byte("nameserver 192.0.2.53\n"), 0o644) },
		"a link":         func(path string) error { return os.Symlink("/run/systemd/resolve/stub-resolv.conf", path) },
		"nothing":        func(string) error { return nil },
	}
	for name, view := range map[string]sandbox.View{"rootfs": sandbox.Rootfs, "union": sandbox.Union} {
		for has, make := range resolvConf {
			t.Run(name+"/"+has, func(t *testing.T) {
				t.Parallel()
				root := t.TempDir()
				// Not a copy: while it is written another test may fork, whose child has it open then.
				if err := os.Link(program, filepath.Join(root, "fetch")); err != nil {
					t.Fatal(err)
				}
				for _, dir := range []string{"etc", "proc", "sys", "dev"} {
					if err := os.Mkdir(filepath.Join(root, dir), 0o755); err != nil {
						t.Fatal(err)
					}
				}
				file := filepath.Join(root, "etc/resolv.conf")
				if err := make(file); err != nil {
					t.Fatal(err)
				}
				before, _ := os.ReadFile(file)
				s := sandbox.Spec{View: view, IDs: sandbox.IDsSingle, Egress: &sandbox.Egress{Allow: []string{"good.example.com"}}}
				if view == sandbox.Union {
					s.Layers = []string{root}
				} else {
					s.OCI.Root = &specs.Root{Path: root}
				}
				i := newInternet(t)
				for host, ok := range map[string]bool{"good.example.com": true, "bad.example.com": false} {
					c := sandbox.New(t.Context(), s)
					c.Spec.OCI.Process = &specs.Process{Args: []string{"/fetch", host}}
					c.Resolver, c.Dial = i, i.dial
					var out bytes.Buffer
					c.Stdout, c.Stderr = &out, &out
					if err := c.Run(); (err == nil) != ok || bytes.Contains(out.Bytes(), []byte("this is good")) != ok {
						t.Errorf("%s: %v: %s\n%+v", host, err, &out, c.Flows())
					}
				}
				if after, _ := os.ReadFile(file); !bytes.Equal(after, before) {
					t.Errorf("resolv.conf is %q", after)
				}
			})
		}
	}
}
