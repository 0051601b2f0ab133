package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// expand gives the paths that patterns match, and those that are none.
func expand(patterns []string) []string {
	var paths []string
	for _, pattern := range patterns {
		matches, err := filepath.Glob(pattern)
		if err != nil || len(matches) == 0 {
			matches = []string{pattern}
		}
		paths = append(paths, matches...)
	}
	return paths
}

// head reads the beginning of a file without waiting for a pipe's writer.
func head(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b := make([]byte, 1<<16)
	n, err := f.Read(b)
	if n > 0 || err == io.EOF {
		err = nil
	}
	return b[:n], err
}

// readAny reads files; one byte of one is enough.
func readAny(patterns []string) {
	var last error
	for _, path := range expand(patterns) {
		b, err := head(path)
		if err == nil && len(b) > 0 {
			broke("%s: read %.40q", path, b)
		}
		last = err
	}
	held("nothing to read; last: %v", last)
}

// contents looks for a text in files.
func contents(args []string) {
	found := 0
	for _, path := range expand(args[1:]) {
		b, err := head(path)
		if err != nil {
			continue
		}
		found++
		if bytes.Contains(b, []byte(args[0])) {
			broke("%s has %q", path, args[0])
		}
	}
	held("%d files read, and none has it", found)
}

// listAny lists directories; an entry in one is enough.
func listAny(patterns []string) {
	for _, path := range expand(patterns) {
		if entries, err := os.ReadDir(path); err == nil && len(entries) > 0 {
			broke("%s has %s", path, entries[0].Name())
		}
	}
	held("all are empty or closed")
}

// findMarker walks trees for a regular file with a text.
func findMarker(args []string) {
	seen := 0
	for _, top := range args[1:] {
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // what cannot be listed has nothing for us
			}
			if mode(path).IsRegular() {
				seen++
				if b, err := head(path); err == nil && bytes.Contains(b, []byte(args[0])) {
					broke("%s has it", path)
				}
			}
			return nil
		})
	}
	held("%d files, and none has it", seen)
}

// mode asks for a file's kind: its directory tells that of what a mount covers.
func mode(path string) fs.FileMode {
	info, err := os.Lstat(path)
	if err != nil {
		return fs.ModeIrregular
	}
	return info.Mode()
}

// openWrite opens files for writing, and writes nothing.
func openWrite(patterns []string) {
	var last error
	for _, path := range expand(patterns) {
		f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil {
			f.Close()
			broke("%s is writable", path)
		}
		last = err
	}
	held("%v", last)
}

// walkWrite opens every file of trees for writing, and writes nothing. With -name it is
// those alone whose last name that is.
func walkWrite(args []string) {
	name := ""
	if args[0] == "-name" {
		name, args = args[1], args[2:]
	}
	seen := 0
	for _, top := range args {
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !mode(path).IsRegular() || name != "" && d.Name() != name {
				return nil
			}
			seen++
			if f, err := os.OpenFile(path, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				f.Close()
				broke("%s is writable", path)
			}
			return nil
		})
	}
	held("%d files, and none is writable", seen)
}

// writeAny writes a text to files in each way there is; the effect is seen
// outside.
func writeAny(args []string) {
	text := []byte(args[0] + "\n")
	for _, path := range expand(args[1:]) {
		for _, flags := range []int{os.O_WRONLY | os.O_CREATE, os.O_WRONLY | os.O_APPEND, os.O_RDWR | os.O_TRUNC} {
			if f, err := os.OpenFile(path, flags, 0o755); err == nil {
				_, _ = f.Write(text)
				f.Close()
			}
		}
		_ = os.Truncate(path, 0)
		if f, err := os.Open(path); err == nil {
			// The descriptor again, by another name and with more rights.
			again := fmt.Sprintf("/proc/self/fd/%d", f.Fd())
			_ = os.WriteFile(again, text, 0o644)
			_ = os.Chmod(again, 0o777)
			f.Close()
		}
		temporary := path + ".new"
		if os.WriteFile(temporary, text, 0o644) == nil {
			_ = os.Rename(temporary, path)
		}
		_ = os.Chmod(path, 0o777)
		_ = os.WriteFile(path, text, 0o777)
	}
	tried("wrote")
}

// rewrite is writeAny's judge from inside: the text can be read back.
func rewrite(args []string) {
	f, err := os.OpenFile(args[1], os.O_WRONLY, 0)
	if err != nil {
		held("%v", err)
	}
	_, err = f.WriteString(args[0])
	judge("writing "+args[1], err)
}

// plant writes a file in the project, with the directories above it.
func plant(args []string) {
	_ = os.MkdirAll(filepath.Dir(args[0]), 0o755)
	err := os.WriteFile(args[0], []byte(args[1]+"\n"), 0o755)
	if here, _ := os.Getwd(); filepath.Dir(args[0]) == here {
		fresh := args[0] + ".fresh"
		_ = os.WriteFile(fresh, []byte(args[1]+"\n"), 0o755)
		_ = os.Rename(fresh, args[0])
		tried("planted %s: %v", args[0], err)
	}
	// By another name, and moved into place.
	_ = os.Rename(filepath.Dir(args[0]), filepath.Dir(args[0])+".old")
	fresh := filepath.Dir(args[0]) + ".fresh"
	if os.MkdirAll(fresh, 0o755) == nil {
		_ = os.WriteFile(filepath.Join(fresh, filepath.Base(args[0])), []byte(args[1]+"\n"), 0o755)
		_ = os.Rename(fresh, filepath.Dir(args[0]))
	}
	tried("planted %s: %v", args[0], err)
}

