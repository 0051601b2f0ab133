package main

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// keptText is what stands in the caller's file before the command has it.
const keptText = "an earlier line\n"

// redirected has the launcher's standard streams be the caller's file, as a shell does.
func redirected(how string) []string {
	return []string{"sh", "-c", `exec "$@" ` + how, "sh"}
}

// stdioRows are attacks on the files that the caller has redirected standard streams to.
var stdioRows = []row{
	stdioRow("in-mode", "change the mode of the file that is standard input", `< "{HOME}/file"`, "mode", "0"),
	stdioRow("in-setuid", "make it a setuid program", `< "{HOME}/file"`, "setuid", "0"),
	stdioRow("in-times", "change its times", `< "{HOME}/file"`, "times", "0"),
	stdioRow("in-attribute", "give it an attribute", `< "{HOME}/file"`, "attribute", "0"),
	stdioRow("in-flags", "set its flags", `< "{HOME}/file"`, "flags", "0"),
	stdioRow("in-reopen", "open it again for writing", `< "{HOME}/file"`, "reopen", "0"),
	stdioRow("in-write", "write to standard input, opened for both", `<> "{HOME}/file"`, "rewrite", "0"),
	stdioRow("in-map", "map it, opened for both", `<> "{HOME}/file"`, "map", "0"),
	stdioRow("out-mode", "change the mode of the log that is standard output", `>> "{HOME}/file"`, "mode", "1"),
	stdioRow("out-setuid", "make it a setuid program", `>> "{HOME}/file"`, "setuid", "1"),
	stdioRow("out-times", "change its times", `>> "{HOME}/file"`, "times", "1"),
	stdioRow("out-attribute", "give it an attribute", `>> "{HOME}/file"`, "attribute", "1"),
	stdioRow("out-truncate", "truncate it", `>> "{HOME}/file"`, "truncate", "1"),
	stdioRow("out-rewrite", "rewrite it, without the flag that appends", `>> "{HOME}/file"`, "rewrite", "1"),
	stdioRow("out-reopen", "open it again", `>> "{HOME}/file"`, "reopen", "1"),
	stdioRow("out-punch", "punch a hole into it", `1<> "{HOME}/file"`, "punch", "1"),
	stdioRow("out-map", "map it", `1<> "{HOME}/file"`, "map", "1"),
	stdioRow("out-earlier", "read what it had before", `1<> "{HOME}/file"`, "earlier", "1"),
	stdioRow("error-mode", "change the mode of the log that is standard error", `2>> "{HOME}/file"`, "mode", "2"),
	stdioRow("error-truncate", "truncate it", `2>> "{HOME}/file"`, "truncate", "2"),
	{id: "fd-stdio-both-truncate", group: "descriptors", tries: "truncate the log of both outputs", views: both, setup: callersFile, judge: callersFileKept,
		wrap: []string{"sh", "-c", `"$@" >> "{HOME}/file" 2>&1; code=$?; tail -n 1 "{HOME}/file"; exit $code`, "sh"}, cmd: []string{"{ATTACKS}", "stdio", "truncate", "1"}},
	stdioRow("fifo-mode", "change the mode of the FIFO that is standard input", `<> "{HOME}/fifo"`, "mode", "0"),
	{id: "fd-stdio-in-owner", group: "descriptors", tries: "give the file that is standard input away", views: rootfsOnly, setup: callersFile, judge: callersFileKept,
		wrap: redirected(`< "{HOME}/file"`), cmd: []string{"{ATTACKS}", "stdio", "owner", "0"}},
	{id: "fd-stdio-in-earlier", group: "descriptors", tries: "read what the caller has read before", views: both, setup: callersFile, judge: callersFileKept,
		wrap: []string{"sh", "-c", `{ read line; "$@"; } < "{HOME}/file"`, "sh"}, cmd: []string{"{ATTACKS}", "stdio", "earlier", "0"}},
	{id: "fd-stdio-in-offset", group: "descriptors", tries: "move the place at which the caller goes on to read", views: both, setup: callersFile,
		wrap: []string{"sh", "-c", `{ "$@"; cat > "{DIR}/rest"; } < "{HOME}/file"`, "sh"}, cmd: []string{"{ATTACKS}", "stdio", "seek", "0"},
		judge: func(s *scene) string {
			if !s.has("{DIR}/rest", keptText) {
				return "the caller reads on elsewhere"
			}
			return ""
		}},
	{id: "fd-stdio-in-lock", group: "descriptors", tries: "see or take the lock of the file that is standard input", views: both, setup: callersFile,
		wrap: []string{"flock", "{HOME}/file", "sh", "-c", `exec "$@" < "{HOME}/file"`, "sh"}, cmd: []string{"{ATTACKS}", "stdio", "lock", "0"}},
	{id: "fd-stdio-in-lease", group: "descriptors", tries: "have what opens the file wait, by a lease", views: both, setup: callersFile,
		wrap: redirected(`< "{HOME}/file"`), cmd: []string{"{ATTACKS}", "stdio", "lease", "0"}},
	{id: "fd-stdio-socket", group: "descriptors", tries: "connect a socket that is standard input to a server of the caller's", views: both,
		wrap: []string{"python3", "-c", callersSocket}, cmd: []string{"{ATTACKS}", "stdio", "connect", "0", "PORT"}},
}

