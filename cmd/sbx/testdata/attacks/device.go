package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// harmless are the devices that every program may have.
const harmless = " null zero full random urandom tty ptmx "

// devices opens every device that it finds, but the harmless ones.
func devices(tops []string) {
	seen := 0
	for _, top := range tops {
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || mode(path)&fs.ModeDevice == 0 {
				return nil
			}
			seen++
			if strings.Contains(harmless, " "+d.Name()+" ") || strings.Contains(path, "/pts/") {
				return nil
			}
			fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY, 0)
			if err == nil {
				unix.Close(fd)
				broke("%s opens", path)
			}
			return nil
		})
	}
	held("%d devices, and no dangerous one opens", seen)
}

// mknod makes a device in each directory, and opens it.
func mknod(args []string) {
	kind, major, minor := uint32(unix.S_IFCHR), args[0][1:], args[1]
	if args[0][0] == 'b' {
		kind = unix.S_IFBLK
	}
	m, err := strconv.Atoi(major)
	must(err)
	n, err := strconv.Atoi(minor)
	must(err)
	var last error
	for _, dir := range args[2:] {
		path := filepath.Join(dir, "device")
		last = unix.Mknod(path, kind|0o666, int(unix.Mkdev(uint32(m), uint32(n))))
		if last != nil {
			continue
		}
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			unix.Close(fd)
			broke("%s was made, and opens", path)
		}
		last = err
		_ = os.Remove(path)
		if err != syscall.EACCES && err != syscall.EPERM {
			broke("%s was made, and opens if there is one: %v", path, err)
		}
	}
	held("%v", last)
}
