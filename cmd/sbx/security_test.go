package main

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// The security suite. A row is one attack, by a program of testdata/attacks or a
// shell line; rows are in the files *_security_test.go, by theme. The same rows
// run in sbx, where each must be refused; without a sandbox, where each must
// come through or be listed with the reason (without_security_test.go); and in
// the peers, for a table (peers_security_test.go).

// A view is what the command sees as its root.
type view string

const (
	hostView   view = "host"   // the host's own root
	rootfsView view = "rootfs" // a Debian root file system
	ownView    view = "own"    // a root file system that the row makes, and names in its flags
)

var (
	both       = []view{hostView, rootfsView}
	hostOnly   = []view{hostView}
	rootfsOnly = []view{rootfsView}
	own        = []view{ownView}
)

// A row is one attack.
type row struct {
	id    string // GROUP-NAME, or a CVE's
	group string
	tries string // what, in a sentence
	views []view
	cmd   []string // {NAME}s are replaced by the scene's variables
	flags []string // of sbx, replaced likewise; peers have others, so they are left out

	victim  bool     // a process of the caller's runs outside
	wrap    []string // a command outside that runs the launcher
	tty     streams  // what of the standard streams is the caller's terminal
	refusal int      // exit code that is a refusal too: sbx's 125 or 124
	setup   func(*scene)
	judge   func(*scene) string // what broke, seen from outside, or nothing
	while   func(*scene) func() // something that goes on outside, and its end
	repeat  int                 // how often, for races
	since   string              // the kernel from which on it is closed
	layer   bool                // a protection was taken away, and the others must do
}

// streams says which standard streams are the caller's terminal.
type streams string

const (
	ttyNone   streams = ""
	ttyAll    streams = "all"
	ttyInput  streams = "input"  // as in a pipe: sbx run CMD 2>&1 | less
	ttyOutput streams = "output" // echo | sbx run CMD
	ttyError  streams = "error"  // sbx run CMD < FILE > FILE
)

// securityRows are all of them.
func securityRows() []row {
	var all []row
	for _, some := range [][]row{
		procRows, processRows, descriptorRows, mountRows, deviceRows, rightsRows, kernelRows, socketRows, userNetRows,
		terminalRows, secretRows, fileRows, pathRows, runLaterRows, raceRows, identityRows, resourceRows,
		incidentRows, networkRows, namedRows, maskRows, tcpRows, executableRows, machineRows, stdioRows,
		placeRows, homeRows, dotenvRows, pinRows, renameRows, ownRows, outputRows, leftRows,
		variableRows, walkRows, namesRows, leadsRows, cameRows, fatRows(), searchedRows, speakRows, secondNameRows, replacedRows, quarantineRows, closedRows, setIDRows, backupRows, reachRows, rememberRows, longPathRows, worktreesRows, gitConfigRows, gitCopyRows,
		givenDeviceRows,
		gitLinkRows,
		gitIdentityRows,
		edgeRows,
		writersRows,
		reportedRows,
	} {
		all = append(all, some...)
	}
	return append(all, layered(all)...)
}

