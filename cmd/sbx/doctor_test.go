package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/sandbox"
)

// TestDoctor: it succeeds where sbx run does, and tells what is refused otherwise.
func TestDoctor(t *testing.T) {
	testenv.NeedNamespaces(t)
	var findings []sandbox.Finding
	if err := json.Unmarshal([]byte(output(t, "/", tool(t, "sbx"), "doctor", "--json")), &findings); err != nil {
		t.Fatal(err)
	}
	if len(findings) < 6 || findings[0].Name != "sandbox" || !findings[0].Granted || !findings[0].Needed {
		t.Errorf("%+v", findings)
	}
	said, code := unshared(t, "sbx run -- true && echo 0 >/proc/sys/user/max_ipc_namespaces; sbx run -- true || exec sbx doctor")
	_, said, _ = strings.Cut(said, "\nsbx: hint: ") // of sbx run
	_, said, _ = strings.Cut(said, "\n")
	lines := strings.Split(said, "\n")
	if code != exitFailed || len(lines) < 7 || !strings.HasPrefix(lines[0], "no  sandbox ") || !strings.Contains(lines[0], "user.max_ipc_namespaces=0 forbids namespaces: ") ||
		strings.TrimSpace(lines[1]) != "hint: as root: sysctl -w user.max_ipc_namespaces=15000" {
		t.Errorf("exit code %d:\n%s", code, said)
	}
}
