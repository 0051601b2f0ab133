package sandbox

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/egress"
	"github.com/sbxrun/sbx/userns"
)

// An inside connects to servers in a sandbox's network. A socket stays in the network in
// which it was made, so what has to be done in there is to make it: by a child that
// enters the namespaces, hands sockets out and ends. It executes nothing and is in none
// of the sandbox's other namespaces, so nobody in there sees it. The supervisor itself
// cannot: it has several threads (setns(2)).
type inside struct {
	host    bool // it is the host's network
	mu      sync.Mutex
	network *os.File // the namespaces
	owner   *os.File
	spare   map[socketKind][]*os.File
}

type socketKind struct{ domain, kind int }

// batch is how many sockets a child makes: it takes as long for a few as for one.
const batch = 16

// find learns the namespaces from a socket that was made in them. Who owns the user
// namespace may ask (SIOCGSKNS wants CAP_NET_ADMIN there), and for as long as the
// descriptors are open the namespaces last, whoever else has left.
func (i *inside) find(socket *os.File) error {
	defer socket.Close()
	i.close()
	network, err := unix.IoctlRetInt(int(socket.Fd()), unix.SIOCGSKNS)
	if err != nil {
		return fmt.Errorf("the sandbox's network namespace: SIOCGSKNS: %w", err)
	}
	i.network = os.NewFile(uintptr(network), "network namespace")
	owner, err := unix.IoctlRetInt(network, unix.NS_GET_USERNS)
	if err != nil {
		return fmt.Errorf("the sandbox's user namespace: NS_GET_USERNS: %w", err)
	}
	i.owner = os.NewFile(uintptr(owner), "user namespace")
	return nil
}

func (i *inside) dialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return i.dial(ctx, unix.SOCK_STREAM, to)
}

func (i *inside) dialUDP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return i.dial(ctx, unix.SOCK_DGRAM, to)
}

func (i *inside) dial(ctx context.Context, kind int, to netip.AddrPort) (net.Conn, error) {
	domain := unix.AF_INET6
	if to.Addr().Is4() {
		domain = unix.AF_INET
	}
	f, err := i.socket(socketKind{domain, kind | unix.SOCK_NONBLOCK})
	if err != nil {
		return nil, err
	}
	return egress.Connect(ctx, f, to)
}

// socket gives one that nobody has used.
func (i *inside) socket(k socketKind) (*os.File, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	switch {
	case i.host:
		fd, err := unix.Socket(k.domain, k.kind|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return nil, os.NewSyscallError("socket", err)
		}
		return os.NewFile(uintptr(fd), "socket"), nil
	case i.network == nil: // never the host's instead
		return nil, errors.New("the sandbox ended")
	}
	if len(i.spare[k]) == 0 {
		if err := i.fetch(k); err != nil {
			return nil, err
		}
	}
	all := i.spare[k]
	i.spare[k] = all[:len(all)-1]
	return all[len(all)-1], nil
}

const (
	networkOwner   userns.FD = "owner of the sandbox's network"
	sandboxNetwork userns.FD = "sandbox's network"
)

// join are the steps into the network. The child has every capability there, and uses
// them for what it was made for alone: it executes nothing.
func join(then ...userns.Step) userns.Plan {
	return userns.Plan{Steps: append([]userns.Step{
		userns.Join{Of: networkOwner, Namespaces: userns.User},
		userns.Join{Of: sandboxNetwork, Namespaces: userns.Net},
	}, append(then, userns.Exit{})...)}
}

// openPorts lets everybody in the network listen at ports from that one on. /proc/sys/net
// is of the network of who looks (proc(5)).
func (i *inside) openPorts(from uint16) error {
	return i.run(join(userns.WriteFile{Path: "/proc/sys/net/ipv4/ip_unprivileged_port_start", Data: strconv.Itoa(int(from))}), nil)
}

func (i *inside) run(p userns.Plan, receive func(userns.FD, *os.File, *userns.Process) error) error {
	status, err := p.Run(userns.Input{Files: map[userns.FD]*os.File{networkOwner: i.owner, sandboxNetwork: i.network}, Receive: receive}, nil)
	if err == nil && status != 0 {
		err = fmt.Errorf("it ended with %d", status)
	}
	return err
}

// socketsPlan makes sockets in the network. The child waits for nothing, so it ends
// whether anybody is left to take them or not.
func socketsPlan(k socketKind) userns.Plan {
	var steps []userns.Step
	for n := range batch {
		fd := userns.FD(fmt.Sprintf("socket %d", n))
		steps = append(steps, userns.Socket{Domain: k.domain, Type: k.kind, As: fd}, userns.Send{FD: fd})
	}
	return join(steps...)
}

func (i *inside) fetch(k socketKind) error {
	if i.spare == nil {
		i.spare = map[socketKind][]*os.File{}
	}
	err := i.run(socketsPlan(k), func(_ userns.FD, f *os.File, _ *userns.Process) error {
		i.spare[k] = append(i.spare[k], f)
		return nil
	})
	if err != nil && len(i.spare[k]) == 0 {
		return fmt.Errorf("no socket in the sandbox's network: %w", err)
	}
	return nil
}

// close lets go of the namespaces.
func (i *inside) close() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, files := range i.spare {
		for _, f := range files {
			f.Close()
		}
	}
	i.spare = nil
	for _, f := range []**os.File{&i.network, &i.owner} {
		if *f != nil {
			(*f).Close()
			*f = nil
		}
	}
}