// layered are rows again, with one protection taken away: each must hold by
// what is left.
func layered(all []row) []row {
	var some []row
	for _, l := range []struct {
		name  string
		flags []string
		ids   []string
	}{
		{"with-network", allowed, []string{ // a network takes nothing away, and opens nothing else
			"socket-abstract", "socket-tcp", "socket-tcp6", "socket-udp", "socket-home", "socket-alg", "socket-packet", "socket-raw", "socket-vsock", "socket-netfilter", "socket-xfrm", "socket-audit", "socket-uevent",
			"socket-generic", "socket-xdp", "socket-rare", "userns-unshare", "userns-unshare-net", "userns-setns", "proc-fd", "proc-root", "proc-mem", "ptrace-getfd", "ptrace-attach", "fd-socket", "identity-interfaces",
		}},
		{"allow-userns", []string{"--allow-userns"}, []string{
			// Not /proc: it has no masks then, since no other could be mounted.
			"umount-home-in-userns", "mount-in-userns", "secret-dotenv-in-userns", "file-read-only-remount", "userns-setns", "caps-inheritable",
			"proc-core-pattern", "proc-sysrq", "mount-handle", "mount-up", "later-git-config", "later-git-hook", "later-git-modules", "socket-abstract", "socket-project", "socket-shown", "fifo-shown", "tty-tiocsti-input",
		}},
		{"new-root", []string{"-v", "/usr/lib:/sbx-new-place:ro"}, []string{ // the root is a file system of the sandbox's own then
			"proc-core-pattern", "proc-sysrq", "sys-write", "mount-remount", "mount-setattr", "mount-bind", "mount-handle", "mount-up", "mount-chroot", "umount-masks",
			"file-bait", "file-read-only-remount", "secret-home", "secret-dotenv-in-userns", "later-git-config", "later-git-hook", "socket-abstract", "socket-home", "socket-shown",
			"fifo-shown", "proc-root", "proc-fd",
		}},
		{"unconfined", []string{"--seccomp", "unconfined"}, []string{
			"tty-tiocsti", "tty-tiocsti-input", "CVE-2017-5226", "umount-masks", "umount-in-userns", "mount-in-userns", "mount-remount", "mount-setattr", "mount-bind",
			"mount-handle", "mount-chroot", "proc-fresh", "ptrace-attach", "ptrace-vm-read", "ptrace-vm-write", "ptrace-getfd", "signal-kill", "signal-owner",
			"userns-setns", "device-mknod-char", "device-mknod-block", "caps-file", "rights-setuid", "kernel-init-module", "identity-settime",
			"identity-sethostname", "socket-abstract", "socket-packet", "ipc-shm", "ipc-mqueue", "file-bait", "secret-home", "secret-dotenv-hardlink", "proc-sys", "sys-write", "net-pasta-bound",
			"net-slirp4netns-bound", "net-pasta-packet", "net-pasta-switch",
		}},
	} {
		for _, r := range all {
			if !slices.Contains(l.ids, r.id) {
				continue
			}
			r.id += "-" + l.name
			r.flags = append(slices.Clip(r.flags), l.flags...)
			r.layer = true
			some = append(some, r)
		}
	}
	return some
}

// expected is that it holds, but on a kernel that cannot close it, as docs/support.md says:
// there it comes through.
func (r row) expected(t testing.TB) verdict {
	if r.since == "" {
		return held
	}
	closed, err := atLeast(r.since)
	if err != nil {
		t.Fatal(err)
	}
	if !closed {
		return broke
	}
	return held
}

// needMachine skips the gates that one kind of machine alone has.
func (r row) needMachine(t testing.TB) {
	for _, gate := range []string{"kernel-x32", "kernel-i386", "kernel-iopl", "kernel-ioperm"} {
		if runtime.GOARCH != "amd64" && strings.HasPrefix(r.id, gate) {
			t.Skip("no such gate on " + runtime.GOARCH)
		}
	}
}

// A verdict is what became of an attack.
type verdict string

const (
	held  verdict = "held"
	broke verdict = "broke"
	unrun verdict = "did not run" // an error of the test, or of the sandbox
	na    verdict = "n.a."
)

// A launcher runs a row's command in a sandbox, or in none.
type launcher interface {
	name() string
	// command is what to run outside, or why there is none.
	command(s *scene, r row) (argv []string, na string)
}

// sbxLauncher is the program under test.
type sbxLauncher struct{}

func (sbxLauncher) name() string { return "sbx" }

func (sbxLauncher) command(s *scene, r row) ([]string, string) {
	if s.internet != nil {
		return s.internet.launch(r), ""
	}
	argv := []string{s.vars["SBX"], "run"}
	if s.view == rootfsView {
		argv = append(argv, "--rootfs", s.vars["DEBIAN"])
	}
	argv = append(argv, s.expand(r.flags)...)
	return append(append(argv, "--"), s.expand(r.cmd)...), ""
}

