package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// resourceRows are limits that were asked for.
var resourceRows = []row{
	{id: "limit-processes", group: "resources", tries: "start more processes than allowed", views: both, flags: []string{"--ulimit", "nproc=64:64"}, cmd: []string{"{ATTACKS}", "processes", "100"}},
	{id: "limit-memory", group: "resources", tries: "reserve more memory than allowed", views: both, flags: []string{"--ulimit", "as=2147483648:2147483648"}, cmd: []string{"{ATTACKS}", "memory", "4096"}},
	{id: "limit-files", group: "resources", tries: "open more files than allowed", views: both, flags: []string{"--ulimit", "nofile=64:64"}, cmd: []string{"{ATTACKS}", "files", "200"}},
	{id: "limit-raise", group: "resources", tries: "raise a limit", views: both, flags: []string{"--ulimit", "nofile=64:64"}, cmd: []string{"{ATTACKS}", "raise", "128"}},
	{id: "limit-file-size", group: "resources", tries: "write a larger file than allowed", views: both, flags: []string{"--ulimit", "fsize=1048576:1048576"}, cmd: []string{"{ATTACKS}", "fill", "{PROJECT}/large", "4"}},
	{id: "limit-cpu", group: "resources", tries: "use more processor time than allowed, and ignore the warning", views: hostOnly, flags: []string{"--ulimit", "cpu=1:1"}, cmd: []string{"{ATTACKS}", "spin", "1500"}},
	{id: "limit-tmpfs", group: "resources", tries: "fill the memory by a private directory", views: both, flags: []string{"--tmpfs", "{PROJECT}/memory:size=1m"},
		setup: func(s *scene) { s.mkdir("{PROJECT}/memory") }, cmd: []string{"{ATTACKS}", "fill", "{PROJECT}/memory/large", "4"}},
	{id: "limit-inodes", group: "resources", tries: "fill the memory by empty files", views: both, flags: []string{"--tmpfs", "{PROJECT}/memory:nr_inodes=100"},
		setup: func(s *scene) { s.mkdir("{PROJECT}/memory") }, cmd: []string{"{ATTACKS}", "inodes", "{PROJECT}/memory", "500"}},
	{id: "limit-disk", group: "resources", tries: "fill the disk by what is thrown away", views: both, flags: []string{"--disk", "2m", "--tmpfs", "{PROJECT}/memory"},
		setup: func(s *scene) { s.mkdir("{PROJECT}/memory") }, cmd: []string{"{ATTACKS}", "fill", "{PROJECT}/memory/large", "4"}},
	{id: "limit-disk-inodes", group: "resources", tries: "fill it by empty files", views: both, flags: []string{"--disk", "2m", "--tmpfs", "{PROJECT}/memory"},
		setup: func(s *scene) { s.mkdir("{PROJECT}/memory") }, cmd: []string{"{ATTACKS}", "inodes", "{PROJECT}/memory", "3000"}},
	{id: "limit-time", group: "resources", tries: "ignore the end of the time, and leave somebody behind", views: both, flags: []string{"--timeout", "200ms"}, refusal: 124,
		cmd: []string{"{ATTACKS}", "stay", "{PROJECT}/late"},
		judge: func(s *scene) string {
			if s.took > 3900*time.Millisecond {
				return fmt.Sprintf("it took %v", s.took)
			}
			return appears(s, "{PROJECT}/late", 3100*time.Millisecond-min(s.took, 3*time.Second))
		}},
}

// raceRows change a path between two looks at it. Where sbx cannot be sure it
// may give up, and the attack is made again.
var raceRows = []row{
	{id: "race-project", group: "races", tries: "exchange the project for a link to the home while the sandbox starts", views: both, refusal: 125, repeat: 40,
		setup: elsewhere, while: flipping("{PROJECT}/sub", "{HOME}/elsewhere"), judge: elsewhereUnchanged, flags: []string{"--ro", "{ATTACKS}"},
		wrap: []string{"sh", "-c", `until cd "{PROJECT}/sub" && [ -e here ]; do :; done; exec "$@"`, "sh"},
		cmd:  []string{"sh", "-c", `echo OWNED > owned; {ATTACKS} contents {MARKER} ./bait {PROJECT}/sub/bait {PROJECT}/sub.link/bait`}},
	{id: "race-mount-target", group: "races", tries: "exchange the place of a mount for a link out while the sandbox starts", views: both, refusal: 125, repeat: 40,
		setup: elsewhere, while: flipping("{PROJECT}/sub", "{HOME}/elsewhere"), judge: elsewhereUnchanged, flags: []string{"-v", "{OUTSIDE}:{PROJECT}/sub/target:rw", "--tmpfs", "{PROJECT}/sub/new"},
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "{PROJECT}/sub/bait", "{PROJECT}/sub.link/bait"}},
}

