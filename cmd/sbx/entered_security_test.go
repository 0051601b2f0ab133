package main

import (
	"slices"
	"testing"
)

// enterLauncher makes an attack by sbx exec, in a sandbox whose own command sleeps.
type enterLauncher struct{}

func (enterLauncher) name() string { return "sbx exec" }

func (enterLauncher) command(s *scene, r row) ([]string, string) {
	argv, missing := sbxLauncher{}.command(s, r)
	if missing != "" {
		return nil, missing
	}
	n := slices.Index(argv, "--")
	run := append([]string{argv[0], "run", "-d", "--rm"}, argv[2:n]...)
	return append([]string{"python3", "-c", entering, run[0]}, append(append(run[1:], "--", "sleep", "1000", "--exec--"), argv[n+1:]...)...), ""
}

// entering begins the sandbox, enters it, and removes it.
const entering = `import subprocess, sys
sbx, i = sys.argv[1], sys.argv.index("--exec--")
run = subprocess.run([sbx] + sys.argv[2:i], stdout=subprocess.PIPE, text=True)
if run.returncode:
    sys.exit(run.returncode)
box = run.stdout.strip()
code = subprocess.run([sbx, "exec", "-i", box] + sys.argv[i+1:]).returncode
subprocess.run([sbx, "rm", "-f", box], stdout=subprocess.DEVNULL)
sys.exit(code)`

// TestSecurityEntered makes some of the attacks by a command that entered a sandbox:
// those that the confinement of the process itself holds, which is made anew for it.
func TestSecurityEntered(t *testing.T) {
	needNamespaces(t)
	wanted := []string{
		"proc-fd", "proc-root", "proc-mem", "proc-environ", "proc-exe", "proc-maps", "proc-cwd", "proc-kcore", "proc-core-pattern", "proc-sysrq", "proc-oom",
		"ptrace-attach", "ptrace-getfd", "ptrace-vm-read", "ptrace-vm-write", "signal-kill", "signal-owner", "signal-pidfd", "fd-socket", "fd-high", "fd-reopen",
		"umount-masks", "mount-remount", "mount-setattr", "mount-bind", "mount-chroot", "mount-move", "device-mknod-char", "device-mknod-block", "caps-any",
		"caps-file", "caps-inheritable", "rights-setuid", "rights-no-new-privileges", "kernel-init-module", "kernel-keyring", "kernel-bpf-prog", "kernel-perf",
		"kernel-io-uring", "userns-unshare", "userns-unshare-net", "userns-setns", "userns-clone", "socket-abstract", "socket-tcp", "socket-udp", "socket-vsock",
		"tty-tiocsti", "tty-tiocsti-input", "identity-settime", "identity-sethostname", "secret-home", "file-bait", "file-read-only", "limit-files", "fd-stdio-in-mode", "fd-stdio-in-setuid",
		"fd-stdio-in-times", "fd-stdio-in-reopen", "fd-stdio-in-owner", "fd-stdio-in-earlier", "fd-stdio-in-offset", "fd-stdio-in-lock", "fd-stdio-out-mode", "fd-stdio-out-setuid", "fd-stdio-out-truncate", "fd-stdio-out-rewrite",
		"fd-stdio-out-earlier", "fd-stdio-error-mode", "fd-stdio-fifo-mode", "fd-stdio-socket", "home-others", "home-key-renewed", "home-key-renewed-elsewhere", "home-hidden-renewed", "dotenv-nested", "dotenv-nested-by-name",
		"process-limits", "CVE-2017-5226", "CVE-2016-9962", "names-lefthook", "names-version-path", "names-path-new", "names-variable-bash",
	}
	made := 0
	for _, r := range securityRows() {
		if !slices.Contains(wanted, r.id) {
			continue
		}
		for _, v := range r.views {
			if v == ownView {
				continue
			}
			made++
			r.mustHold(t, v, enterLauncher{})
		}
	}
	if made < 40 {
		t.Errorf("%d attacks; 40 are promised", made)
	}
}
