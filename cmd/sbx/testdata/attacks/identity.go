package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// hostname looks for the host's name: NAME FILE...
func hostname(args []string) {
	var u unix.Utsname
	must(unix.Uname(&u))
	if unix.ByteSliceToString(u.Nodename[:]) == args[0] {
		broke("uname says %s", args[0])
	}
	for _, path := range args[1:] {
		b, _ := os.ReadFile(path)
		for _, word := range strings.Fields(string(b)) {
			if word == args[0] {
				broke("%s has %s", path, word)
			}
		}
	}
	held("%s is not %s", unix.ByteSliceToString(u.Nodename[:]), args[0])
}

// boottime looks how long the machine has run, by each of its names.
func boottime([]string) {
	for _, clock := range []int32{unix.CLOCK_MONOTONIC, unix.CLOCK_BOOTTIME, unix.CLOCK_MONOTONIC_RAW, unix.CLOCK_MONOTONIC_COARSE} {
		var t unix.Timespec
		must(unix.ClockGettime(clock, &t))
		if t.Sec > 30 {
			broke("clock %d is at %d s", clock, t.Sec)
		}
	}
	held("all began with the sandbox")
}

// environ looks for a text in its own environment and everybody's.
func environ(args []string) {
	for _, v := range os.Environ() {
		if strings.Contains(v, args[0]) {
			broke("%s", v)
		}
	}
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	must(err)
	for _, path := range append(files, "/proc/self/environ", "/proc/thread-self/environ") {
		if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte(args[0])) {
			broke("%s has it", path)
		}
	}
	held("%d processes, and none has it", len(files))
}