// elsewhere is a directory of the home that is not the sandbox's.
func elsewhere(s *scene) {
	s.file("{HOME}/elsewhere/bait", marker)
	s.file("{PROJECT}/sub/here", "")
	s.file("{PROJECT}/sub/target", "")
	s.mkdir("{PROJECT}/sub/new")
}

func elsewhereUnchanged(s *scene) string {
	entries, err := os.ReadDir(s.path("{HOME}/elsewhere"))
	if err != nil || len(entries) != 1 || !s.has("{HOME}/elsewhere/bait", marker) {
		return fmt.Sprintf("the home was written to: %v, %v", entries, err)
	}
	return ""
}

// flipping exchanges a directory and a link to another all the time, as a
// sandbox beside could that has the same project.
func flipping(path, target string) func(*scene) func() {
	return func(s *scene) func() {
		stop := filepath.Join(s.vars["DIR"], "stop")
		cmd := exec.Command(s.vars["OUTSIDE"], "flip", s.path(path), s.path(target), stop)
		out, err := cmd.StdoutPipe()
		s.check(err)
		s.check(cmd.Start())
		_, err = fmt.Fscanln(out, new(string))
		s.check(err)
		return func() {
			s.check(os.WriteFile(stop, nil, 0o644))
			_ = cmd.Wait() // its last line says why it ended
		}
	}
}

// evil makes a root file system in which a path is a link to the bait.
func evil(path, target string) func(*scene) {
	return func(s *scene) {
		s.root(s.path("{DIR}/root"))
		s.file("{PROJECT}/bait/file", marker)
		at := s.path("{ROOT}/" + path)
		s.check(os.RemoveAll(at))
		s.check(os.MkdirAll(filepath.Dir(at), 0o755))
		s.check(os.Symlink(s.path(target), at))
	}
}

// evilFlags run it, writable and with the caller's id.
func evilFlags(more ...string) []string {
	return append([]string{"--rootfs", "{ROOT}", "--rw-rootfs", "--userns", "single"}, more...)
}

// untouched judges by the bait of evil.
func untouched(s *scene) string {
	entries, err := os.ReadDir(s.path("{PROJECT}/bait"))
	if err != nil || len(entries) != 1 || !s.has("{PROJECT}/bait/file", marker) {
		return fmt.Sprintf("the bait: %v, %v", entries, err)
	}
	return unchanged(s)
}

