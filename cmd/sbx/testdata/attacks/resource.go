package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

func number(text string) int {
	n, err := strconv.Atoi(text)
	must(err)
	return n
}

// processes starts so many, and ends them.
func processes(args []string) {
	want := number(args[0])
	var started []*exec.Cmd
	end := func() {
		for _, cmd := range started {
			_ = cmd.Process.Kill() // it may have ended
		}
	}
	for len(started) < want {
		cmd := exec.Command("sleep", "2")
		if err := cmd.Start(); err != nil {
			end()
			held("%d, then: %v", len(started), err)
		}
		started = append(started, cmd)
	}
	end()
	broke("%d processes", len(started))
}

// memory reserves so many MiB, and touches none.
func memory(args []string) {
	b, err := unix.Mmap(-1, 0, number(args[0])<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		held("%v", err)
	}
	broke("%d bytes", len(b))
}

// fill writes so many MiB to a file.
func fill(args []string) {
	signal.Ignore(syscall.SIGXFSZ)
	f, err := os.Create(args[0])
	must(err)
	defer os.Remove(args[0])
	for n := range number(args[1]) {
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			held("%d MiB, then: %v", n, err)
		}
	}
	broke("%s MiB", args[1])
}

// inodes makes so many files.
func inodes(args []string) {
	for n := range number(args[1]) {
		if err := os.WriteFile(filepath.Join(args[0], fmt.Sprint(n)), nil, 0o644); err != nil {
			held("%d files, then: %v", n, err)
		}
	}
	broke("%s files", args[1])
}

// files opens so many.
func files(args []string) {
	for n := range number(args[0]) {
		if _, err := unix.Open("/dev/null", unix.O_RDONLY, 0); err != nil {
			held("%d files, then: %v", n, err)
		}
	}
	broke("%s files", args[0])
}

// spin uses so many milliseconds of processor time, in a child.
func spin(args []string) {
	if len(args) == 2 {
		signal.Ignore(syscall.SIGXCPU)
		for {
			var usage unix.Rusage
			must(unix.Getrusage(unix.RUSAGE_SELF, &usage))
			if time.Duration(usage.Utime.Nano()+usage.Stime.Nano()) > time.Duration(number(args[0]))*time.Millisecond {
				os.Exit(0)
			}
		}
	}
	out, err := exec.Command("/proc/self/exe", "spin", args[0], "child").CombinedOutput()
	if err == nil {
		broke("%s ms", args[0])
	}
	held("%v %.40s", err, out)
}

// raise raises the hard limit of open files.
func raise(args []string) {
	n := uint64(number(args[0]))
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: n, Max: n})
	judge("raising", err)
}

// stay ignores what asks it to end, and leaves somebody behind who does too.
func stay(args []string) {
	signal.Ignore()
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP TERM INT; sleep 3; echo late > "$1"`, "sh", args[0])
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(cmd.Start())
	time.Sleep(4 * time.Second)
	broke("nobody ended it")
}
