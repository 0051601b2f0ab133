package main

import (
	"context"
	"crypto/tls"
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

// hello asks by TLS for a name, which may be empty: ADDRESS MARKER NAME HOW.
func hello(args []string) {
	c, err := net.DialTimeout("tcp", args[0], awhile)
	if err != nil {
		held("%v", err)
	}
	config := &tls.Config{ServerName: args[2], InsecureSkipVerify: true}
	switch args[3] {
	case "bytes", "records":
		c = &slicer{Conn: c, records: args[3] == "records"}
	case "huge": // what the hello is longer by
		for i := range 180 {
			config.NextProtos = append(config.NextProtos, fmt.Sprintf("%0200d", i))
		}
		config.NextProtos = append(config.NextProtos, "http/1.1")
	case "old":
		config.MaxVersion = tls.VersionTLS12
	}
	t := tls.Client(c, config)
	_ = t.SetDeadline(time.Now().Add(awhile))
	if _, err := fmt.Fprintf(t, "GET / HTTP/1.1\r\nHost: bad.example.com\r\nConnection: close\r\n\r\n"); err != nil {
		held("%v", err)
	}
	listen(t, args[1])
}

// A slicer sends the first message in parts: as packets of a byte, or as records of one.
type slicer struct {
	net.Conn
	records bool
	done    bool
}

func (s *slicer) Write(b []byte) (int, error) {
	if s.done {
		return s.Conn.Write(b)
	}
	s.done = true
	all := b
	if s.records {
		all = nil
		for _, one := range b[5:] {
			all = append(all, b[0], b[1], b[2], 0, 1, one)
		}
	}
	for i := range all {
		if _, err := s.Conn.Write(all[i : i+1]); err != nil {
			return 0, err
		}
		if !s.records && i < 200 {
			time.Sleep(time.Millisecond)
		}
	}
	return len(b), nil
}

// twice answers a server that wants another hello with one that names another host
// (RFC 8446 section 4.1.4): ADDRESS MARKER FIRST SECOND.
func twice(args []string) {
	c, err := net.DialTimeout("tcp", args[0], awhile)
	if err != nil {
		held("%v", err)
	}
	if len(args[2]) != len(args[3]) {
		wrong("the names are of another length")
	}
	r := &renamer{Conn: c, from: args[3], to: args[2]}
	t := tls.Client(r, &tls.Config{ServerName: args[3], InsecureSkipVerify: true, MinVersion: tls.VersionTLS13})
	_ = t.SetDeadline(time.Now().Add(awhile))
	err = t.HandshakeContext(context.Background())
	switch {
	case !r.again:
		wrong("the server wanted no second hello: %v", err)
	case strings.Contains(string(r.heard), args[1]):
		broke("it answers %.100q", r.heard)
	}
	held("%v", err)
}

// A renamer has the first message name another host.
type renamer struct {
	net.Conn
	from, to string
	done     bool
	again    bool // the server wanted another
	heard    []byte
}

func (r *renamer) Read(b []byte) (int, error) {
	n, err := r.Conn.Read(b)
	r.heard = append(r.heard, b[:n]...)
	return n, err
}

func (r *renamer) Write(b []byte) (int, error) {
	if !r.done {
		r.done = true
		if _, err := r.Conn.Write([]byte(strings.Replace(string(b), r.from, r.to, 1))); err != nil {
			return 0, err
		}
		return len(b), nil
	}
	r.again = r.again || strings.Contains(string(b), r.from)
	return r.Conn.Write(b)
}

// question is a query to the DNS.
func question(name string, kind dnsmessage.Type, class dnsmessage.Class, extra string) []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 7, RecursionDesired: true})
	n, err := dnsmessage.NewName(name)
	must(err)
	must(b.StartQuestions())
	must(b.Question(dnsmessage.Question{Name: n, Type: kind, Class: class}))
	must(b.StartAdditionals())
	opt := dnsmessage.OPTResource{}
	if extra != "" {
		opt.Options = []dnsmessage.Option{{Code: 65001, Data: []byte(extra)}}
	}
	must(b.OPTResource(dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: 1232}, opt))
	q, err := b.Finish()
	must(err)
	return q
}

// exchange asks a name server.
func exchange(network, server string, query []byte) (m dnsmessage.Message, err error) {
	c, err := net.DialTimeout(network, server, awhile)
	if err != nil {
		return m, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(awhile))
	answer := make([]byte, 1<<16)
	if network == "tcp" {
		if _, err = c.Write(append([]byte{byte(len(query) >> 8), byte(len(query))}, query...)); err != nil {
			return m, err
		}
		if _, err = io.ReadFull(c, answer[:2]); err != nil {
			return m, err
		}
		answer = answer[:int(answer[0])<<8|int(answer[1])]
		_, err = io.ReadFull(c, answer)
	} else {
		if _, err = c.Write(query); err != nil {
			return m, err
		}
		var n int
		n, err = c.Read(answer)
		answer = answer[:n]
	}
	if err != nil {
		return m, err
	}
	return m, m.Unpack(answer)
}

