// hostile tries what an untrusted build could try, one thing an invocation, and
// says how it went. It is run inside the sandbox.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func main() {
	tries := map[string]func([]string){
		"fds": fds, "tiocsti": tiocsti, "read": read, "mount": mount, "caps": caps,
		"ignore": ignore, "orphan": orphan, "clock": clock, "ptrace": ptrace,
		"swap": swap, "hop": hop,
	}
	try, ok := tries[os.Args[1]]
	if !ok {
		fmt.Println("no such try")
		os.Exit(2)
	}
	try(os.Args[2:])
}

// fds lists the descriptors above 2 that were inherited.
func fds([]string) {
	for fd := 3; fd < 4096; fd++ {
		var st syscall.Stat_t
		// Go's own poller makes some, which are marked close-on-exec; inherited
		// ones are not.
		flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, uintptr(fd), syscall.F_GETFD, 0)
		if errno == 0 && flags&syscall.FD_CLOEXEC == 0 && syscall.Fstat(fd, &st) == nil {
			fmt.Printf("descriptor %d is open\n", fd)
		}
	}
	fmt.Println("looked")
}

// tiocsti types a line into the terminal of its standard input.
func tiocsti([]string) {
	for _, b := range []byte("echo INJECTED\n") {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCSTI, uintptr(unsafe.Pointer(&b)))
		if errno != 0 {
			fmt.Println("TIOCSTI:", errno)
			return
		}
	}
	fmt.Println("TIOCSTI: typed")
}

// read opens files and says what came of each.
func read(paths []string) {
	for _, path := range paths {
		f, err := os.Open(path)
		if err != nil {
			fmt.Printf("%s: %v\n", path, err.(*os.PathError).Err)
			continue
		}
		b := make([]byte, 4096)
		n, _ := f.Read(b)
		fmt.Printf("%s: read %q\n", path, b[:n])
	}
}

// mount tries to take off what hides the host, and to mount over it.
func mount(paths []string) {
	for _, path := range paths {
		fmt.Printf("umount %s: %v\n", path, syscall.Unmount(path, syscall.MNT_DETACH))
		fmt.Printf("remount %s: %v\n", path, syscall.Mount("", path, "", syscall.MS_REMOUNT|syscall.MS_BIND, ""))
	}
}

// caps prints the capability sets that are not empty.
func caps([]string) {
	b, _ := os.ReadFile("/proc/self/status")
	for _, line := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(line, "Cap") || strings.HasPrefix(line, "NoNewPrivs") {
			fmt.Println(line)
		}
	}
}

// ignore ignores every signal that can be ignored, and says when it is ready.
func ignore([]string) {
	signal.Ignore()
	fmt.Println("ready")
	time.Sleep(time.Minute)
}

// orphan leaves a process behind that holds standard output.
func orphan([]string) {
	attr := &syscall.ProcAttr{Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setsid: true}}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"hostile", "ignore"}, attr)
	fmt.Println("left", pid > 0, err)
}

// clock prints the monotonic clock in whole seconds.
func clock([]string) {
	var ts [2]int64
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
	fmt.Println("monotonic", ts[0])
}

// ptrace attaches to process 1.
func ptrace([]string) {
	fmt.Println("attach to 1:", syscall.PtraceAttach(1))
	fmt.Println("kill 1:", syscall.Kill(1, syscall.SIGKILL))
}

// swap puts a link in the place of a directory, and the directory back, again and again.
func swap(args []string) {
	trap := args[0] + ".trap"
	if err := os.Symlink(args[1], trap); err != nil {
		fmt.Println(err)
		return
	}
	for {
		_ = unix.Renameat2(unix.AT_FDCWD, args[0], unix.AT_FDCWD, trap, unix.RENAME_EXCHANGE) // it may be looked for just now
	}
}

// hop lives in one process after the other, each of which writes a byte.
func hop(args []string) {
	f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.Write([]byte("."))
	}
	if err == nil {
		_, err = syscall.ForkExec("/proc/self/exe", []string{"hostile", "hop", args[0]}, nil)
	}
	if err != nil {
		fmt.Println(err)
	}
}
