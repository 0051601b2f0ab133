package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestRootOfUserNamespace: who is root of a user namespace of an ordinary user's is not
// refused as the machine's root is.
func TestRootOfUserNamespace(t *testing.T) {
	needNamespaces(t)
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", tool(t, "sbx"), "run", "-q", "--", "id", "-u")
	cmd.Dir = project(t)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "0" {
		t.Errorf("%v: %s", err, out)
	}
}
