package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestInAContainer runs sbx in a container of crun's. Where the container hides parts of
// /proc, as engines have it by default, the kernel makes no other /proc; where it is
// whole, and user namespaces are allowed, sbx is at home.
func TestInAContainer(t *testing.T) {
	root := needDebian(t)
	if _, err := exec.LookPath("crun"); err != nil {
		skip(t, "%v", err)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs("/sys/fs/cgroup/unified", &fs); err == nil && fs.Type == unix.CGROUP2_SUPER_MAGIC {
		skip(t, "crun takes one version of cgroups, and there are two")
	}
	sbx, work := tool(t, "sbx"), project(t)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	for _, c := range []struct {
		name   string
		masked []string
		script string
		code   int
		says   []string
	}{
		{"whole", nil, "/opt/sbx run -- sh -c 'echo in $(id -u); touch made; exit 7'", 7, []string{"in 0\n"}},
		{"masked", []string{"/proc/kcore", "/proc/keys", "/proc/timer_list"}, "/opt/sbx run -- true", exitFailed, []string{
			"sbx: the kernel makes no new /proc where parts of the one around are covered: mount proc -> /proc rw,nosuid,nodev,noexec: operation not permitted\n",
			"sbx: hint: ", "systempaths=unconfined"}},
	} {
		var config map[string]any
		spec := output(t, work, sbx, "run", "--dry-run=spec", "--rootfs", root, "--rw-rootfs", "--allow-userns", "-v", filepath.Dir(sbx)+":/opt:ro", "--", "sh", "-c", c.script)
		if err := json.Unmarshal([]byte(spec), &config); err != nil {
			t.Fatal(err)
		}
		config["linux"].(map[string]any)["maskedPaths"] = c.masked
		b, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		bundle := t.TempDir()
		if err := os.WriteFile(filepath.Join(bundle, "config.json"), b, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("crun", "--cgroup-manager=disabled", "run", "--bundle", bundle, "sbx-nest-"+c.name)
		cmd.Dir = work
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		_ = cmd.Run() // the code is compared
		if cmd.ProcessState.ExitCode() != c.code {
			t.Errorf("%s: exit code %d, want %d\n%s", c.name, cmd.ProcessState.ExitCode(), c.code, out.String())
		}
		for _, text := range c.says {
			if !strings.Contains(out.String(), text) {
				t.Errorf("%s: %q is not in\n%s", c.name, text, out.String())
			}
		}
	}
	if _, err := os.Stat(filepath.Join(work, "made")); err != nil {
		t.Errorf("the project of the inner sandbox: %v", err)
	}
}