// callersSocket gives the launcher a socket, and the port of a server.
const callersSocket = `import socket, subprocess, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 0))
given = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
port = str(server.getsockname()[1])
sys.exit(subprocess.run([port if a == "PORT" else a for a in sys.argv[1:]], stdin=given).returncode)`

// stdioRow is an attack on a descriptor whose file is to be as it was.
func stdioRow(name, tries, redirect string, attack ...string) row {
	return row{id: "fd-stdio-" + name, group: "descriptors", tries: tries, views: both, setup: callersFile, judge: callersFileKept,
		wrap: redirected(redirect), cmd: append([]string{"{ATTACKS}", "stdio"}, attack...)}
}

// callersFile makes a file, and a FIFO.
func callersFile(s *scene) {
	s.file("{HOME}/file", keptText)
	s.check(unix.Mkfifo(s.path("{HOME}/fifo"), 0o600))
	for _, path := range []string{s.path("{HOME}/file"), s.path("{HOME}/fifo")} {
		s.check(os.Chmod(path, 0o600))
		s.check(os.Chtimes(path, time.Time{}, time.Unix(1.5e9, 0)))
	}
}

// callersFileKept judges by what a pipe would have left: only more bytes at its end.
func callersFileKept(s *scene) string {
	for _, path := range []string{s.path("{HOME}/file"), s.path("{HOME}/fifo")} {
		info, err := os.Lstat(path)
		s.check(err)
		switch {
		case info.Mode()&^os.ModeType != 0o600:
			return fmt.Sprintf("%s is %v", path, info.Mode())
		case fmt.Sprint(statOf(info).Uid) != s.vars["UID"] || fmt.Sprint(statOf(info).Gid) != s.vars["GID"]:
			return fmt.Sprintf("%s belongs to %d:%d", path, statOf(info).Uid, statOf(info).Gid)
		case info.ModTime().Unix() == 1e9 || statOf(info).Atim.Sec == 1e9:
			return "its times are the command's"
		}
	}
	f, err := os.Open(s.path("{HOME}/file"))
	s.check(err)
	defer f.Close()
	b := make([]byte, len(keptText))
	_, err = f.ReadAt(b, 0)

	_, xattrErr := unix.Fgetxattr(int(f.Fd()), "user.owned", nil)
	flags, _ := unix.IoctlGetInt(int(f.Fd()), unix.FS_IOC_GETFLAGS) // not every file system has them
	switch {
	case err != nil || !bytes.Equal(b, []byte(keptText)):
		return fmt.Sprintf("it begins with %q: %v", b, err)
	case xattrErr == nil:
		return "it has an attribute of the command's"
	case flags&0x40 != 0:
		return "its flags are the command's"
	}
	return ""
}
