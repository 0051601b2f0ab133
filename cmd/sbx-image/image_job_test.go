package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestJobsInImages: an image is good for real work, by root with all ids and with the
// host's network, from where the image's own package manager fetches.
func TestJobsInImages(t *testing.T) {
	r := needRegistry(t)
	newStore(t)
	source, err := filepath.Abs("../sbx/testdata/c")
	if err != nil {
		t.Fatal(err)
	}
	mirror := exec.Command(tool(t, "sbx"), "run", "-q", "--no-project", "--net", "host", "--image", r.host+"/debian", "--", "apt-get", "update", "--error-on=any")
	if out, err := mirror.CombinedOutput(); err != nil {
		skip(t, "packages cannot be fetched: %v: %s", err, out)
	}
	const install = "apt-get update -qq >&2 && apt-get install -qq -y --no-install-recommends "
	for _, j := range []struct{ name, line, want string }{
		{"install a package", install + "hello >&2 && hello -g installed", "installed"},
		{"compile with the image's compiler", install + "gcc libc6-dev make >&2 && make >&2 && ./greet image", "hello, image"},
		{"add a user and become him", "useradd -m -u 4321 someone && su someone -c 'cd; touch mine; stat -c %U:%u mine'", "someone:4321"},
	} {
		t.Run(j.name, func(t *testing.T) {
			work := t.TempDir()
			if out, err := exec.Command("cp", "-r", source+"/.", work).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			cmd := exec.Command(tool(t, "sbx"), "run", "-q", "--net", "host", "-e", "DEBIAN_FRONTEND=noninteractive", "--image", r.host+"/debian", "--", "sh", "-c", j.line)
			cmd.Dir = work
			var complaint strings.Builder
			cmd.Stderr = &complaint
			out, err := cmd.Output()
			if err != nil || strings.TrimSpace(string(out)) != j.want {
				t.Errorf("%v: %q, want %q\n%s", err, out, j.want, complaint.String())
			}
			// What was made in the project is the caller's, whoever he was inside.
			if out, err := exec.Command("rm", "-r", work).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
