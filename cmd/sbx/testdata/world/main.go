// Program world runs a command in a small world of its own: a machine with an address,
// a default route, a network beside it and a cloud below it. In each of their places is
// the same server, at one port of TCP and UDP, which says the marker. It is run by
// unshare --user --map-root-user --net --mount.
//
//	world UID GID RESOLVER PORT MARKER COMMAND...
//
// The command runs as that user, without rights in the world. With RESOLVER the machine
// has a name server at that address of its loopback, and with - it has none.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// setUp are the words of ip(8). A route that is local lets a server listen in places
// that are not the machine's own addresses.
const setUp = `link set lo up
link add eth7 type veth peer name eth8
link set eth8 up
address add 192.0.2.2/24 dev eth7
link set eth7 up
-6 address add 2001:db8::2/64 dev eth7 nodad
route add default via 192.0.2.1
-6 route add default via 2001:db8::1 dev eth7
route add local 203.0.113.0/24 dev lo
route add local 10.9.9.0/24 dev lo
route add local 10.0.2.2/31 dev lo
route add local 169.254.169.254/32 dev lo
route add local 168.63.129.16/32 dev lo
route add local 100.100.100.200/32 dev lo
-6 route add local 2001:db8:1::/48 dev lo
-6 route add local fd00::2/127 dev lo
-6 route add local fd00:ec2::254/128 dev lo
-6 route add local 64:ff9b::a9fe:a9fe/128 dev lo`

func main() {
	if len(os.Args) < 7 {
		fail(errors.New("want UID GID RESOLVER PORT MARKER COMMAND"))
	}
	uid, gid, resolver, port, marker, command := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6:]
	for line := range strings.Lines(setUp) {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			fail(fmt.Errorf("ip %s: %v: %s", strings.TrimSpace(line), err, out))
		}
	}
	answer(port, marker)
	await(port)
	resolv := ""
	if resolver != "-" {
		resolv = serveNames(resolver)
	}
	cmd := exec.Command("unshare", append([]string{"--user", "--map-user=" + uid, "--map-group=" + gid}, command...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	os.Remove(resolv) // before, nothing could be mounted over it
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "world:", err)
	os.Exit(99)
}

func answer(port, marker string) {
	for _, at := range [][2]string{{"tcp", ":" + port}, {"unix", abstract}} {
		l, err := net.Listen(at[0], at[1])
		if err != nil {
			fail(err)
		}
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					fail(err)
				}
				_, _ = fmt.Fprintln(c, marker) // who goes away goes away
				time.AfterFunc(100*time.Millisecond, func() { c.Close() })
			}
		}()
	}
	serve(":"+port, func([]byte) []byte { return []byte(marker) })
}

// abstract is the name of the same server's socket that is in no directory.
const abstract = "@sbx-world"

// await waits until the server is there in all places of the world.
func await(port string) {
	for _, place := range []string{"127.0.0.1", "192.0.2.2", "203.0.113.5", "10.9.9.9", "169.254.169.254", "::1", "2001:db8::2", "2001:db8:1::5", "fd00:ec2::254"} {
		var err error
		for range 50 {
			var c net.Conn
			if c, err = net.DialTimeout("tcp", net.JoinHostPort(place, port), time.Second); err == nil {
				c.Close()
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		if err != nil {
			fail(err)
		}
	}
}

// serve answers datagrams.
func serve(at string, reply func([]byte) []byte) {
	p, err := net.ListenPacket("udp", at)
	if err != nil {
		fail(err)
	}
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				fail(err)
			}
			if r := reply(b[:n]); r != nil {
				_, _ = p.WriteTo(r, from) // who goes away goes away
			}
		}
	}()
}

// serveNames has the world's programs ask a name server, that knows outside.example.
func serveNames(at string) (file string) {
	f, err := os.CreateTemp("", "resolv")
	if err != nil {
		fail(err)
	}
	if _, err := io.WriteString(f, "search corp.example\nnameserver "+at+"\n"); err != nil {
		fail(err)
	}
	if err := errors.Join(f.Chmod(0o644), syscall.Mount(f.Name(), "/etc/resolv.conf", "", syscall.MS_BIND, "")); err != nil {
		fail(err)
	}
	serve(net.JoinHostPort(at, "53"), func(question []byte) []byte {
		var p dnsmessage.Parser
		h, err := p.Start(question)
		if err != nil {
			return nil
		}
		q, err := p.Question()
		if err != nil {
			return nil
		}
		m := dnsmessage.Message{Header: dnsmessage.Header{ID: h.ID, Response: true, RecursionAvailable: true}, Questions: []dnsmessage.Question{q}}
		switch {
		case q.Name.String() != "outside.example.":
			m.RCode = dnsmessage.RCodeNameError
		case q.Type == dnsmessage.TypeA:
			m.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, TTL: 60},
				Body:   &dnsmessage.AResource{A: netip.MustParseAddr("203.0.113.5").As4()},
			}}
		}
		b, err := m.Pack()
		if err != nil {
			fail(err)
		}
		return b
	})
	return f.Name()
}