// try makes one attack, and gives what became of it and how that was seen.
func (r row) try(s *scene, l launcher) (verdict, string) {
	if r.while != nil {
		defer r.while(s)()
	}
	// On a busy machine each of the first tries can come to nothing.
	const patience = 10
	tries, refusals := max(1, r.repeat), 0
	for n := 0; n < tries || r.repeat > 1 && refusals == n && n < patience*tries; n++ {
		v, why, refused := r.once(s, l)
		if v != held {
			return v, why
		}
		if refused {
			refusals++
		}
	}
	if r.repeat > 1 && refusals == patience*tries {
		return unrun, "refused each time, so that nothing was tried: " + s.output
	}
	return held, s.output
}

func (r row) once(s *scene, l launcher) (v verdict, why string, refused bool) {
	argv, missing := l.command(s, r)
	if missing != "" {
		return na, missing, false
	}
	code := s.run(r, append(s.expand(r.wrap), argv...))
	if r.judge != nil {
		if what := r.judge(s); what != "" {
			return broke, what, false
		}
	}
	word, why := lastWord(s.output)
	switch {
	case word == "BROKE" && code == 1:
		return broke, why, false
	case word == "HELD" && code == 0, word == "TRIED" && code == 0 && r.judge != nil:
		return held, why, false
	case r.refusal != 0 && code == r.refusal:
		return held, s.output, true
	}
	return unrun, fmt.Sprintf("exit code %d:\n%s", code, s.output), false
}

// lastWord finds the last line that is a verdict.
func lastWord(output string) (word, why string) {
	for line := range strings.Lines(strings.ReplaceAll(output, "\r", "")) {
		if found := verdictLine.FindStringSubmatch(line); found != nil {
			word, why = found[1], strings.TrimSpace(found[2])
		}
	}
	return word, why
}

// A verdictLine begins with the verdict, or with the echo of what sbx answered in
// the terminal's place: the kernel echoes it when it comes, which may be between
// two lines of the command's.
var verdictLine = regexp.MustCompile(`^\s*(?:\^\[\[\S*?)?(HELD|BROKE|TRIED|WRONG): (.*)`)

// TestLastWord reads what attacks were seen to leave on terminals.
func TestLastWord(t *testing.T) {
	for output, want := range map[string]string{
		"TRIED: asked: <nil>\r\n":                         "TRIED, asked: <nil>",
		"\r\n^[[?1;2cTRIED: asked: <nil>\r\n":             "TRIED, asked: <nil>",
		"TRIED: asked: <nil>^[[?1;2c\r\n":                 "TRIED, asked: <nil>^[[?1;2c",
		"BROKE: first\nHELD: then\nsbx: found: 2 files\n": "HELD, then",
		"it said HELD: no\n":                              ", ",
	} {
		word, why := lastWord(output)
		if got := word + ", " + why; got != want {
			t.Errorf("%q: %s, want %s", output, got, want)
		}
	}
}

// TestSecurity makes every attack inside sbx. None may come through.
func TestSecurity(t *testing.T) {
	needNamespaces(t)
	rows := securityRows()
	if len(rows) < 120 {
		t.Errorf("%d rows; 120 are promised", len(rows))
	}
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.id] {
			t.Errorf("two rows are %s", r.id)
		}
		seen[r.id] = true
		for _, v := range r.views {
			r.mustHold(t, v, sbxLauncher{})
		}
	}
}

// mustHold makes an attack, beside others, which may not come through.
func (r row) mustHold(t *testing.T, v view, l launcher) {
	t.Run(r.id+"/"+string(v), func(t *testing.T) {
		t.Parallel()
		r.needMachine(t)
		if v == rootfsView {
			needDebian(t)
		}
		got, why := r.try(newScene(t, t.TempDir(), v, r), l)
		if want := r.expected(t); got != want {
			t.Fatalf("%s: %s, want %s: %s", r.tries, got, want, why)
		}
		t.Log(why)
	})
}
