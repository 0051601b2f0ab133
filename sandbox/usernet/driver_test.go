package usernet

import (
	"slices"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/userns"
)

// TestPlan: each program dies with the supervisor, has nothing of the caller's, and is
// told to close what it would open by itself.
func TestPlan(t *testing.T) {
	confined := userns.Landlock{Words: "little"}
	for _, d := range Drivers {
		for _, six := range []bool{false, true} {
			steps := d.Plan("/usr/bin/it", 77, six, confined).Steps
			at := func(s userns.Step) int {
				return slices.IndexFunc(steps, func(other userns.Step) bool { return other.String() == s.String() })
			}
			if at(userns.DieWithSupervisor{}) != 0 || at(userns.AwaitSupervisor{}) != len(steps)-2 {
				t.Errorf("%s: may outlive the supervisor: %v", d, steps)
			}
			if at(userns.CloseOnExec{}) < 0 || at(userns.NoNewPrivs{}) < 0 || at(confined) < 0 {
				t.Errorf("%s: inherits or gains: %v", d, steps)
			}
			exec := steps[len(steps)-1].(userns.Exec)
			if !slices.Equal(exec.Env, []string{"PATH=/usr/bin:/bin"}) || exec.Argv[0] != string(d) {
				t.Errorf("%s: %q with environment %q", d, exec.Argv, exec.Env)
			}
			line := strings.Join(exec.Argv, " ") + " "
			want := map[Driver][]string{
				Pasta: {"--foreground ", "--no-map-gw ", "--tcp-ports none ", "--udp-ports none ", "--tcp-ns none ", "--udp-ns none ", " 77 "},
				Slirp: {"--disable-host-loopback ", "--enable-seccomp ", "--userns-path=/proc/self/fd/254 /proc/self/fd/255 tap0 "},
			}[d]
			for _, word := range want {
				if !strings.Contains(line, word) {
					t.Errorf("%s: no %q in %s", d, word, line)
				}
			}
			if got := strings.Contains(line, "fd00::2 ") || strings.Contains(line, "--enable-ipv6 "); got != six {
				t.Errorf("%s: IPv6 is %t: %s", d, got, line)
			}
		}
	}
}
