package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketFamily opens sockets, each named FAMILY:TYPE:PROTOCOL. A family that the
// kernel would load a module for is as far as one that it has.
func socketFamily(args []string) {
	var last error
	for _, arg := range args {
		var n [3]int
		for i, text := range strings.Split(arg, ":") {
			v, err := strconv.Atoi(text)
			must(err)
			n[i] = v
		}
		fd, err := unix.Socket(n[0], n[1], n[2])
		if err == nil {
			unix.Close(fd)
			broke("socket %s opens", arg)
		}
		if !refused(err) && !errors.Is(err, syscall.EAFNOSUPPORT) && !errors.Is(err, syscall.EPROTONOSUPPORT) && !errors.Is(err, syscall.ESOCKTNOSUPPORT) {
			broke("socket %s was reached: %v", arg, err)
		}
		last = err
	}
	held("%v", last)
}

// connect speaks to a server outside: NETWORK ADDRESS.
func connect(args []string) {
	conn, err := net.DialTimeout(args[0], args[1], time.Second)
	if err != nil {
		held("%v", err)
	}
	if conn.LocalAddr().String() == conn.RemoteAddr().String() { // the kernel chose that port, one of 28,000
		held("it is nobody's there")
	}
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_, _ = conn.Write([]byte("hello\n"))
	b := make([]byte, 100)
	n, err := conn.Read(b)
	if err != nil {
		held("nobody answers: %v", err)
	}
	broke("it answers %q", b[:n])
}

// connectBy speaks to servers by sockets that are bound to a device: DEVICE NETWORK
// ADDRESS... A route that forbids an address is not asked then.
func connectBy(args []string) {
	index, err := net.InterfaceByName(args[0])
	if err != nil {
		held("%v", err)
	}
	options := map[string]func(fd int) error{
		"SO_BINDTODEVICE": func(fd int) error { return unix.BindToDevice(fd, args[0]) },
		"IP_UNICAST_IF": func(fd int) error {
			n := int(binary.BigEndian.Uint32(binary.NativeEndian.AppendUint32(nil, uint32(index.Index))))
			return errors.Join(unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_UNICAST_IF, n), unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_UNICAST_IF, n))
		},
	}
	for name, option := range options {
		for _, to := range args[2:] {
			d := net.Dialer{Timeout: time.Second, Control: func(_, _ string, c syscall.RawConn) error {
				return c.Control(func(fd uintptr) { _ = option(int(fd)) }) // one of the other family fails
			}}
			conn, err := d.Dial(args[1], to)
			if err != nil {
				continue
			}
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			_, _ = conn.Write([]byte("hello\n"))
			b := make([]byte, 100)
			if n, err := conn.Read(b); err == nil {
				broke("%s by %s answers %q", to, name, b[:n])
			}
			conn.Close()
		}
	}
	held("nobody answers")
}

// abstractSocket is connect for names in no directory, stream and datagram.
func abstractSocket(args []string) {
	for _, kind := range []string{"unix", "unixgram", "unixpacket"} {
		if conn, err := net.Dial(kind, "@"+args[0]); err == nil {
			conn.Close()
			broke("%s reaches it", kind)
		}
	}
	held("no such name here")
}

// interfaces looks for network devices of the host.
func interfaces([]string) {
	for _, dir := range []string{"/sys/class/net", "/sys/devices/virtual/net", "/proc/sys/net/ipv4/conf"} {
		entries, _ := os.ReadDir(dir)
		for _, entry := range entries {
			if n := entry.Name(); n != "lo" && n != "all" && n != "default" && n != "bonding_masters" {
				broke("%s has %s", dir, n)
			}
		}
	}
	all, _ := net.Interfaces()
	for _, i := range all {
		if i.Name != "lo" {
			broke("%s is here", i.Name)
		}
	}
	b, _ := os.ReadFile("/proc/net/dev")
	for _, line := range bytes.Split(b, []byte("\n"))[min(2, bytes.Count(b, []byte("\n"))):] {
		if name, _, ok := bytes.Cut(line, []byte(":")); ok && string(bytes.TrimSpace(name)) != "lo" {
			broke("/proc/net/dev has %s", name)
		}
	}
	held("lo alone")
}

// sysvShm attaches the caller's shared memory by its key.
func sysvShm(args []string) {
	key, err := strconv.Atoi(args[0])
	must(err)
	id, err := unix.SysvShmGet(key, 0, 0)
	if err != nil {
		held("%v", err)
	}
	b, err := unix.SysvShmAttach(id, 0, unix.SHM_RDONLY)
	if err != nil {
		held("%v", err)
	}
	broke("attached %d: %q", id, b[:6])
}

// messageQueue opens the caller's POSIX queue by its name.
func messageQueue(args []string) {
	path := append([]byte(args[0]), 0)
	_, _, e := syscall.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&path[0])), unix.O_RDWR, 0, 0, 0, 0)
	if e == 0 {
		broke("%s opens", args[0])
	}
	if b, err := os.ReadFile(filepath.Join("/dev/mqueue", args[0])); err == nil {
		broke("%s is in /dev/mqueue: %q", args[0], b)
	}
	held("%v", e)
}