// walkUp goes up from a directory's descriptor by "..", past its mount, and
// looks for a name below each parent.
func walkUp(args []string) {
	fd, err := unix.Open(args[0], unix.O_PATH|unix.O_DIRECTORY, 0)
	must(err)
	for range 40 {
		up, err := unix.Openat(fd, "..", unix.O_PATH|unix.O_DIRECTORY, 0)
		if err != nil {
			held("%v", err)
		}
		fd = up
		for _, name := range args[1:] {
			file, err := unix.Openat(fd, name, unix.O_RDONLY, 0)
			if err == nil {
				b := make([]byte, 20)
				if n, err := unix.Read(file, b); err == nil && n > 0 {
					broke("%s is above: %q", name, b[:n])
				}
				unix.Close(file)
			}
		}
	}
	held("nothing is above")
}

// openHandle opens a file by its handle, which names it in the whole file
// system ("shocker").
func openHandle(args []string) {
	raw, err := hex.DecodeString(args[2])
	must(err)
	var kind int32
	if _, err := fmt.Sscan(args[1], &kind); err != nil {
		wrong("%v", err)
	}
	mount, err := unix.Open(args[0], unix.O_RDONLY|unix.O_DIRECTORY, 0)
	must(err)
	fd, err := unix.OpenByHandleAt(mount, unix.NewFileHandle(kind, raw), unix.O_RDONLY)
	if err != nil {
		held("%v", err)
	}
	b := make([]byte, 20)
	n, _ := unix.Read(fd, b)
	broke("read %q", b[:n])
}

// linkOut makes another name for a file, where no mount covers it.
func linkOut(args []string) {
	for _, source := range args[1:] {
		for _, how := range []func() error{
			func() error { return os.Link(source, args[0]) },
			func() error { return os.Rename(source, args[0]) },
			func() error {
				return unix.Linkat(unix.AT_FDCWD, source, unix.AT_FDCWD, args[0], unix.AT_SYMLINK_FOLLOW)
			},
		} {
			if how() != nil {
				continue
			}
			if b, err := head(args[0]); err == nil && len(b) > 0 {
				broke("%s is readable as %s", source, args[0])
			}
			_ = os.Remove(args[0])
		}
	}
	held("no other name for it shows anything")
}

// renameRead moves the directory around a covered file.
func renameRead(args []string) {
	dir, file, marker := args[0], args[1], args[2]
	err := os.Rename(dir, dir+".moved")
	for _, path := range []string{filepath.Join(dir, file), filepath.Join(dir+".moved", file)} {
		if b, e := head(path); e == nil && strings.Contains(string(b), marker) {
			broke("%s is readable", path)
		}
	}
	held("rename: %v, and it is still covered", err)
}

// replace removes a file, or puts another in its place.
func replace(args []string) {
	_ = os.Remove(args[0])
	_ = os.WriteFile(args[0]+".new", []byte("replaced\n"), 0o644)
	_ = os.Rename(args[0]+".new", args[0])
	_ = os.WriteFile(args[0], []byte("replaced\n"), 0o644)
	tried("replaced")
}

// reopen opens standard output again, to change what was written before.
func reopen([]string) {
	f, err := os.OpenFile("/proc/self/fd/1", os.O_RDWR, 0)
	if err == nil {
		_ = f.Truncate(0)
		f.Close()
	}
	f, err = os.OpenFile("/dev/stdout", os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		f.Close()
	}
	tried("reopened: %v", err)
}

// setuidLeft leaves a program behind that makes whoever runs it the caller.
func setuidLeft(args []string) {
	_ = os.WriteFile(args[0], []byte("#!/bin/sh\n"), 0o755)
	must(os.Chmod(args[0], 0o755))
	_ = unix.Chmod(args[0], 0o4755)
	_ = unix.Fchmodat(unix.AT_FDCWD, args[0], 0o6755, 0)
	if f, err := os.Open(args[0]); err == nil {
		_ = unix.Fchmod(int(f.Fd()), 0o6755)
	}
	if fd, err := unix.Open(args[0]+"2", unix.O_CREAT|unix.O_WRONLY, 0o4755); err == nil {
		unix.Close(fd)
	}
	_ = unix.Mknod(args[0]+"3", unix.S_IFREG|0o4755, 0)
	tried("left")
}

// flip exchanges a directory and a symbolic link to another for a while, for
// who looks at the path twice.
func flip(args []string) {
	path, target := args[0], args[1]
	link := path + ".link"
	must(os.MkdirAll(path, 0o755))
	must(os.Symlink(target, link))
	fmt.Println("flipping")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
		_ = unix.Renameat2(unix.AT_FDCWD, path, unix.AT_FDCWD, link, unix.RENAME_EXCHANGE)
		if _, err := os.Lstat(args[2]); err == nil {
			held("told to stop")
		}
	}
	wrong("nobody told to stop")
}

// bound looks at a project with a difficult name: it is writable, and no part of
// the name was taken for another path.
func bound(args []string) {
	dir, err := os.Getwd()
	must(err)
	must(os.WriteFile("made inside", []byte("made\n"), 0o644))
	for _, path := range args {
		if b, err := head(path); err == nil && len(b) > 0 {
			broke("%s is there, from %q", path, dir)
		}
	}
	held("the project is %q", dir)
}
