package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// flood opens connections and says nothing on them: ADDRESS COUNT. It prints how many
// stay open, ends them, and whether another goes through then.
func flood(args []string) {
	n, err := strconv.Atoi(args[1])
	must(err)
	must(unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(n + 100), Max: uint64(n + 100)}))
	var mu sync.Mutex
	var all []net.Conn
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for range n / 16 {
				if c, err := net.DialTimeout("tcp", args[0], 5*time.Second); err == nil {
					mu.Lock()
					all = append(all, c)
					mu.Unlock()
				}
			}
		})
	}
	wait.Wait()
	time.Sleep(time.Second) // what is refused is reset by then
	open := 0
	for _, c := range all {
		raw, err := c.(*net.TCPConn).SyscallConn()
		must(err)
		must(raw.Control(func(fd uintptr) {
			_, err = unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_ERROR)
			state, failed := unix.GetsockoptTCPInfo(int(fd), unix.SOL_TCP, unix.TCP_INFO)
			if err == nil && failed == nil && state.State == 1 { // TCP_ESTABLISHED
				open++
			}
		}))
	}
	fmt.Println("open", open)
	for _, c := range all {
		c.Close()
	}
	for range 50 {
		time.Sleep(100 * time.Millisecond)
		c, err := net.DialTimeout("tcp", args[0], awhile)
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(awhile))
		_, _ = c.Write([]byte("x\n"))
		if k, _ := c.Read(make([]byte, 100)); k > 0 {
			fmt.Println("after goes")
			os.Exit(0)
		}
		c.Close()
	}
	fmt.Println("after comes-not")
	os.Exit(0)
}
