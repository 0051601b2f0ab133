package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// tools is where the real binaries are that the tests run: sbx as it is shipped,
// and the hostile program.
var tools struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	fixture.close()
	if tools.dir != "" {
		os.RemoveAll(tools.dir)
	}
	os.Exit(code)
}

// tool builds the binaries once and gives one's path.
func tool(t testing.TB, name string) string {
	t.Helper()
	tools.once.Do(func() {
		if tools.dir, tools.err = os.MkdirTemp("", "sbx-tools"); tools.err != nil {
			return
		}
		for target, pkg := range map[string]string{"sbx": ".", "sbx-image": "../sbx-image", "hostile": "./testdata/hostile", "manifest": "./testdata/manifest"} {
			build := exec.Command("go", "build", "-trimpath", "-o", filepath.Join(tools.dir, target), pkg)
			build.Env = append(os.Environ(), "CGO_ENABLED=0")
			if out, err := build.CombinedOutput(); err != nil {
				tools.err = fmt.Errorf("go build %s: %v\n%s", pkg, err, out)
				return
			}
		}
	})
	if tools.err != nil {
		t.Fatal(tools.err)
	}
	return filepath.Join(tools.dir, name)
}

// skip skips a test that misses something, unless all must work.
func skip(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("SBX_MUST_WORK") == "1" {
		t.Fatalf("SBX_MUST_WORK: "+format, args...)
	}
	t.Skipf(format, args...)
}

// needNamespaces skips where user namespaces are forbidden.
func needNamespaces(t testing.TB) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", "-test.run=^$")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
	if err := cmd.Run(); err != nil {
		skip(t, "no user namespaces: %v", err)
	}
}

// missingHelpers says why several ids cannot be mapped, or nothing.
func missingHelpers(t testing.TB) error {
	out, err := exec.Command(tool(t, "sbx"), "run", "--rootfs", "/", "--userns", "root", "--dry-run", "--no-project", "--", "true").CombinedOutput()
	if err != nil {
		return fmt.Errorf("no subordinate ids: %s", out)
	}
	return nil
}

// missingFuse says why fuse-overlayfs cannot be run, or nothing.
func missingFuse() error {
	if _, err := exec.LookPath("fuse-overlayfs"); err != nil {
		return err
	}
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// missingDebian says why there is no Debian root file system, or nothing.
func missingDebian(t testing.TB) error {
	if os.Getenv("SBX_TEST_DEBIAN") == "" {
		return errors.New("SBX_TEST_DEBIAN names no Debian root file system")
	}
	return missingHelpers(t)
}

// needDebian skips where there is no Debian root file system, and gives it.
func needDebian(t testing.TB) string {
	t.Helper()
	if err := missingDebian(t); err != nil {
		skip(t, "%v", err)
	}
	return debian(t)
}

var debianRoot struct {
	once sync.Once
	dir  string
	err  error
}

// debian unpacks the Debian root file system once, owned by the ids that the
// sandbox will have, and keeps it for later runs.
func debian(t testing.TB) string {
	t.Helper()
	archive := os.Getenv("SBX_TEST_DEBIAN")
	debianRoot.once.Do(func() {
		home, err := os.UserHomeDir()
		if err != nil {
			debianRoot.err = err
			return
		}
		dir := filepath.Join(home, ".cache", "sbx-test", "debian")
		debianRoot.dir = dir
		if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
			return
		}
		if debianRoot.err = os.MkdirAll(filepath.Join(dir, "root"), 0o755); debianRoot.err != nil {
			return
		}
		// sbx itself has the ids: a root of its own whose files tar writes.
		unpack := exec.Command("unshare", "--user", "--map-root-user", "--map-auto",
			"tar", "-C", filepath.Join(dir, "root"), "-xpf", archive)
		if out, err := unpack.CombinedOutput(); err != nil {
			debianRoot.err = fmt.Errorf("unpack %s: %v\n%s", archive, err, out)
			return
		}
		debianRoot.err = os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644)
	})
	if debianRoot.err != nil {
		t.Fatal(debianRoot.err)
	}
	return filepath.Join(debianRoot.dir, "root")
}

// TestScripts runs testdata/script. Each script is a user's session with the
// real binary; its first lines say what of the promise it shows.
func TestScripts(t *testing.T) {
	needNamespaces(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"sbx", "hostile"} {
				if err := os.Symlink(tool(t, name), filepath.Join(env.WorkDir, name)); err != nil {
					return err
				}
			}
			home := filepath.Join(env.WorkDir, "home")
			project := filepath.Join(home, "project")
			if err := os.MkdirAll(project, 0o755); err != nil {
				return err
			}
			env.Setenv("PATH", filepath.Dir(tool(t, "sbx"))+":"+env.Getenv("PATH"))
			env.Setenv("HOSTILE", tool(t, "hostile"))
			env.Setenv("SBX", tool(t, "sbx"))
			env.Setenv("HOME", home)
			for _, name := range []string{"GOPROXY", "GOSUMDB", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"} { // where modules are, on this machine
				if value, ok := os.LookupEnv(name); ok {
					env.Setenv(name, value)
				}
			}
			env.Setenv("PROJECT", project)
			env.Setenv("UID", fmt.Sprint(os.Getuid()))
			env.Setenv("GID", fmt.Sprint(os.Getgid()))
			if missingDebian(t) == nil {
				env.Setenv("DEBIAN", debian(t))
				env.Setenv("IMAGE", needImage(t))
			}
			env.Cd = project
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitis":  exitisCommand,
			"deleted": deletedCommand,
		},
		Condition: func(cond string) (ok bool, err error) {
			missing, known := map[string]func() error{
				"helpers": func() error { return missingHelpers(t) },
				"fuse":    missingFuse,
				"debian":  func() error { return missingDebian(t) },
				"skopeo":  inPath("skopeo"),
				"podman":  inPath("podman"),
				"umoci":   inPath("umoci"),
			}[cond]
			if !known {
				return false, fmt.Errorf("unknown condition %q", cond)
			}
			err = missing()
			if err != nil && os.Getenv("SBX_MUST_WORK") != "1" {
				return false, nil
			}
			return err == nil, err
		},
	})
}

func inPath(program string) func() error {
	return func() error { _, err := exec.LookPath(program); return err }
}

// exitisCommand runs a command and checks its exit code: exitis CODE CMD ARG...
func exitisCommand(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := "0"
	if exit, ok := err.(*exec.ExitError); ok {
		got = fmt.Sprint(exit.ExitCode())
	} else if err != nil {
		got = err.Error()
	}
	if got != args[0] {
		ts.Fatalf("exit code %s, want %s: %s", got, args[0], strings.Join(args[1:], " "))
	}
}

// deletedCommand runs a command in a directory that was removed: the shell does
// it, since a test has one working directory for all.
func deletedCommand(ts *testscript.TestScript, neg bool, args []string) {
	script := `mkdir gone && cd gone && rmdir ../gone && exec "$@"`
	err := ts.Exec("sh", append([]string{"-c", script, "sh"}, args...)...)
	if neg == (err == nil) {
		ts.Fatalf("unexpected result: %v", err)
	}
}
