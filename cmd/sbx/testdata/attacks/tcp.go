package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stream is a socket's kind, and how it is used: by connect(2), by a send that
// connects, or to listen.
type stream struct {
	family, protocol int
	use              func(fd int, to unix.Sockaddr, raw []byte) error
}

var streams = map[string]stream{
	"connect":               {unix.AF_INET, 0, connectTo},
	"connect-tcp":           {unix.AF_INET, unix.IPPROTO_TCP, connectTo},
	"connect-mapped":        {unix.AF_INET6, 0, connectTo},
	"mptcp":                 {unix.AF_INET, unix.IPPROTO_MPTCP, connectTo},
	"mptcp-mapped":          {unix.AF_INET6, unix.IPPROTO_MPTCP, connectTo},
	"mptcp-fast-open":       {unix.AF_INET, unix.IPPROTO_MPTCP, sendTo},
	"fast-open":             {unix.AF_INET, 0, sendTo},
	"fast-open-tcp":         {unix.AF_INET, unix.IPPROTO_TCP, sendTo},
	"fast-open-mapped":      {unix.AF_INET6, 0, sendTo},
	"fast-open-message":     {unix.AF_INET, 0, sendMessage},
	"fast-open-messages":    {unix.AF_INET, 0, sendMessages},
	"fast-open-at-connect":  {unix.AF_INET, 0, connectLater},
	"listen":                {unix.AF_INET, 0, listenAnywhere},
	"listen6":               {unix.AF_INET6, 0, listenAnywhere},
	"listen-mptcp":          {unix.AF_INET, unix.IPPROTO_MPTCP, listenAnywhere},
	"listen-mptcp6":         {unix.AF_INET6, unix.IPPROTO_MPTCP, listenAnywhere},
	"smc":                   {unix.AF_SMC, 0, connectTo},
	"smc-protocol":          {unix.AF_INET, 256, connectTo},
	"sctp":                  {unix.AF_INET, unix.IPPROTO_SCTP, connectTo},
	"fast-open-unconnected": {unix.AF_INET, 0, sendAfterUnspec},
}

// speakTCP speaks to a server of the host's, ADDRESS, by a socket that is used as WAY.
func speakTCP(args []string) {
	way, ok := streams[args[0]]
	if !ok {
		wrong("no way %s", args[0])
	}
	to, err := net.ResolveTCPAddr("tcp4", args[1])
	must(err)
	fd, err := unix.Socket(way.family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, way.protocol)
	if err != nil {
		held("socket: %v", err)
	}
	address, raw := sockaddrOf(way.family, to)
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 2})
	_ = unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &unix.Timeval{Sec: 2})
	if err := way.use(fd, address, raw); err != nil {
		held("%v", err)
	}
	b := make([]byte, 100)
	if n, _ := unix.Read(fd, b); n > 0 {
		broke("it answers %q", b[:n])
	}
	held("nobody answers")
}

// sockaddrOf is an address for a socket of that family, also as the kernel reads it.
func sockaddrOf(family int, to *net.TCPAddr) (unix.Sockaddr, []byte) {
	if family == unix.AF_INET6 {
		a := &unix.SockaddrInet6{Port: to.Port, Addr: [16]byte(to.IP.To16())}
		raw := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: uint16(to.Port>>8 | to.Port<<8), Addr: a.Addr}
		return a, unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))
	}
	a := &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}
	raw := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: uint16(to.Port>>8 | to.Port<<8), Addr: a.Addr}
	return a, unsafe.Slice((*byte)(unsafe.Pointer(&raw)), unsafe.Sizeof(raw))
}

func connectTo(fd int, to unix.Sockaddr, _ []byte) error { return unix.Connect(fd, to) }

func sendTo(fd int, to unix.Sockaddr, _ []byte) error {
	return unix.Sendto(fd, []byte("hello\n"), unix.MSG_FASTOPEN, to)
}

func sendMessage(fd int, to unix.Sockaddr, _ []byte) error {
	return unix.Sendmsg(fd, []byte("hello\n"), nil, to, unix.MSG_FASTOPEN)
}

// sendMessages is sendmmsg(2), which no package has.
func sendMessages(fd int, _ unix.Sockaddr, raw []byte) error {
	text := []byte("hello\n")
	part := unix.Iovec{Base: &text[0], Len: uint64(len(text))}
	list := [1]struct {
		header unix.Msghdr
		sent   uint32
		_      uint32
	}{{header: unix.Msghdr{Name: &raw[0], Namelen: uint32(len(raw)), Iov: &part, Iovlen: 1}}}
	_, _, e := syscall.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&list)), 1, unix.MSG_FASTOPEN, 0, 0)
	return errnoOf(e)
}

// connectLater has connect(2) wait for the first write.
func connectLater(fd int, to unix.Sockaddr, _ []byte) error {
	return errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1), unix.Connect(fd, to), writeHello(fd))
}

func writeHello(fd int) error {
	_, err := unix.Write(fd, []byte("hello\n"))
	return err
}

// sendAfterUnspec takes the socket off a peer that it has not, before it sends.
func sendAfterUnspec(fd int, to unix.Sockaddr, raw []byte) error {
	if err := disconnect(fd); err != nil {
		return err
	}
	return sendTo(fd, to, raw)
}

// disconnect is connect(2) with AF_UNSPEC.
func disconnect(fd int) error {
	var none [16]byte
	_, _, e := syscall.Syscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), uintptr(len(none)))
	return errnoOf(e)
}

// listenAnywhere listens without bind(2): the kernel chooses the port.
func listenAnywhere(fd int, _ unix.Sockaddr, _ []byte) error {
	if err := unix.Listen(fd, 5); err != nil {
		return err
	}
	at, err := unix.Getsockname(fd)
	must(err)
	broke("it listens at %+v", at)
	return nil
}

// inheritedTCP makes the standard input, a connection of the caller's, a server, and
// connects it elsewhere: ADDRESS.
func inheritedTCP(args []string) {
	if err := disconnect(0); err != nil {
		held("disconnect: %v", err)
	}
	if err := unix.Listen(0, 5); err == nil {
		broke("it listens")
	}
	to, err := net.ResolveTCPAddr("tcp4", args[0])
	must(err)
	address, _ := sockaddrOf(unix.AF_INET, to)
	err = unix.Connect(0, address)
	if err == nil {
		broke("it is connected elsewhere")
	}
	held("%v", err)
}

// withTCP is the caller: a command is run with a connection as its standard input.
// ADDRESS COMMAND...
func withTCP(args []string) {
	conn, err := net.Dial("tcp", args[0])
	must(err)
	f, err := conn.(*net.TCPConn).File()
	must(err)
	must(unix.Dup3(int(f.Fd()), 0, 0))
	path, err := exec.LookPath(args[1])
	must(err)
	must(syscall.Exec(path, args[1:], os.Environ()))
}

// multipath serves and connects as Go does where multipath TCP is asked for. It is no
// attack: without that protocol both must speak TCP.
func multipath([]string) {
	var c net.ListenConfig
	c.SetMultipathTCP(true)
	l, err := c.Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(err)
	go func() {
		d := net.Dialer{Timeout: 5 * time.Second}
		d.SetMultipathTCP(true)
		conn, err := d.Dial("tcp", l.Addr().String())
		must(err)
		_, err = conn.Write([]byte("hello\n"))
		must(err)
	}()
	conn, err := l.Accept()
	must(err)
	b := make([]byte, 100)
	n, err := conn.Read(b)
	must(err)
	is, err := conn.(*net.TCPConn).MultipathTCP()
	must(err)
	tried("read %q, multipath %v", b[:n], is)
}