// ask asks for a name, and leaves it to the other side to say whether it came there:
// NETWORK SERVER NAME TYPE CLASS [OPTION].
func ask(args []string) {
	kind, err := strconv.Atoi(args[3])
	must(err)
	class, err := strconv.Atoi(args[4])
	must(err)
	extra := ""
	if len(args) > 5 {
		extra = args[5]
	}
	m, err := exchange(args[0], args[1], question(args[2], dnsmessage.Type(kind), dnsmessage.Class(class), extra))
	tried("%v, %d answers, %v", m.RCode, len(m.Answers), err)
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

// reach connects in an unusual manner: HOW ADDRESS MARKER. The address is of IPv4.
func reach(args []string) {
	to, err := netip.ParseAddrPort(args[1])
	must(err)
	kind, protocol := unix.SOCK_STREAM, 0
	if args[0] == "mptcp" {
		protocol = unix.IPPROTO_MPTCP
	}
	fd, err := unix.Socket(unix.AF_INET, kind, protocol)
	if err != nil {
		held("%v", err)
	}
	at := &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}
	limit := unix.NsecToTimeval(int64(awhile))
	must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
	must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &limit))
	switch args[0] {
	case "fastopen": // data in the packet that connects
		err = unix.Sendto(fd, []byte("x\n"), unix.MSG_FASTOPEN, at)
	case "foreign": // from an address that is not one's own
		_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TRANSPARENT, 1)
		must(unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_FREEBIND, 1))
		must(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 9, 9, 9}}))
		err = unix.Connect(fd, at)
	case "source-route": // by way of an address that may be reached (RFC 791, LSRR)
		if err = unix.SetsockoptString(fd, unix.SOL_IP, unix.IP_OPTIONS, "\x83\x07\x04\x7f\x00\x00\x01\x00"); err == nil {
			err = unix.Connect(fd, at)
		}
	case "device": // by a device
		if err = unix.BindToDevice(fd, "lo"); err == nil {
			err = unix.Connect(fd, at)
		}
	default:
		err = unix.Connect(fd, at)
	}
	if err != nil {
		held("%v", err)
	}
	_, _ = unix.Write(fd, []byte("x\n"))
	b := make([]byte, 100)
	n, err := unix.Read(fd, b)
	if n > 0 && strings.Contains(string(b[:n]), args[2]) {
		broke("it answers %q", b[:n])
	}
	held("%v", err)
}

// take listens where sbx does, to have the connections of others: NETWORK ADDRESS...
func take(args []string) {
	var last error
	for _, to := range args[1:] {
		a, err := netip.ParseAddrPort(to)
		must(err)
		family, kind := unix.AF_INET, unix.SOCK_STREAM
		var at unix.Sockaddr = &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
		if family = unix.AF_INET6; a.Addr().Is4() {
			family, at = unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
		}
		if args[0] == "udp" {
			kind = unix.SOCK_DGRAM
		}
		for _, option := range []int{0, unix.SO_REUSEADDR, unix.SO_REUSEPORT} {
			fd, err := unix.Socket(family, kind, 0)
			must(err)
			if option != 0 {
				must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 1))
			}
			_ = unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_FREEBIND, 1)
			last = unix.Bind(fd, at)
			if last == nil && kind == unix.SOCK_STREAM {
				last = unix.Listen(fd, 1)
			}
			unix.Close(fd)
			if last == nil {
				broke("it listens at %s", to)
			}
		}
	}
	held("%v", last)
}

// pings sends echo requests to each address, by both kinds of sockets.
func pings(args []string) {
	echo := []byte{8, 0, 0xf7, 0xff, 0, 0, 0, 0}
	var last error
	for _, to := range args {
		a, err := netip.ParseAddr(to)
		must(err)
		for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_RAW} {
			fd, err := unix.Socket(unix.AF_INET, kind, unix.IPPROTO_ICMP)
			if err != nil {
				last = err
				continue
			}
			limit := unix.NsecToTimeval(int64(awhile))
			must(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &limit))
			if last = unix.Sendto(fd, echo, 0, &unix.SockaddrInet4{Addr: a.As4()}); last == nil {
				_, last = unix.Read(fd, make([]byte, 100))
			}
			unix.Close(fd)
			if last == nil {
				broke("%s answers", to)
			}
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
