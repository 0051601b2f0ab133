package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPublishedMany: two hundred connections at once through the real program, each with
// its own server's thread; then sbx ends while they are open, and all are closed.
func TestPublishedMany(t *testing.T) {
	needNamespaces(t)
	if _, err := exec.LookPath("python3"); err != nil {
		skip(t, "%v", err)
	}
	for name, kill := range map[string]func(*exec.Cmd) error{
		"the command ends": func(cmd *exec.Cmd) error { return cmd.Process.Signal(os.Interrupt) },
		"sbx is killed":    func(cmd *exec.Cmd) error { return cmd.Process.Kill() },
	} {
		t.Run(name, func(t *testing.T) {
			mark := fmt.Sprintf("86397.%d", os.Getpid())
			cmd := exec.Command(tool(t, "sbx"), "run", "--no-profile", "-p", ":8000", "--", "python3", "-c", manyServer, mark)
			cmd.Dir = project(t)
			errors, err := cmd.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			ready, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(errors).ReadString('\n')
			at := regexp.MustCompile(`127\.0\.0\.1:\d+`).FindString(line)
			if _, e := io.ReadFull(ready, make([]byte, 6)); e != nil || err != nil || at == "" {
				t.Fatalf("%q, %v, %v", line, err, e)
			}
			time.Sleep(50 * time.Millisecond) // the first 10 ms belong to sbx, see session.go
			before := sockets(t, cmd.Process.Pid)
			conns := connectMany(t, at, 200)
			for _, c := range conns[:100] {
				c.Close()
			}
			// Of the closed ones two each are gone, and those that were made at once may wait.
			for range 1000 {
				if sockets(t, cmd.Process.Pid) <= before+200+16 {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			if n := sockets(t, cmd.Process.Pid); n > before+200+16 {
				t.Errorf("%d sockets for 100 connections, and %d before", n, before)
			}
			if err := kill(cmd); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // it was ended
			for _, c := range conns[100:] {
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				if n, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
					t.Fatalf("a connection is open: %d bytes, %v", n, err)
				}
				c.Close()
			}
			if c, err := net.Dial("tcp", at); err == nil {
				c.Close()
				t.Error("the port is still there")
			}
			gone(t, mark)
		})
	}
}

const manyServer = `
import socket, threading
s = socket.create_server(("127.0.0.1", 8000), backlog=500)
def echo(c):
    while b := c.recv(65536): c.sendall(b)
    c.close()
print("ready", flush=True)
while True: threading.Thread(target=echo, args=(s.accept()[0],), daemon=True).start()
`

// connectMany makes connections at once, and has each answered.
func connectMany(t *testing.T, at string, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	var all sync.WaitGroup
	for i := range conns {
		all.Go(func() {
			c, err := net.Dial("tcp", at)
			if err != nil {
				t.Error(err)
				return
			}
			conns[i] = c
			text := fmt.Sprintf("%01000d", i)
			_ = c.SetDeadline(time.Now().Add(30 * time.Second))
			heard := make([]byte, len(text))
			if _, err := io.WriteString(c, text); err != nil {
				t.Error(err)
			}
			if _, err := io.ReadFull(c, heard); err != nil || string(heard) != text {
				t.Errorf("connection %d: %v", i, err)
			}
		})
	}
	all.Wait()
	if t.Failed() {
		t.FailNow()
	}
	return conns
}

// sockets counts those of a process.
func sockets(t *testing.T, pid int) (n int) {
	t.Helper()
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(links) == 0 {
		t.Fatalf("no descriptors of %d: %v", pid, err)
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}
