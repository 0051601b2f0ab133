package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

// awhile is how long a server may take, all of which are on this machine.
const awhile = 2 * time.Second

// say speaks to a server and looks for the marker in its answer: NETWORK ADDRESS MARKER
// PART..., each with Go's escapes. One that begins with "urgent " is sent as urgent data.
func say(args []string) {
	c, err := net.DialTimeout(args[0], args[1], awhile)
	if err != nil {
		held("%v", err)
	}
	for _, part := range args[3:] {
		part, urgent := strings.CutPrefix(part, "urgent ")
		text, err := strconv.Unquote(`"` + part + `"`)
		must(err)
		if urgent {
			err = sendUrgent(c, text)
		} else {
			_, err = c.Write([]byte(text))
		}
		if err != nil {
			held("%v", err)
		}
		time.Sleep(20 * time.Millisecond) // one packet each
	}
	listen(c, args[2])
}

// listen ends with what a server answers.
func listen(c net.Conn, marker string) {
	_ = c.SetDeadline(time.Now().Add(awhile))
	var heard []byte
	buf := make([]byte, 4096)
	for {
		n, err := c.Read(buf)
		if heard = append(heard, buf[:n]...); strings.Contains(string(heard), marker) {
			broke("it answers %.100q", heard)
		}
		if err != nil {
			held("%v after %d bytes", err, len(heard))
		}
	}
}

func sendUrgent(c net.Conn, text string) error {
	raw, err := c.(*net.TCPConn).SyscallConn()
	must(err)
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.Send(int(fd), []byte(text), unix.MSG_OOB) })
	return errors.Join(err, failed)
}

// fetch asks for a name and speaks to each address of it, TIMES times: SERVER NAME PORT
// MARKER TIMES. Who owns the name may say another address each time.
func fetch(args []string) {
	times, err := strconv.Atoi(args[4])
	must(err)
	var last error
	for range times {
		for _, kind := range []dnsmessage.Type{dnsmessage.TypeA, dnsmessage.TypeAAAA} {
			m, err := exchange("udp", args[0], question(args[1], kind, dnsmessage.ClassINET, ""))
			if err != nil {
				last = err
			}
			for _, r := range m.Answers {
				switch body := r.Body.(type) {
				case *dnsmessage.AResource:
					last = speak(netip.AddrFrom4(body.A), args[2], args[3])
				case *dnsmessage.AAAAResource:
					last = speak(netip.AddrFrom16(body.AAAA), args[2], args[3])
				}
			}
		}
	}
	held("%v", last)
}

func speak(a netip.Addr, port, marker string) error {
	c, err := net.DialTimeout("tcp", net.JoinHostPort(a.String(), port), awhile)
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(awhile))
	if _, err := c.Write([]byte("x\n")); err != nil {
		return err
	}
	b, err := io.ReadAll(io.LimitReader(c, 1000))
	if strings.Contains(string(b), marker) {
		broke("%s answers %.100q", a, b)
	}
	return fmt.Errorf("%w after %d bytes", errors.Join(err, io.EOF), len(b))
}

// speakAny speaks to several addresses, one of which should answer: MARKER ADDRESS...
func speakAny(args []string) {
	var last error
	for _, to := range args[1:] {
		a, port, err := net.SplitHostPort(to)
		must(err)
		ip, err := netip.ParseAddr(a)
		must(err)
		if last = speak(ip, port, args[0]); last == nil {
			break
		}
	}
	held("%v", last)
}

// sockets looks for descriptors that are sockets, in all processes.
func sockets([]string) {
	processes, err := os.ReadDir("/proc")
	must(err)
	for _, p := range processes {
		links, _ := os.ReadDir("/proc/" + p.Name() + "/fd")
		for _, l := range links {
			path := "/proc/" + p.Name() + "/fd/" + l.Name()
			to, err := os.Readlink(path)
			if err == nil && strings.HasPrefix(to, "socket:") {
				broke("%s is a socket", path)
			}
		}
	}
	held("none")
}

// lookups asks for names without end: COUNT SUFFIX.
func lookups(args []string) {
	n, err := strconv.Atoi(args[0])
	must(err)
	c, err := net.Dial("udp", "127.0.0.1:53")
	must(err)
	answer := make([]byte, 1232)
	for i := range n {
		_ = c.SetDeadline(time.Now().Add(awhile))
		_, err := c.Write(question(fmt.Sprintf("%s%d.%s.", strings.Repeat("x", 40), i, args[1]), dnsmessage.TypeA, dnsmessage.ClassINET, ""))
		if err == nil {
			_, err = c.Read(answer)
		}
		if errors.Is(err, syscall.ECONNREFUSED) { // without a sandbox
			break
		}
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			wrong("%v", err)
		}
	}
	tried("asked for %d names", n)
}

// connections connects without end, and says nothing: ADDRESS COUNT.
func connections(args []string) {
	n, err := strconv.Atoi(args[1])
	must(err)
	made := 0
	for range n {
		if c, err := net.DialTimeout("tcp", args[0], awhile); err == nil {
			made++
			_ = c.(*net.TCPConn).SetLinger(0)
			c.Close()
		}
	}
	tried("made %d connections", made)
}
