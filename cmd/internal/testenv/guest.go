package testenv

import (
	"os"
	"testing"
)

// NeedGuest skips what is for a guest of make vm, where there is a systemd that
// delegates cgroups: there it must work.
func NeedGuest(t testing.TB) {
	t.Helper()
	if os.Getenv("SBX_TEST_GUEST") != "1" {
		t.Skip("for the guests of make vm")
	}
}
