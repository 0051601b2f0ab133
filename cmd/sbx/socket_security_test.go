package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// socketRows are the network, servers of the caller's, and IPC.
var socketRows = []row{
	{id: "socket-abstract", group: "sockets", tries: "connect to an abstract socket of the host", views: both, setup: serveAbstract, cmd: []string{"{ATTACKS}", "abstract", "{NAME}"}},
	{id: "socket-abstract-net-host", group: "sockets", tries: "the same with the host's network", views: both, since: "6.12", setup: serveAbstract, flags: []string{"--net", "host"},
		cmd: []string{"{ATTACKS}", "abstract", "{NAME}"}},
	{id: "socket-home", group: "sockets", tries: "connect to a socket in the caller's home", views: both, setup: serve("{HOME}/.agent"), cmd: []string{"{ATTACKS}", "connect", "unix", "{SOCKET}"}},
	{id: "socket-tmp", group: "sockets", tries: "connect to a socket in /tmp", views: both, setup: serveTmp, cmd: []string{"{ATTACKS}", "connect", "unix", "{SOCKET}"}},
	{id: "socket-dbus", group: "sockets", tries: "connect to the session bus", views: both, setup: serve("{HOME}/runtime/bus", "DBUS_SESSION_BUS_ADDRESS=unix:path={SOCKET}", "XDG_RUNTIME_DIR={HOME}/runtime"),
		cmd: []string{"{ATTACKS}", "connect", "unix", "{SOCKET}"}},
	{id: "socket-ssh-agent", group: "sockets", tries: "connect to the ssh-agent", views: both, setup: serve("{HOME}/.ssh/agent", "SSH_AUTH_SOCK={SOCKET}"),
		cmd: []string{"{ATTACKS}", "connect", "unix", "{SOCKET}"}},
	{id: "socket-gpg-agent", group: "sockets", tries: "connect to the gpg-agent", views: both, setup: serve("{HOME}/.gnupg/S.gpg-agent"), cmd: []string{"{ATTACKS}", "connect", "unix", "{SOCKET}"}},
	{id: "socket-project", group: "sockets", tries: "connect to a socket in the project that was bound by another path", views: both, setup: serve("{PROJECT}/agent"),
		cmd: []string{"{ATTACKS}", "connect", "unix", "agent"}},
	{id: "socket-shown", group: "sockets", tries: "connect to such a socket in a directory that is shown read-only", views: both, setup: serve("{HOME}/shared/agent"), flags: []string{"-v", "{HOME}/shared:/tmp/there:ro"},
		cmd: []string{"sh", "-c", `for d in /tmp/there {HOME}/shared; do cd $d && "{ATTACKS}" connect unix agent | grep BROKE && exit 1; done; echo HELD: none`}},
	{id: "fifo-shown", group: "sockets", tries: "read or write a named pipe of the host in a directory that is shown read-only", views: both, setup: waitAtPipe, flags: []string{"-v", "{HOME}/shared:/tmp/there:ro"},
		cmd: []string{"sh", "-c", `cd /tmp/there || cd "{HOME}/shared"; echo OWNED 1<> orders; exec "{ATTACKS}" contents {MARKER} secrets`},
		judge: func(s *scene) string {
			if s.has("{HOME}/told", "OWNED") {
				return "a process of the host was told so"
			}
			return ""
		}},
	{id: "socket-by-root-link", group: "sockets", tries: "connect to a socket by /proc/PID/root", views: both, victim: true, setup: serve("{HOME}/.agent"),
		cmd: []string{"sh", "-c", `for p in 1 {PID}; do [ $p = $$ ] || {ATTACKS} connect unix /proc/$p/root{SOCKET} | grep BROKE && exit 1; done; echo HELD: none`}},
	{id: "socket-tcp", group: "sockets", tries: "connect to a server on the host's 127.0.0.1", views: both, setup: serveTCP("127.0.0.1:0"), cmd: []string{"{ATTACKS}", "connect", "tcp", "{SOCKET}"}},
	{id: "socket-tcp6", group: "sockets", tries: "connect to a server on the host's ::1", views: both, setup: serveTCP("[::1]:0"), cmd: []string{"{ATTACKS}", "connect", "tcp", "{SOCKET}"}},
	{id: "socket-udp", group: "sockets", tries: "ask a server on the host's 127.0.0.1 by UDP", views: both, setup: serveUDP, cmd: []string{"{ATTACKS}", "connect", "udp", "{SOCKET}"}},
	{id: "socket-alg", group: "sockets", tries: "open the kernel's cryptography (CVE-2026-31431)", views: both, cmd: []string{"{ATTACKS}", "socket", "38:5:0"}},
	{id: "socket-packet", group: "sockets", tries: "open a packet socket", views: both, cmd: []string{"{ATTACKS}", "socket", "17:3:0", "17:2:0"}},
	{id: "socket-raw", group: "sockets", tries: "open a raw socket", views: both, cmd: []string{"{ATTACKS}", "socket", "2:3:1", "10:3:58", "2:3:255"}},
	{id: "socket-vsock", group: "sockets", tries: "open a socket to the machine's host", views: both, cmd: []string{"{ATTACKS}", "socket", "40:1:0", "40:2:0"}},
	{id: "socket-netfilter", group: "sockets", tries: "open the packet filter (CVE-2022-25636, CVE-2024-1086)", views: both, cmd: []string{"{ATTACKS}", "socket", "16:3:12"}},
	{id: "socket-xfrm", group: "sockets", tries: "open the IPsec tables", views: both, cmd: []string{"{ATTACKS}", "socket", "16:3:6", "15:3:2"}},
	{id: "socket-audit", group: "sockets", tries: "open the audit log", views: both, cmd: []string{"{ATTACKS}", "socket", "16:3:9"}},
	{id: "socket-uevent", group: "sockets", tries: "listen to the kernel's events", views: both, cmd: []string{"{ATTACKS}", "socket", "16:3:15"}},
	{id: "socket-generic", group: "sockets", tries: "open generic netlink and its many servers", views: both, cmd: []string{"{ATTACKS}", "socket", "16:3:16"}},
	{id: "socket-xdp", group: "sockets", tries: "open an XDP socket", views: both, cmd: []string{"{ATTACKS}", "socket", "44:3:0"}},
	{id: "socket-rare", group: "sockets", tries: "open a socket of a rare family: CAN, TIPC, RDS, Bluetooth, NFC, KCM, SMC, AX.25, X.25, QRTR", views: both,
		cmd: []string{"{ATTACKS}", "socket", "29:3:1", "30:5:0", "21:5:0", "31:3:1", "39:5:1", "41:5:0", "43:1:0", "3:5:0", "9:5:0", "42:2:0", "5:2:0", "4:2:0", "33:2:2", "35:2:0"}},
	{id: "ipc-shm", group: "sockets", tries: "attach the caller's shared memory", views: both, setup: shareMemory, cmd: []string{"{ATTACKS}", "shm", "{KEY}"}},
	{id: "ipc-mqueue", group: "sockets", tries: "open the caller's message queue", views: both, setup: makeQueue, cmd: []string{"{ATTACKS}", "mqueue", "{NAME}"}},
}

