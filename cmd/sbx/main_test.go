package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox"
)

func TestMain(m *testing.M) {
	os.Exit(testenv.Main(m, "cmd/sbx", "cmd/sbx-image", "cmd/sbx/testdata/hostile", "cmd/sbx/testdata/attacks", "cmd/sbx/testdata/upstream", "cmd/sbx/testdata/world"))
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
			if os.Getenv("SBX_TEST_GUEST") != "" { // an emulated machine
				env.Setenv("SLOWER", "0")
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
			if version, ok := strings.CutPrefix(cond, "kernel:"); ok {
				return atLeast(version)
			}
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

// atLeast tells whether the kernel is a version or newer: kernel:6.7.
func atLeast(version string) (bool, error) {
	var want sandbox.Kernel
	if _, err := fmt.Sscanf(version, "%d.%d", &want.Major, &want.Minor); err != nil {
		return false, err
	}
	major, minor, err := sandbox.KernelVersion()
	return sandbox.Kernel{Major: major, Minor: minor}.AtLeast(want.Major, want.Minor), err
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
