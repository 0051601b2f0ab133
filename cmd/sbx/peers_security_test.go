package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The peers get what is nearest to sbx's defaults: all namespaces, the host's
// root or the Debian root read-only, an empty home and /tmp, the project
// writable. No network. Where a peer has a default, it is left.

// rowForPeer says why a row makes no sense in a peer, or nothing.
func rowForPeer(s *scene, r row) string {
	switch {
	case s.view == ownView:
		return "the row makes a root file system for sbx"
	case len(r.flags) > 0:
		return "the row is about a flag of sbx"
	}
	return ""
}

// bwrapLauncher is bubblewrap, with or without a session of its own: without is
// what one gets who does not think of the terminal.
type bwrapLauncher struct{}

func (bwrapLauncher) name() string { return "bubblewrap" }

func (bwrapLauncher) command(s *scene, r row) ([]string, string) {
	if na := rowForPeer(s, r); na != "" {
		return nil, na
	}
	argv := []string{"bwrap", "--unshare-all", "--die-with-parent", "--new-session"}
	if s.view == rootfsView {
		argv = append(argv, "--uid", "0", "--gid", "0", "--ro-bind", s.vars["DEBIAN"], "/")
		// The project's mount point is in a directory of the peer's own.
		argv = append(argv, "--tmpfs", topOf(s.vars["PROJECT"]))
	} else {
		argv = append(argv, "--ro-bind", "/", "/", "--tmpfs", "/run", "--tmpfs", "/var/tmp", "--tmpfs", "/home", "--tmpfs", "/root")
	}
	argv = append(argv, "--tmpfs", "/tmp", "--tmpfs", s.vars["HOME"], "--dev", "/dev", "--proc", "/proc",
		"--bind", s.vars["PROJECT"], s.vars["PROJECT"], "--chdir", s.vars["PROJECT"], "--")
	return append(argv, s.expand(r.cmd)...), ""
}

// topOf gives the first directory of a path.
func topOf(path string) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return "/" + first
}

// firejailLauncher is firejail with its default profile, but no network. It
// knows the home of the password file alone, so the scene is below that.
type firejailLauncher struct{}

func (firejailLauncher) name() string { return "firejail" }

func (firejailLauncher) command(s *scene, r row) ([]string, string) {
	if na := rowForPeer(s, r); na != "" {
		return nil, na
	}
	if s.view == rootfsView {
		return nil, "firejail needs root for --chroot"
	}
	return append([]string{"firejail", "--quiet", "--profile=default", "--net=none", "--private-tmp", "--private-dev", "--whitelist=" + s.vars["PROJECT"], "--"}, s.expand(r.cmd)...), ""
}

// podmanLauncher is rootless podman, with its defaults.
type podmanLauncher struct{}

func (podmanLauncher) name() string { return "podman" }

func (podmanLauncher) command(s *scene, r row) ([]string, string) {
	if na := rowForPeer(s, r); na != "" {
		return nil, na
	}
	if s.view == hostView {
		return nil, "podman has no view of the host's root"
	}
	argv := []string{"podman", "run", "--rm", "--quiet", "--network=none", "-v", s.vars["PROJECT"] + ":" + s.vars["PROJECT"], "-w", s.vars["PROJECT"]}
	switch r.tty {
	case ttyAll:
		argv = append(argv, "-it")
	default:
		argv = append(argv, "-i")
	}
	return append(append(argv, "--rootfs", s.vars["DEBIAN"]+":O"), s.expand(r.cmd)...), ""
}

// runtimeLauncher is crun or runc with what their spec --rootless writes.
type runtimeLauncher struct{ program string }

func (l runtimeLauncher) name() string { return l.program }

var bundles struct {
	sync.Mutex
	n int
}

