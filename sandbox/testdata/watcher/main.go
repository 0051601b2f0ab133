// Watcher waits in a sandbox for processes that enter it, and looks at each as soon as
// it is there: what of it that is not the command's own can it get hold of? It prints a
// line for all that it got, and dots to say that it looks.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// canary is in the environment of who enters, and in no command's.
const canary = "SBX_CANARY"

func main() {
	fmt.Println("begun")
	for {
		// Numbers are given out in order.
		pid := last() + 1
		for !look(pid) && last() < pid {
		}
		for look(pid) {
		}
		fmt.Println(".")
	}
}

// last is the process number that was given out last (proc(5), /proc/loadavg).
func last() int {
	b, err := os.ReadFile("/proc/loadavg")
	words := strings.Fields(string(b))
	if err != nil || len(words) != 5 {
		fmt.Println("got nothing: no /proc/loadavg")
		os.Exit(1)
	}
	n, _ := strconv.Atoi(words[4])
	return n
}

// look tells whether the process was there.
func look(pid int) bool {
	at := "/proc/" + strconv.Itoa(pid)
	var st unix.Stat_t
	if unix.Stat(at, &st) != nil || unix.Stat("/proc/self/task/"+strconv.Itoa(pid), &st) == nil { // a thread of ours
		return false
	}
	for _, name := range []string{"exe", "cwd", "root"} {
		if to, err := os.Readlink(at + "/" + name); err == nil && strings.Contains(to, ".test") {
			got(pid, name, to)
		}
	}
	if b, err := os.ReadFile(at + "/environ"); err == nil && bytes.Contains(b, []byte(canary)) {
		got(pid, "environ", "the canary")
	}
	if b, err := os.ReadFile(at + "/maps"); err == nil && bytes.Contains(b, []byte(".test")) {
		got(pid, "maps", "those of who enters")
	}
	if fds, err := os.ReadDir(at + "/fd"); err == nil {
		for _, fd := range fds {
			if n, err := strconv.Atoi(fd.Name()); err == nil && n > 2 {
				to, _ := os.Readlink(at + "/fd/" + fd.Name()) // it has ended
				if foreign(to) {
					got(pid, "fd", to)
				}
			}
		}
	}
	if pidfd, err := unix.PidfdOpen(pid, 0); err == nil {
		for fd := 3; fd < 24; fd++ {
			if n, err := unix.PidfdGetfd(pidfd, fd, 0); err == nil {
				if to, _ := os.Readlink("/proc/self/fd/" + strconv.Itoa(n)); foreign(to) {
					got(pid, "pidfd_getfd", to)
				}
				unix.Close(n)
			}
		}
		unix.Close(pidfd)
	}
	// Written to, it would be the memory of one that has all that who enters has.
	if f, err := os.OpenFile(at+"/mem", os.O_RDWR, 0); err == nil {
		if b, err := os.ReadFile(at + "/maps"); err == nil && bytes.Contains(b, []byte(".test")) {
			got(pid, "mem", "that of who enters")
		}
		f.Close()
	}
	return true
}

// foreign tells whether an open file is none of those that a program's loader opens.
func foreign(to string) bool {
	return to != "" && !strings.HasPrefix(to, "/usr/") && !strings.HasPrefix(to, "/lib") && !strings.HasPrefix(to, "/etc/ld.so")
}

func got(pid int, what, value string) { fmt.Printf("got %d %s %s\n", pid, what, value) }
