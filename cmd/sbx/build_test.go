package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// output runs a command in a directory and gives what it printed.
func output(t testing.TB, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out.String(), errors.String())
	}
	return out.String()
}

// TestBuildsItself builds sbx inside the host view with nothing compiled before, and
// runs the tests of a pure package there, with the module cache shown read-only.
func TestBuildsItself(t *testing.T) {
	needNamespaces(t)
	sbx := tool(t, "sbx")
	top := strings.TrimSpace(output(t, ".", "go", "list", "-m", "-f", "{{.Dir}}"))
	cache := strings.TrimSpace(output(t, ".", "go", "env", "GOMODCACHE"))
	work := project(t)
	output(t, top, "sh", "-c", `tar -c --exclude=./.git . | tar -x -C "$1"`, "sh", work)
	got := output(t, work, sbx, "run", "--ro", cache, "-e", "GOMODCACHE="+cache, "-e", "GOFLAGS=-mod=mod -buildvcs=false", "-e", "GOPROXY=off", "-e", "CGO_ENABLED=0",
		"--", "sh", "-c", "go build -o built ./cmd/sbx && go test ./idmap")
	if !strings.Contains(got, "ok  \tgithub.com/sbxrun/sbx/idmap") {
		t.Errorf("got %s", got)
	}
	if out := output(t, work, "./built", "version"); !strings.HasPrefix(out, "sbx ") {
		t.Errorf("the built sbx says %q", out)
	}
}

// TestBuildsC builds a C program of several files with make.
func TestBuildsC(t *testing.T) {
	needNamespaces(t)
	for _, name := range []string{"make", "cc"} {
		if _, err := exec.LookPath(name); err != nil {
			skip(t, "%v", err)
		}
	}
	work := project(t)
	output(t, "testdata/c", "sh", "-c", `cp -r . "$1"`, "sh", work)
	if got := output(t, work, tool(t, "sbx"), "run", "--", "sh", "-c", "make -j2 && ./greet sandbox"); !strings.HasSuffix(got, "hello, sandbox\n") {
		t.Errorf("got %q", got)
	}
	if got := output(t, work, "./greet", "host"); got != "hello, host\n" {
		t.Errorf("outside: %q", got)
	}
}

// TestInstallsAPackage makes a Debian package in a root file system and installs
// it there: files of several owners, and a script that changes them.
func TestInstallsAPackage(t *testing.T) {
	root := needDebian(t)
	work := project(t)
	script := `set -e
		mkdir -p pkg/DEBIAN pkg/usr/share/several
		printf 'Package: several\nVersion: 1\nArchitecture: all\nMaintainer: Test <test@example.org>\nDescription: files of several owners\n' > pkg/DEBIAN/control
		printf '#!/bin/sh\nset -e\nchown games:games /usr/share/several/c\n' > pkg/DEBIAN/postinst
		chmod 755 pkg/DEBIAN/postinst
		for f in a b c; do echo $f > pkg/usr/share/several/$f; done
		cp -r pkg /pkg; chown daemon:daemon /pkg/usr/share/several/b
		dpkg-deb --build /pkg /several.deb >/dev/null
		dpkg -i /several.deb >/dev/null
		stat -c '%U:%G' /usr/share/several/a /usr/share/several/b /usr/share/several/c
		dpkg -s several | grep Status`
	for _, driver := range []string{"kernel", "fuse-overlayfs"} {
		if driver != "kernel" && missingFuse() != nil {
			skip(t, "%v", missingFuse())
		}
		got := output(t, work, tool(t, "sbx"), "run", "--overlay", driver, "--rootfs", root, "--", "sh", "-c", script)
		want := "root:root\ndaemon:daemon\ngames:games\nStatus: install ok installed\n"
		if got != want {
			t.Errorf("%s: got %q, want %q", driver, got, want)
		}
		if err := os.RemoveAll(filepath.Join(work, "pkg")); err != nil {
			t.Errorf("a file of somebody else's is in the project: %v", err)
		}
	}
}

// TestAnotherRuntimeAgrees runs what --dry-run=spec prints by crun, and compares
// what a program sees there with what it sees by sbx.
func TestAnotherRuntimeAgrees(t *testing.T) {
	root := needDebian(t)
	if _, err := exec.LookPath("crun"); err != nil {
		skip(t, "%v", err)
	}
	// Where cgroup v1 and v2 are mixed crun runs nothing; .ci/test, as root, has v2 away.
	var fs unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup/unified", &fs); err == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
		skip(t, "crun takes one version of cgroups, and there are two")
	}
	sbx, work := tool(t, "sbx"), project(t)
	const script = `id -u; id -G; hostname; pwd; env | sort; cat /proc/self/uid_map /proc/self/gid_map
		grep -E 'Cap(Prm|Eff|Bnd|Inh)|NoNewPrivs' /proc/self/status; ulimit -Sn; ulimit -Hn
		awk '{print $5, $6}' /proc/self/mountinfo | sed -E -e 's/,relatime//' -e 's#^(/proc/[^ ]*|/sys/[^ ]*) ro.*#\1 ro#' | grep -v -e '^/dev/[a-z]* ' -e '^/ ' -e '^/sys ' | sort
		ls /dev | grep -v "^core$"; exit 41` // crun adds a link to /proc/kcore
	args := []string{"run", "--rootfs", root, "--rw-rootfs", "--name", "twin", "-e", "A=1", "--ulimit", "nofile=100:200", "-u", "daemon:games", "--", "sh", "-c", script}
	run := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Dir = work
		var errors bytes.Buffer
		cmd.Stderr = &errors
		out, err := cmd.Output()
		if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 41 {
			t.Fatalf("%s: %v\n%s%s", name, err, out, errors.String())
		}
		return string(out)
	}
	ours := run(sbx, args...)

	var config map[string]any
	spec := output(t, work, sbx, append([]string{"run", "--dry-run=spec"}, args[1:]...)...)
	if err := json.Unmarshal([]byte(spec), &config); err != nil {
		t.Fatal(err)
	}
	bundle := t.TempDir()
	if err := os.WriteFile(filepath.Join(bundle, "config.json"), []byte(spec), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	theirs := run("crun", "--cgroup-manager=disabled", "run", "--bundle", bundle, "sbx-twin")
	if diff := cmp.Diff(strings.Split(theirs, "\n"), strings.Split(ours, "\n")); diff != "" {
		t.Errorf("(-crun +sbx):\n%s", diff)
	}
}