// answer answers who connects, until the test ends.
func (s *scene) answer(l net.Listener) {
	s.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte(marker + "\n")) // who goes away goes away
			time.AfterFunc(100*time.Millisecond, func() { conn.Close() })
		}
	}()
}

// serve listens at a path, with variables in the caller's environment.
func serve(path string, env ...string) func(*scene) {
	return func(s *scene) {
		s.vars["SOCKET"] = s.path(path)
		s.mkdir(filepath.Dir(s.path(path)))
		// A name is at most 108 bytes; a test's directory may be deep.
		dir, err := os.MkdirTemp("", "s")
		s.check(err)
		s.t.Cleanup(func() { os.RemoveAll(dir) })
		s.check(os.Symlink(filepath.Dir(s.path(path)), filepath.Join(dir, "d")))
		l, err := net.Listen("unix", filepath.Join(dir, "d", filepath.Base(path)))
		s.check(err)
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		s.answer(l)
		s.env = append(s.env, s.expand(env)...)
	}
}

// waitAtPipe has a process of the caller's read orders at one pipe, and write
// secrets into another.
func waitAtPipe(s *scene) {
	s.mkdir("{HOME}/shared")
	for _, name := range []string{"orders", "secrets"} {
		s.check(unix.Mkfifo(s.path("{HOME}/shared/"+name), 0o600))
	}
	secret, err := os.OpenFile(s.path("{HOME}/shared/secrets"), os.O_RDWR, 0)
	s.check(err)
	s.t.Cleanup(func() { secret.Close() })
	_, err = secret.WriteString(marker)
	s.check(err)
	orders, err := os.OpenFile(s.path("{HOME}/shared/orders"), os.O_RDWR, 0)
	s.check(err)
	s.t.Cleanup(func() { orders.Close() })
	go func() {
		b := make([]byte, 100)
		n, err := orders.Read(b)
		if err == nil {
			_ = os.WriteFile(s.path("{HOME}/told"), b[:n], 0o600) // the test may be over
		}
	}()
}

