package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// runNamed copies a program to each of the directories and runs it there, by itself and
// by the dynamic loader.
func runNamed(dirs []string) {
	var last error
	for _, dir := range dirs {
		path := filepath.Join(dir, "sbx-attack-"+strconv.Itoa(os.Getpid()))
		if last = runFile(func() (*os.File, error) { return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o700) }); last == nil {
			broke("it runs in %s", dir)
		}
		os.Remove(path)
	}
	held("%v", last)
}

// runUnnamed does the same with a file that has no name.
func runUnnamed(dirs []string) {
	var last error
	for _, dir := range dirs {
		if last = runFile(func() (*os.File, error) { return os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o700) }); last == nil {
			broke("it runs in %s", dir)
		}
	}
	held("%v", last)
}

// runMemfd does the same with memfd_create(2) and those flags.
func runMemfd(args []string) {
	flags, err := strconv.ParseInt(args[0], 0, 32)
	must(err)
	err = runFile(func() (*os.File, error) {
		fd, err := unix.MemfdCreate("x", int(flags))
		return os.NewFile(uintptr(fd), "memfd"), err
	})
	if err == nil {
		broke("it runs")
	}
	held("%v", err)
}

// runFile makes a program of a new file and runs it. It gives nil where it ran.
func runFile(create func() (*os.File, error)) error {
	f, err := create()
	if err != nil {
		return err
	}
	defer func() { f.Close(); os.Remove(f.Name()) }()
	program, err := os.ReadFile("/bin/true")
	must(err)
	if _, err := f.Write(program); err != nil {
		return err
	}
	_ = f.Chmod(0o700) // a sealed one stays as it is
	// A file that is open for writing is busy.
	read, err := os.Open("/proc/self/fd/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		return err
	}
	defer read.Close()
	f.Close()
	argv := [][]string{{"/proc/self/fd/3"}}
	for _, loader := range []string{"/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"} {
		argv = append(argv, []string{loader, "/proc/self/fd/3"})
	}
	for _, args := range argv {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.ExtraFiles = []*os.File{read}
		if err = cmd.Run(); err == nil {
			return nil
		}
	}
	return errnoOf(executes(int(read.Fd())))
}

// executes asks execveat(2) for a descriptor, in this process.
func executes(fd int) syscall.Errno {
	name, err := syscall.BytePtrFromString("")
	must(err)
	_, _, e := syscall.Syscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(name)), uintptr(unsafe.Pointer(&[]*byte{name, nil}[0])), 0, unix.AT_EMPTY_PATH, 0)
	return e
}

// mapExecutable maps a file of each of the directories, to be executed.
func mapExecutable(dirs []string) {
	var last error
	for _, dir := range dirs {
		f, err := os.OpenFile(dir, os.O_RDWR|unix.O_TMPFILE, 0o700)
		if err != nil {
			last = err
			continue
		}
		must(f.Truncate(4096))
		if _, last = unix.Mmap(int(f.Fd()), 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_SHARED); last == nil {
			broke("a file in %s is executable in memory", dir)
		}
	}
	held("%v", last)
}