func (l runtimeLauncher) command(s *scene, r row) ([]string, string) {
	if na := rowForPeer(s, r); na != "" {
		return nil, na
	}
	if s.view == hostView {
		return nil, "it takes a root file system"
	}
	bundle := filepath.Join(s.vars["DIR"], "bundle-"+l.program)
	s.mkdir(bundle)
	_ = os.Remove(filepath.Join(bundle, "config.json")) // of a repetition
	spec := exec.Command(l.program, "spec", "--rootless")
	spec.Dir = bundle
	if out, err := spec.CombinedOutput(); err != nil {
		return nil, fmt.Sprintf("%s spec: %v: %s", l.program, err, out)
	}
	var config map[string]any
	b, err := os.ReadFile(filepath.Join(bundle, "config.json"))
	s.check(err)
	s.check(json.Unmarshal(b, &config))
	config["root"].(map[string]any)["path"] = s.vars["DEBIAN"]
	process := config["process"].(map[string]any)
	process["args"], process["cwd"], process["terminal"] = s.expand(r.cmd), s.vars["PROJECT"], r.tty == ttyAll
	// The root is read-only, and has no place for the project.
	config["mounts"] = append(config["mounts"].([]any),
		map[string]any{"destination": topOf(s.vars["PROJECT"]), "type": "tmpfs", "source": "tmpfs"},
		map[string]any{"destination": s.vars["PROJECT"], "type": "none", "source": s.vars["PROJECT"], "options": []string{"rbind", "rw"}})
	b, err = json.Marshal(config)
	s.check(err)
	s.check(os.WriteFile(filepath.Join(bundle, "config.json"), b, 0o644))
	bundles.Lock()
	bundles.n++
	id := fmt.Sprintf("sbx-security-%d-%d", os.Getpid(), bundles.n)
	bundles.Unlock()
	state := filepath.Join(s.vars["DIR"], "state")
	s.mkdir(state)
	argv := []string{l.program, "--root", state, "run", "--bundle", bundle, id}
	if l.program == "crun" {
		argv = slices.Insert(argv, 1, "--cgroup-manager=disabled")
	}
	return argv, ""
}

// peers are those that there are rows for.
func peers() []launcher {
	return []launcher{bwrapLauncher{}, firejailLauncher{}, podmanLauncher{}, runtimeLauncher{"crun"}, runtimeLauncher{"runc"}}
}

// TestSecurityPeers makes the attacks in the peers that are installed, and
// writes a table. What comes through there is no failure of the test.
func TestSecurityPeers(t *testing.T) {
	if os.Getenv("SBX_SECURITY_PEERS") != "1" {
		t.Skip("SBX_SECURITY_PEERS is not 1")
	}
	needDebian(t)
	launchers := []launcher{sbxLauncher{}}
	for _, l := range peers() {
		program := l.name()
		if program == "bubblewrap" {
			program = "bwrap"
		}
		if _, err := exec.LookPath(program); err == nil {
			launchers = append(launchers, l)
		}
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	rows := slices.DeleteFunc(securityRows(), func(r row) bool { return r.layer })
	results := make([]map[string]verdict, len(rows))
	t.Run("rows", func(t *testing.T) {
		for i, r := range rows {
			results[i] = map[string]verdict{}
			t.Run(r.id, func(t *testing.T) {
				t.Parallel()
				for _, v := range r.views {
					for _, l := range launchers {
						dir, err := os.MkdirTemp(home, "security-")
						if err != nil {
							t.Fatal(err)
						}
						if err := os.Chmod(dir, 0o755); err != nil {
							t.Fatal(err)
						}
						t.Cleanup(func() { os.RemoveAll(dir) })
						got, why := r.try(newScene(t, dir, v, r), l)
						if got != held {
							t.Logf("%s in %s: %s: %.200s", v, l.name(), got, why)
						}
						key := l.name() + "/" + string(v)
						results[i][key] = got
					}
				}
			})
		}
	})
	path := os.Getenv("SBX_SECURITY_TABLE")
	if path == "" {
		return
	}
	if err := os.WriteFile(path, []byte(securityTable(launchers, rows, results)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// securityTable is a table in Markdown: a line a row, a column a launcher. A row
// that comes through in one view has come through.
func securityTable(launchers []launcher, rows []row, results []map[string]verdict) string {
	var b strings.Builder
	b.WriteString("| row | it tries to |")
	for _, l := range launchers {
		b.WriteString(" " + l.name() + " |")
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(launchers)) + "\n")
	counts := map[string]map[verdict]int{}
	for i, r := range rows {
		fmt.Fprintf(&b, "| %s | %s |", r.id, strings.ReplaceAll(r.tries, "|", `\|`))
		for _, l := range launchers {
			sum := na
			for _, v := range r.views {
				sum = worse(sum, results[i][l.name()+"/"+string(v)])
			}
			if counts[l.name()] == nil {
				counts[l.name()] = map[verdict]int{}
			}
			counts[l.name()][sum]++
			if sum == broke {
				fmt.Fprintf(&b, " **%s** |", sum)
			} else {
				fmt.Fprintf(&b, " %s |", sum)
			}
		}
		b.WriteString("\n")
	}
	for _, sum := range []verdict{held, broke, na, unrun} {
		fmt.Fprintf(&b, "| | rows: %s |", sum)
		for _, l := range launchers {
			fmt.Fprintf(&b, " %d |", counts[l.name()][sum])
		}
		b.WriteString("\n")
	}
	return b.String()
}

// worse joins the verdicts of two views.
func worse(a, b verdict) verdict {
	for _, v := range []verdict{broke, unrun, held} {
		if a == v || b == v {
			return v
		}
	}
	return na
}