// incidentRows are what happened to others.
var incidentRows = []row{
	{id: "CVE-2017-5226", group: "incidents", tries: "bubblewrap: type into the caller's terminal by TIOCSTI", views: both, tty: ttyInput, judge: untyped, cmd: []string{"{ATTACKS}", "tiocsti", "0"}},
	{id: "CVE-2019-10063", group: "incidents", tries: "flatpak: the same with high bits that a 64-bit comparison does not know", views: both, tty: ttyInput, judge: untyped,
		cmd: []string{"{ATTACKS}", "tiocsti", "0x100000000"}},
	{id: "CVE-2020-5291", group: "incidents", tries: "bubblewrap: keep capabilities where the caller had some", views: hostOnly, wrap: []string{"unshare", "--user", "--map-root-user"},
		cmd: []string{"{ATTACKS}", "caps", "0", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}},
	{id: "CVE-2021-41133", group: "incidents", tries: "flatpak: make a user namespace by clone3, which the filter cannot look into", views: both, cmd: []string{"{ATTACKS}", "clone3"}},
	{id: "CVE-2024-42472", group: "incidents", tries: "flatpak: have a link bound in place of a directory that the sandbox keeps", views: hostOnly, refusal: 125,
		setup: func(s *scene) {
			s.file("{HOME}/elsewhere/bait", marker)
			s.check(os.Symlink("../elsewhere", s.path("{PROJECT}/kept")))
		}, flags: []string{"--tmpfs", "{PROJECT}/kept"}, judge: elsewhereUnchanged,
		cmd: []string{"sh", "-c", `echo OWNED > kept/owned; {ATTACKS} contents {MARKER} kept/bait`}},
	{id: "CVE-2026-34078", group: "incidents", tries: "flatpak: exchange a caller-given path inside the project for a link to the home", views: both, refusal: 125, repeat: 40,
		setup: elsewhere, while: flipping("{PROJECT}/sub", "{HOME}/elsewhere"), judge: elsewhereUnchanged, flags: []string{"-v", "{PROJECT}/sub:/tmp/given:rw"},
		cmd: []string{"sh", "-c", `echo OWNED > /tmp/given/owned; {ATTACKS} contents {MARKER} /tmp/given/bait {PROJECT}/sub/bait`}},
	{id: "CVE-2018-7169", group: "incidents", tries: "shadow: drop groups that a file is closed to", views: hostOnly, cmd: []string{"{ATTACKS}", "setgroups"}},
	{id: "CVE-2022-31214", group: "incidents", tries: "firejail: find a namespace to be joined in which setuid programs are valid", views: both, cmd: []string{"{ATTACKS}", "nosuid"}},
	{id: "CVE-2016-9962", group: "incidents", tries: "runc: open what the one who enters has open", views: both, victim: true,
		cmd: []string{"sh", "-c", `[ $$ -gt 1 ] || { echo HELD: no other; exit 0; }; for f in /proc/1/fd/* /proc/1/cwd/. /proc/1/root/. /proc/{PID}/fd/0; do { true < "$f"; } 2>/dev/null && { echo BROKE: $f; exit 1; }; done; echo HELD: closed`}},
	{id: "CVE-2019-5736", group: "incidents", tries: "runc: be started as /proc/self/exe, and overwrite the program that does it", views: own, victim: true,
		setup: func(s *scene) {
			s.root(s.path("{DIR}/root"))
			b, err := os.ReadFile(tool(s.t, "sbx"))
			s.check(err)
			s.vars["SBX"] = s.path("{DIR}/sbx")
			s.check(os.WriteFile(s.vars["SBX"], b, 0o755))
			s.check(os.Symlink("/proc/self/exe", s.path("{ROOT}/start")))
		},
		flags: evilFlags("--no-project"), cmd: []string{"{ATTACKS}", "exe-write", "{PID}"},
		judge: func(s *scene) string {
			// Started so, what runs must not be sbx itself.
			out, _ := exec.Command(s.vars["SBX"], append(append([]string{"run"}, s.expand(evilFlags("--no-project"))...), "--", "/start", "version")...).CombinedOutput()
			if bytes.HasPrefix(out, []byte("sbx ")) && !bytes.HasPrefix(out, []byte("sbx: ")) {
				return fmt.Sprintf("sbx ran inside: %q", out)
			}
			was, err := os.ReadFile(tool(s.t, "sbx"))
			s.check(err)
			if is, err := os.ReadFile(s.vars["SBX"]); err != nil || !bytes.Equal(is, was) {
				return "sbx was overwritten"
			}
			return ""
		}},
	{id: "CVE-2019-16884", group: "incidents", tries: "runc: mount a directory of the image's over /proc", views: own, refusal: 125, judge: untouched,
		setup: func(s *scene) { evil("link", "/")(s); s.mkdir("{PROJECT}/fake/self") },
		flags: evilFlags("-v", "{PROJECT}/fake:/proc:rw"), cmd: []string{"{ATTACKS}", "procfs", "/proc", "/proc/self"}},
	{id: "CVE-2019-19921", group: "incidents", tries: "runc: a root file system whose /proc is a link", views: own, refusal: 125, judge: untouched,
		setup: evil("proc", "/bait"), flags: evilFlags("-v", "{PROJECT}/bait:/bait:rw"), cmd: []string{"{ATTACKS}", "open-write", "/proc/sysrq-trigger", "/dev/file"}},
	{id: "CVE-2021-30465", group: "incidents", tries: "runc: exchange a mount's place for a link to the host's root while the sandbox starts", views: own, refusal: 125, repeat: 40, judge: untouched,
		setup: func(s *scene) { evil("link", "/")(s); s.mkdir("{ROOT}/mnt/place"); s.mkdir("{HOME}/volume") },
		while: flipping("{ROOT}/mnt/place", "../../../../../../../../../../../../"), flags: evilFlags("-v", "{HOME}/volume:/mnt/place/volume:rw"),
		cmd: []string{"{ATTACKS}", "contents", "{MARKER}", "/mnt/place{BAIT}", "/mnt/place.link{BAIT}"}},
	{id: "CVE-2024-45310", group: "incidents", tries: "runc: have an empty file made outside by a link at a mount's place", views: own, refusal: 125,
		setup: evil("mnt/place", "../../../../../../../../../../../../{HOME}/made"), flags: evilFlags("-v", "{BAIT}:/mnt/place:ro"),
		cmd: []string{"{ATTACKS}", "open-write", "/mnt/place"}, judge: func(s *scene) string {
			if _, err := os.Lstat(s.path("{HOME}/made")); err == nil {
				return "it was made"
			}
			return untouched(s)
		}},
	{id: "CVE-2024-21626", group: "incidents", tries: "runc: a working directory that is a descriptor to the host", views: both, refusal: 125, repeat: 1,
		setup: func(s *scene) { s.leave("{HOME}", os.O_RDONLY) }, flags: []string{"-w", "/proc/self/fd/3", "--ro", "{ATTACKS}"},
		wrap: []string{"sh", "-c", `cd /proc/self/fd/3/project; exec "$@"`, "sh"},
		cmd:  []string{"{ATTACKS}", "cwd", "bait"}},
	{id: "workdir-link", group: "incidents", tries: "the same by a link that an earlier run left in the project", views: both, refusal: 125,
		setup: func(s *scene) {
			s.leave("{HOME}", os.O_RDONLY)
			s.check(os.Symlink("/proc/self/fd/3", s.path("{PROJECT}/build")))
		}, flags: []string{"-w", "{PROJECT}/build"},
		wrap: []string{"sh", "-c", `cd -P build/project; exec "$@"`, "sh"},
		cmd:  []string{"{ATTACKS}", "cwd", "bait"}},
	{id: "workdir-cwd", group: "incidents", tries: "the same by the caller's own working directory", views: both, refusal: 125,
		flags: []string{"--no-project", "-w", "/proc/self/cwd", "--ro", "{ATTACKS}"},
		wrap:  []string{"sh", "-c", `cd "{HOME}"; exec "$@"`, "sh"},
		cmd:   []string{"{ATTACKS}", "cwd", "bait"}},
	{id: "workdir-root", group: "incidents", tries: "the same by the root of the process that makes the sandbox", views: both, refusal: 125,
		flags: []string{"-w", "/proc/self/root{HOME}"},
		cmd:   []string{"{ATTACKS}", "cwd", "bait"}},
	{id: "CVE-2025-31133", group: "incidents", tries: "runc: a root file system whose /dev/null is a link, where masks come from", views: own, refusal: 125, judge: untouched,
		setup: evil("dev/null", "/bait/file"), flags: evilFlags("-v", "{PROJECT}/bait:/bait:ro"), cmd: []string{"{ATTACKS}", "read", "/proc/keys", "/proc/timer_list", "/proc/interrupts", "/proc/kcore"}},
	{id: "CVE-2025-52565", group: "incidents", tries: "runc: a root file system whose /dev/console is a link, where a terminal is bound", views: own, refusal: 125, judge: untouched, tty: ttyAll,
		setup: evil("dev/console", "/bait/file"), flags: evilFlags("-t", "-v", "{PROJECT}/bait:/bait:rw"), cmd: []string{"{ATTACKS}", "open-write", "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger"}},
	{id: "CVE-2025-52881", group: "incidents", tries: "runc: send what is written to /proc to another file there, by a mount below it", views: own, refusal: 125, judge: untouched,
		setup: func(s *scene) { evil("link", "/")(s); s.file("{PROJECT}/fake/attr/exec", "") },
		flags: evilFlags("-v", "{PROJECT}/fake:/proc/self:rw", "--tmpfs", "/proc/sys/kernel"), cmd: []string{"{ATTACKS}", "procfs", "/proc", "/proc/self/attr", "/proc/sys/kernel"}},
	{id: "CVE-2026-41579", group: "incidents", tries: "runc and crun: a root file system whose /dev is a link", views: own, refusal: 125, judge: untouched,
		setup: evil("dev", "/bait"), flags: evilFlags("-v", "{PROJECT}/bait:/bait:rw"), cmd: []string{"{ATTACKS}", "open-write", "/proc/sysrq-trigger", "/dev/file"}},
	{id: "CVE-2026-88264", group: "incidents", tries: "crun: standard input and console opened again through the image's links, and given away", views: own, refusal: 125, tty: ttyAll,
		setup: evil("dev/pts", "/bait"), flags: evilFlags("-t", "-v", "{PROJECT}/bait:/bait:rw"), judge: untouched, cmd: []string{"{ATTACKS}", "open-write", "/bait/0", "/bait/ptmx"}},
	{id: "CVE-2026-25725", group: "incidents", tries: "an agent's sandbox: make the protected settings that did not exist", views: both,
		cmd: []string{"{ATTACKS}", "plant", "{PROJECT}/.claude/settings.json", "OWNED"}, judge: func(s *scene) string {
			if s.has("{PROJECT}/.claude/settings.json", "OWNED") {
				return "they were made"
			}
			return ""
		}},
	{id: "CVE-2025-59532", group: "incidents", tries: "an agent's sandbox: a working directory given from inside becomes writable", views: hostOnly, flags: []string{"-w", "{HOME}"}, refusal: 125, judge: unchanged,
		setup: func(s *scene) {}, cmd: []string{"{ATTACKS}", "write", "OWNED", "{BAIT}", "bait"}},
	{id: "CVE-2023-30549", group: "incidents", tries: "apptainer: have the kernel read a file system image that the command wrote", views: both, cmd: []string{"{ATTACKS}", "mount", "ext4"}},
}