func serveTmp(s *scene) {
	dir, err := os.MkdirTemp("/tmp", "sbx-bait")
	s.check(err)
	s.t.Cleanup(func() { os.RemoveAll(dir) })
	serve(filepath.Join(dir, "socket"))(s)
}

var abstractNames atomic.Int32

func serveAbstract(s *scene) {
	s.vars["NAME"] = fmt.Sprintf("sbx-bait-%d-%d", os.Getpid(), abstractNames.Add(1))
	l, err := net.Listen("unix", "@"+s.vars["NAME"])
	s.check(err)
	s.answer(l)
}

func serveTCP(address string) func(*scene) {
	return func(s *scene) {
		l, err := net.Listen("tcp", address)
		if err != nil {
			skip(s.t, "no such address here: %v", err)
		}
		s.vars["SOCKET"] = l.Addr().String()
		s.answer(l)
	}
}

func serveUDP(s *scene) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	s.check(err)
	s.t.Cleanup(func() { conn.Close() })
	s.vars["SOCKET"] = conn.LocalAddr().String()
	go func() {
		b := make([]byte, 100)
		for {
			_, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo([]byte(marker), from) // who goes away goes away
		}
	}()
}

// leaveSocket leaves one end of a pair open, as a socket activation would.
func leaveSocket(s *scene) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	s.check(err)
	for _, fd := range pair {
		f := os.NewFile(uintptr(fd), "socket")
		s.t.Cleanup(func() { f.Close() })
		if fd == pair[0] {
			s.fds = append(s.fds, f)
		}
	}
}

func shareMemory(s *scene) {
	key := os.Getpid()<<4 | int(abstractNames.Add(1))&15
	id, err := unix.SysvShmGet(key, 4096, unix.IPC_CREAT|unix.IPC_EXCL|0o600)
	s.check(err)
	s.t.Cleanup(func() {
		if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
			s.t.Error(err)
		}
	})
	s.vars["KEY"] = fmt.Sprint(key)
}

func makeQueue(s *scene) {
	s.vars["NAME"] = fmt.Sprintf("sbx-bait-%d-%d", os.Getpid(), abstractNames.Add(1))
	path := append([]byte(s.vars["NAME"]), 0)
	fd, _, e := syscall.Syscall6(unix.SYS_MQ_OPEN, uintptr(unsafe.Pointer(&path[0])), unix.O_RDWR|unix.O_CREAT|unix.O_EXCL, 0o600, 0, 0, 0)
	if e != 0 {
		skip(s.t, "no message queues here: %v", e)
	}
	s.check(unix.Close(int(fd)))
	s.t.Cleanup(func() {
		_, _, _ = syscall.Syscall(unix.SYS_MQ_UNLINK, uintptr(unsafe.Pointer(&path[0])), 0, 0)
	})
}
