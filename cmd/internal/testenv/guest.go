package testenv

import (
	"os"
	"testing"
)

// NeedGuest is for what is compiled with the tag guest, which make vm does: there is a
// systemd that delegates cgroups there.
func NeedGuest(t testing.TB) {
	t.Helper()
	if os.Getenv("SBX_TEST_GUEST") != "1" {
		Skip(t, "no guest of make vm")
	}
}
