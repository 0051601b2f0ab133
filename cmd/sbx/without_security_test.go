package main

import (
	"maps"
	"slices"
	"testing"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// noLauncher runs a command in no sandbox at all.
type noLauncher struct{}

func (noLauncher) name() string { return "none" }

func (noLauncher) command(s *scene, r row) ([]string, string) {
	s.vars["ATTACKS"] = outsideAttacks(s)
	maps.Copy(s.vars, s.outsideVars)
	return s.expand(r.cmd), ""
}

func outsideAttacks(s *scene) string {
	if s.view == ownView {
		return s.vars["OUTSIDE"]
	}
	return s.vars["ATTACKS"]
}

// bareLauncher gives a command namespaces and all rights in them, and nothing
// else: what a sandbox is before anything is taken away. A row that an ordinary
// user cannot carry out on the host can be carried out here.
type bareLauncher struct{}

func (bareLauncher) name() string { return "namespaces alone" }

func (bareLauncher) command(s *scene, r row) ([]string, string) {
	s.vars["ATTACKS"] = outsideAttacks(s)
	return append([]string{"unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "--uts", "--ipc", "--net", "--cgroup"}, s.expand(r.cmd)...), ""
}

// An excuse says why a row holds without a sandbox.
type excuse struct {
	id, why string
	bare    bool // it comes through in namespaces alone
	varies  bool // it comes through on some machines
}

// notOutside are rows that would harm the machine.
var notOutside = []string{
	"signal-all", // ends every process of the user
}

// TestSecurityWithoutSandbox shows that the rows can fail. Each must come through
// without a sandbox, or be listed in heldWithoutSandbox.
func TestSecurityWithoutSandbox(t *testing.T) {
	if testing.Short() {
		testenv.Skip(t, "short")
	}
	needNamespaces(t)
	excuses := map[string]excuse{}
	for _, e := range heldWithoutSandbox {
		if e.why == "" || excuses[e.id].id != "" {
			t.Errorf("%s is listed twice, or without a reason", e.id)
		}
		excuses[e.id] = e
	}
	for _, r := range securityRows() {
		e, listed := excuses[r.id]
		delete(excuses, r.id)
		if r.layer || slices.Contains(notOutside, r.id) {
			continue
		}
		t.Run(r.id, func(t *testing.T) {
			t.Parallel()
			r.needMachine(t)
			v := r.views[0]
			if v == rootfsView {
				v = hostView // nothing of a root file system is used
			}
			got, why := r.try(newScene(t, t.TempDir(), v, r), noLauncher{})
			switch {
			case got == unrun:
				t.Errorf("%s", why)
			case e.varies:
			case listed && got == broke:
				t.Errorf("comes through without a sandbox, but is listed as held: %s", why)
			case !listed && got == held:
				t.Errorf("holds without a sandbox: it shows nothing, or must be listed: %s", why)
			}
			if !e.bare {
				return
			}
			if got, why := r.try(newScene(t, t.TempDir(), v, r), bareLauncher{}); got != broke {
				t.Errorf("%s in namespaces alone, where it is said to come through: %s", got, why)
			}
		})
	}
	for id := range excuses {
		t.Errorf("heldWithoutSandbox lists %s, which is no row", id)
	}
}
