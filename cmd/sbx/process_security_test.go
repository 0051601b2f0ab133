package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// procRows are the ways through /proc.
var procRows = []row{
	{id: "proc-root", group: "/proc", tries: "read a file of the host below the root of any process", views: both, victim: true,
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/proc/[0-9]*/root{BAIT}", "/proc/[0-9]*/task/*/root{BAIT}"}},
	{id: "proc-cwd", group: "/proc", tries: "read a file of the host from any process's working directory", views: both, victim: true,
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/proc/[0-9]*/cwd/bait", "/proc/[0-9]*/cwd/../bait"}},
	{id: "proc-environ", group: "/proc", tries: "find a secret in the environment of any process", views: both, victim: true,
		cmd: []string{"{ATTACKS}", "environ", "{MARKER}"}},
	{id: "proc-cmdline", group: "/proc", tries: "find a secret in the arguments of a process outside", views: both, victim: true,
		cmd: []string{"{ATTACKS}", "process-list", "{MARKER}"}},
	{id: "proc-mem", group: "/proc", tries: "open the memory of the init or of a process outside", views: both, victim: true,
		cmd: []string{"{ATTACKS}", "mem", "{PID}"}},
	{id: "proc-maps", group: "/proc", tries: "read where the memory of the init is, which undoes address randomization", views: both, victim: true,
		cmd: []string{"sh", "-c", `[ $$ -gt 1 ] || { echo HELD: no other init; exit 0; }; for p in 1 {PID}; do head -c 1 /proc/$p/maps 2>/dev/null | grep -q . && { echo BROKE: $p; exit 1; }; done; echo HELD: closed`}},
	{id: "proc-fd", group: "/proc", tries: "open the descriptors of the init, or list those of a process outside", views: both, victim: true,
		cmd: []string{"sh", "-c", `[ $$ -gt 1 ] || { echo HELD: no other init; exit 0; }; for p in {PID}; do ls /proc/$p/fd 2>/dev/null | grep -q . && { echo BROKE: $p; exit 1; }; done; readlink /proc/1/fd/* 2>/dev/null | grep -q . && { echo BROKE: 1; exit 1; }; echo HELD: closed`}},
	{id: "proc-exe", group: "/proc", tries: "open the program of the init for writing", views: both, victim: true,
		cmd: []string{"{ATTACKS}", "exe-write", "{PID}"}},
	{id: "proc-sysrq", group: "/proc", tries: "open sysrq-trigger for writing", views: both,
		cmd: []string{"{ATTACKS}", "open-write", "/proc/sysrq-trigger", "/proc/sys/kernel/sysrq"}},
	{id: "proc-core-pattern", group: "/proc", tries: "name a program that the kernel runs on the next crash", views: both,
		cmd: []string{"{ATTACKS}", "open-write", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hotplug", "/proc/sys/fs/binfmt_misc/register"}},
	{id: "proc-sys", group: "/proc", tries: "write to any file of /proc/sys", views: both, cmd: []string{"{ATTACKS}", "walk-write", "/proc/sys"}},
	{id: "proc-hardware", group: "/proc", tries: "write to any file of /proc/irq, bus, fs, acpi, scsi or driver", views: both,
		cmd: []string{"{ATTACKS}", "walk-write", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi", "/proc/driver", "/proc/tty"}},
	{id: "proc-kcore", group: "/proc", tries: "read the kernel's memory", views: both,
		cmd: []string{"{ATTACKS}", "read", "/proc/kcore", "/proc/kmem", "/proc/vmcore", "/proc/kpagemap", "/proc/kpagecount", "/proc/kpageflags", "/dev/mem", "/dev/kmem"}},
	{id: "proc-kmsg", group: "/proc", tries: "read the kernel's log", views: both, cmd: []string{"{ATTACKS}", "read", "/proc/kmsg", "/dev/kmsg"}},
	{id: "proc-timer", group: "/proc", tries: "read the timers of all processes", views: both,
		cmd: []string{"{ATTACKS}", "read", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/latency_stats"}},
	{id: "proc-keys", group: "/proc", tries: "list the caller's keys", views: both, cmd: []string{"{ATTACKS}", "read", "/proc/keys"},
		wrap: []string{"{OUTSIDE}", "keyring", "give", "{MARKER}"}},
	{id: "proc-interrupts", group: "/proc", tries: "read the interrupts, which tell keystrokes", views: both, cmd: []string{"{ATTACKS}", "read", "/proc/interrupts"}},
	{id: "proc-devices", group: "/proc", tries: "list the machine's devices", views: both, cmd: []string{"{ATTACKS}", "list", "/proc/acpi", "/proc/asound", "/proc/scsi"}},
	{id: "proc-oom", group: "/proc", tries: "slow down a process outside, or have the kernel kill it first", views: both, victim: true,
		cmd: []string{"{ATTACKS}", "schedule", "{PID}"}},
	{id: "proc-fresh", group: "/proc", tries: "mount a /proc that nothing covers, in a namespace of its own", views: both, cmd: []string{"{ATTACKS}", "fresh-proc"}},
	{id: "sys-write", group: "/proc", tries: "write to any file of /sys", views: both, cmd: []string{"{ATTACKS}", "walk-write", "/sys/kernel", "/sys/fs", "/sys/module", "/sys/power", "/sys/class", "/sys/firmware", "/sys/block"}},
	{id: "sys-firmware", group: "/proc", tries: "read the machine's firmware and serial numbers", views: both,
		cmd: []string{"{ATTACKS}", "list", "/sys/firmware", "/sys/class/dmi/id", "/sys/class/power_supply", "/sys/devices/virtual/powercap", "/sys/kernel/debug", "/sys/kernel/tracing", "/sys/kernel/security"}},
}

// processRows are other processes, by system calls and signals.
var processRows = []row{
	{id: "ptrace-attach", group: "processes", tries: "trace the init or a process outside", views: both, victim: true, cmd: []string{"{ATTACKS}", "ptrace", "{PID}"}},
	{id: "ptrace-vm-read", group: "processes", tries: "read their memory by process_vm_readv", views: both, victim: true, cmd: []string{"{ATTACKS}", "vm-read", "{ADDRESS}", "{PID}"}},
	{id: "ptrace-vm-write", group: "processes", tries: "write their memory by process_vm_writev", views: both, victim: true, cmd: []string{"{ATTACKS}", "vm-write", "{ADDRESS}", "{PID}"}},
	{id: "ptrace-getfd", group: "processes", tries: "take their descriptors by pidfd_getfd", views: both, victim: true, cmd: []string{"{ATTACKS}", "pidfd-getfd", "{PID}"}},
	{id: "process-limits", group: "processes", tries: "read or set the limits of a process outside", views: both, victim: true, cmd: []string{"{ATTACKS}", "prlimit", "{PID}"}},
	{id: "signal-kill", group: "processes", tries: "kill a process outside by its number", views: both, victim: true, judge: alive, cmd: []string{"{ATTACKS}", "kill", "{PID}"}},
	{id: "signal-pidfd", group: "processes", tries: "kill it by a pidfd", views: both, victim: true, judge: alive, cmd: []string{"{ATTACKS}", "pidfd-signal", "{PID}"}},
	{id: "signal-group", group: "processes", tries: "signal the process group that the caller started the sandbox in", views: both, victim: true, judge: alive, cmd: []string{"{ATTACKS}", "kill-group"}},
	{id: "signal-owner", group: "processes", tries: "have the kernel signal it, as owner of a socket", views: both, victim: true, judge: alive, cmd: []string{"{ATTACKS}", "kill-owner", "{PID}"}},
	{id: "signal-all", group: "processes", tries: "signal every process there is", views: both, victim: true, judge: alive, refusal: 143, cmd: []string{"{ATTACKS}", "kill-all"}},
	{id: "process-daemon", group: "processes", tries: "leave a process behind that acts when the command is over", views: both,
		cmd: []string{"{ATTACKS}", "daemon", "{PROJECT}/late"}, judge: func(s *scene) string { return appears(s, "{PROJECT}/late", 700*time.Millisecond) }},
	{id: "process-core", group: "processes", tries: "leave a core file, or have the host's crash handler read one", views: both, cmd: []string{"{ATTACKS}", "crash"}},
}

// appears waits for a file that should not come.
func appears(s *scene, path string, wait time.Duration) string {
	time.Sleep(wait)
	if _, err := os.Lstat(s.path(path)); err == nil {
		return path + " appeared afterwards"
	}
	return ""
}

// descriptorRows are what the caller left open.
var descriptorRows = []row{
	{id: "fd-directory", group: "descriptors", tries: "climb out by a directory that the caller left open", views: both,
		setup: func(s *scene) { s.leave("{HOME}", os.O_RDONLY) }, cmd: []string{"{ATTACKS}", "fds", "bait"}},
	{id: "fd-file", group: "descriptors", tries: "write to a file that the caller left open", views: both, judge: unchanged,
		setup: func(s *scene) { s.leave("{BAIT}", os.O_RDWR) }, cmd: []string{"{ATTACKS}", "fd-write"}},
	{id: "fd-high", group: "descriptors", tries: "the same with number 900", views: both, judge: unchanged,
		setup: func(s *scene) {
			for range 897 {
				s.fds = append(s.fds, nil)
			}
			s.leave("{BAIT}", os.O_RDWR)
		}, cmd: []string{"{ATTACKS}", "fd-write"}},
	{id: "fd-socket", group: "descriptors", tries: "speak by a connected socket that the caller left open", views: both,
		setup: leaveSocket, cmd: []string{"{ATTACKS}", "fd-send"}},
	{id: "fd-reopen", group: "descriptors", tries: "open standard output again, and erase the log that it goes to", views: both,
		setup: func(s *scene) {
			s.file("{HOME}/log", "before\n")
			var err error
			s.out, err = os.OpenFile(s.path("{HOME}/log"), os.O_WRONLY|os.O_APPEND, 0)
			s.check(err)
			s.t.Cleanup(func() { s.out.Close() })
		},
		cmd: []string{"{ATTACKS}", "reopen"},
		judge: func(s *scene) string {
			if !s.has("{HOME}/log", "before\n") {
				return "the log was erased"
			}
			return ""
		}},
	{id: "fd-stdin-owner", group: "descriptors", tries: "have the sandbox change the owner or mode of its standard input (crun did)", views: both,
		wrap: []string{"sh", "-c", `exec "$@" < "{BAIT}"`, "sh"}, cmd: []string{"sh", "-c", "echo TRIED: looked"},
		judge: func(s *scene) string {
			info, err := os.Stat(s.vars["BAIT"])
			s.check(err)
			if info.Mode() != 0o644 || fmt.Sprint(statOf(info).Uid) != s.vars["UID"] {
				return fmt.Sprintf("%v of %d", info.Mode(), statOf(info).Uid)
			}
			return ""
		}},
}

// identityRows are who the machine is, and when.
var identityRows = []row{
	{id: "identity-hostname", group: "identity", tries: "learn the host's name", views: both, setup: nameHost, cmd: []string{"{ATTACKS}", "hostname", "{HOST}", "/proc/sys/kernel/hostname"}},
	{id: "identity-hostname-files", group: "identity", tries: "learn it from the files in /etc", views: hostOnly, setup: nameHost,
		cmd: []string{"{ATTACKS}", "hostname", "{HOST}", "/etc/hostname", "/etc/hosts", "/etc/mailname"}},
	{id: "identity-machine", group: "identity", tries: "learn the machine's id", views: both, setup: nameMachine,
		cmd: []string{"{ATTACKS}", "contents", "{MACHINE}", "/etc/machine-id", "/var/lib/dbus/machine-id", "/sys/class/dmi/id/product_uuid"}},
	{id: "identity-interfaces", group: "identity", tries: "learn the names of the host's network interfaces", views: both, cmd: []string{"{ATTACKS}", "interfaces"}},
	{id: "identity-boottime", group: "identity", tries: "learn how long the machine has run", views: both, cmd: []string{"{ATTACKS}", "boottime"}},
	{id: "identity-uptime", group: "identity", tries: "learn the same from /proc/uptime", views: both,
		cmd: []string{"sh", "-c", `read up rest < /proc/uptime; [ ${up%.*} -gt 30 ] && { echo BROKE: $up; exit 1; }; echo HELD: $up`}},
	{id: "identity-settime", group: "identity", tries: "set the clock", views: both, cmd: []string{"{ATTACKS}", "call", "settime"}},
	{id: "identity-adjtime", group: "identity", tries: "make the clock run faster", views: both, cmd: []string{"{ATTACKS}", "call", "adjtime"}},
	{id: "identity-sethostname", group: "identity", tries: "set the host's name", views: both, cmd: []string{"{ATTACKS}", "call", "sethostname"}},
	{id: "identity-setdomainname", group: "identity", tries: "set the domain's name", views: both, cmd: []string{"{ATTACKS}", "call", "setdomainname"}},
	{id: "env-secret", group: "identity", tries: "read a token in the caller's environment", views: both, cmd: []string{"{ATTACKS}", "environ", "{MARKER}"}},
	{id: "env-loader", group: "identity", tries: "get the caller's loader settings", views: both,
		setup: func(s *scene) {
			s.env = append(s.env, "LD_LIBRARY_PATH=/nonexistent-"+marker, "BASH_ENV=/nonexistent-"+marker, "PYTHONPATH=/"+marker, "GIT_ASKPASS=/"+marker)
		},
		cmd: []string{"sh", "-c", `env | grep -e ^LD_ -e ^BASH_ENV -e ^PYTHONPATH -e ^GIT_ && { echo BROKE: passed; exit 1; }; echo HELD: none`}},
	{id: "env-sockets", group: "identity", tries: "get the names of the caller's sockets", views: both,
		setup: func(s *scene) {
			s.env = append(s.env, "SSH_AUTH_SOCK=/x", "DBUS_SESSION_BUS_ADDRESS=unix:path=/x", "DISPLAY=:0", "WAYLAND_DISPLAY=w", "XDG_RUNTIME_DIR=/x", "GPG_AGENT_INFO=x", "DOCKER_HOST=x")
		},
		cmd: []string{"sh", "-c", `env | grep -e ^SSH_ -e ^DBUS -e DISPLAY -e ^XDG_RUN -e ^GPG -e ^DOCKER && { echo BROKE: passed; exit 1; }; echo HELD: none`}},
}

// leave leaves a file open for the command.
func (s *scene) leave(path string, flags int) {
	f, err := os.OpenFile(s.path(path), flags, 0)
	s.check(err)
	s.t.Cleanup(func() { f.Close() })
	s.fds = append(s.fds, f)
}

func nameHost(s *scene) {
	name, err := os.Hostname()
	s.check(err)
	s.vars["HOST"] = name
}

func nameMachine(s *scene) {
	b, err := os.ReadFile("/etc/machine-id")
	if err != nil || len(strings.TrimSpace(string(b))) == 0 {
		skip(s.t, "the machine has no id")
	}
	s.vars["MACHINE"] = strings.TrimSpace(string(b))
}
