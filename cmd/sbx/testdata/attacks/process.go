package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// secretInMemory is what a victim has in its memory.
var secretInMemory = []byte("SECRET")

// victim sits outside, and lets everybody of its user do what the user may,
// whatever Yama says. Its arguments are there to be seen.
func victim([]string) {
	signal.Ignore(syscall.SIGHUP)
	_ = unix.Prctl(unix.PR_SET_PTRACER, ^uintptr(0), 0, 0, 0)
	fmt.Printf("%d\n", uintptr(unsafe.Pointer(&secretInMemory[0])))
	time.Sleep(time.Minute)
	os.Exit(0)
}

// targets are the processes that are somebody else's: the init, and those named,
// which are the victims' numbers outside. Without an init it is us who are 1.
func targets(args []string) []int {
	var pids []int
	if os.Getpid() != 1 {
		pids = append(pids, 1)
	}
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		must(err)
		pids = append(pids, pid)
	}
	return pids
}

// each tries something on all targets.
func each(args []string, what string, try func(pid int) error) {
	var last error
	for _, pid := range targets(args) {
		err := try(pid)
		if err == nil {
			broke("%s of %d", what, pid)
		}
		last = err
	}
	held("%s: %v", what, last)
}

func openMem(args []string) {
	each(args, "memory opened", func(pid int) error {
		f, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", pid), os.O_RDWR, 0)
		if err == nil {
			f.Close()
		}
		return err
	})
}

func ptraceAttach(args []string) {
	runtime.LockOSThread()
	each(args, "ptrace", func(pid int) error {
		if _, _, e := syscall.RawSyscall6(syscall.SYS_PTRACE, unix.PTRACE_SEIZE, uintptr(pid), 0, 0, 0, 0); e == 0 {
			return nil
		}
		return syscall.PtraceAttach(pid)
	})
}

// remote is the address of the victim's secret, the first argument. Elsewhere it
// is an address that nobody has: being told so is being let in.
func remote(args []string) (address func(pid int) uintptr, pids []string) {
	n, err := strconv.ParseUint(args[0], 10, 64)
	must(err)
	return func(pid int) uintptr {
		if pid == 1 {
			return 8
		}
		return uintptr(n)
	}, args[1:]
}

func vmRead(args []string) {
	address, args := remote(args)
	buffer := make([]byte, len(secretInMemory))
	each(args, "memory read", func(pid int) error {
		local := []unix.Iovec{{Base: &buffer[0], Len: uint64(len(buffer))}}
		_, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: address(pid), Len: len(buffer)}}, 0)
		if err == syscall.EFAULT { // allowed, and that address is not there
			return nil
		}
		return err
	})
}

func vmWrite(args []string) {
	address, args := remote(args)
	buffer := []byte("OWNED!")
	each(args, "memory written", func(pid int) error {
		local := []unix.Iovec{{Base: &buffer[0], Len: uint64(len(buffer))}}
		_, err := unix.ProcessVMWritev(pid, local, []unix.RemoteIovec{{Base: address(pid), Len: len(buffer)}}, 0)
		if err == syscall.EFAULT {
			return nil
		}
		return err
	})
}

func pidfdGetfd(args []string) {
	each(args, "descriptor taken", func(pid int) error {
		fd, err := unix.PidfdOpen(pid, 0)
		if err != nil {
			return err
		}
		for n := range 10 {
			if _, err = unix.PidfdGetfd(fd, n, 0); err == nil {
				return nil
			}
		}
		return err
	})
}

// kill sends the victims a signal; who is outside sees whether they live.
func kill(args []string) {
	var errs []error
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		must(err)
		errs = append(errs, syscall.Kill(pid, syscall.SIGKILL), unix.Tgkill(pid, pid, syscall.SIGKILL))
	}
	tried("%v", errs)
}

func pidfdSignal(args []string) {
	var errs []error
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		must(err)
		fd, err := unix.PidfdOpen(pid, 0)
		if err == nil {
			err = unix.PidfdSendSignal(fd, syscall.SIGKILL, nil, 0)
		}
		errs = append(errs, err)
	}
	tried("%v", errs)
}

// killGroup signals its own process group, in which the caller may be.
func killGroup([]string) {
	signal.Ignore(syscall.SIGTERM)
	tried("%v", syscall.Kill(0, syscall.SIGTERM))
}

// killAll signals every process that there is. Never outside a sandbox.
func killAll([]string) {
	signal.Ignore(syscall.SIGTERM)
	tried("%v", syscall.Kill(-1, syscall.SIGTERM))
}

// killOwner makes the victim the owner of a socket, whose news come by signal:
// the kernel sends it, not the process.
func killOwner(args []string) {
	pid, err := strconv.Atoi(args[0])
	must(err)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	must(err)
	_, err = unix.FcntlInt(uintptr(pair[0]), unix.F_SETOWN, pid)
	_, sig := unix.FcntlInt(uintptr(pair[0]), unix.F_SETSIG, int(syscall.SIGTERM))
	_, async := unix.FcntlInt(uintptr(pair[0]), unix.F_SETFL, unix.O_ASYNC)
	_, _ = unix.Write(pair[1], []byte("x"))
	tried("%v %v %v", err, sig, async)
}

// prlimit is for the victims alone: the sandbox's own init may be limited by who
// has its id, and takes all down with it.
func prlimit(args []string) {
	var last error
	for _, arg := range args {
		pid, err := strconv.Atoi(arg)
		must(err)
		var old unix.Rlimit
		if last = unix.Prlimit(pid, unix.RLIMIT_NOFILE, nil, &old); last == nil {
			broke("limits of %d", pid)
		}
	}
	held("%v", last)
}

// schedule slows a process down, and asks the kernel to kill it first. It is for
// the victims alone, as prlimit.
func schedule(args []string) {
	for _, pid := range args {
		n, err := strconv.Atoi(pid)
		must(err)
		if unix.Setpriority(unix.PRIO_PROCESS, n, 19) == nil {
			broke("priority of %s", pid)
		}
		if os.WriteFile("/proc/"+pid+"/oom_score_adj", []byte("1000"), 0) == nil {
			broke("oom_score_adj of %s", pid)
		}
	}
	held("neither")
}

// processList looks for a text in all processes' arguments.
func processList(args []string) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	must(err)
	self := fmt.Sprint(os.Getpid())
	for _, file := range files {
		if filepath.Base(filepath.Dir(file)) == self {
			continue
		}
		if b, _ := os.ReadFile(file); bytes.Contains(b, []byte("victim\x00"+args[0])) {
			broke("%s: %q", file, b)
		}
	}
	held("%d processes, and none is the host's", len(files))
}

// daemon leaves a process behind, in a session of its own, that acts later.
func daemon(args []string) {
	cmd := exec.Command("/bin/sh", "-c", `trap "" HUP TERM INT; sleep 0.4; echo late > "$1"`, "sh", args[0])
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(cmd.Start())
	tried("left %d", cmd.Process.Pid)
}

// crash would leave a picture of its memory, for whom the host's core_pattern
// says. That the limit cannot be raised is enough: with 0 there is no file, and
// with 1 no handler is run either (core(5)).
func crash([]string) {
	var limit unix.Rlimit
	must(unix.Getrlimit(unix.RLIMIT_CORE, &limit))
	if limit.Max > 1 {
		broke("the limit may be raised to %d", limit.Max)
	}
	err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1 << 20, Max: 1 << 20})
	judge("raising the limit of core files", err)
}
