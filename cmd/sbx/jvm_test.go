package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
	"github.com/sbxrun/sbx/profiles"
)

// TestJVM: container detection of Java 17 does not end it.
func TestJVM(t *testing.T) {
	needNamespaces(t)
	if _, err := exec.LookPath("java"); err != nil {
		testenv.Skip(t, "%v", err)
	}
	cmd := exec.Command(tool(t, "sbx"), "run", "-q", "--", "java", "-XshowSettings:system", "-version")
	cmd.Dir = testenv.Project(t)
	if out, err := cmd.CombinedOutput(); err != nil || strings.Contains(string(out), "Exception") {
		t.Errorf("%v: %s", err, out)
	}
}

func TestJVMEnv(t *testing.T) {
	for cgroups, want := range map[string]bool{
		"4:memory:/a/b\n0::/\n": true, "4:memory:/\n0::/user.slice/x\n": false, "0::/a\n": false, "": false, "1:name=systemd:/a:b\n": true,
	} {
		if belowV1Root(cgroups) != want {
			t.Errorf("%q: want %v", cgroups, want)
		}
	}
	plain := runFlags{}
	if got := plain.jvmEnv([]string{"A=1"}); !slices.Equal(got, []string{"A=1"}) {
		t.Errorf("without profile java: %q", got)
	}
	java := runFlags{profile: profiles.Profile{Env: profiles.Env{Pass: []profiles.Value{{Text: jvmOptions}}}}}
	own := []string{jvmOptions + "=-XX:+UseContainerSupport"}
	if got := java.jvmEnv(slices.Clone(own)); !slices.Equal(got, own) {
		t.Errorf("the caller's own words are lost: %q", got)
	}
}
