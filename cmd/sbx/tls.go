package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tlsProgram makes connections to a proxy of https ones of TLS. TLS is in sbx-image: to
// have it in sbx too would cost each start half a millisecond. It is started for the first
// such connection, and ends when its socket does, so with this process however that ends.
type tlsProgram struct {
	mu   sync.Mutex
	asks *net.UnixConn
	cmd  *exec.Cmd
}

// secure gives the connection to the program, and has another end, in the clear.
func (p *tlsProgram) secure(ctx context.Context, c net.Conn, host string) (net.Conn, error) {
	asks, err := p.start()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := unixPair(unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	tcp, err := c.(*net.TCPConn).File()
	if err != nil {
		ours.Close()
		return nil, err
	}
	defer tcp.Close()
	if _, _, err := asks.WriteMsgUnix([]byte(host), unix.UnixRights(int(tcp.Fd()), int(theirs.Fd())), nil); err != nil {
		ours.Close()
		return nil, fmt.Errorf("sbx-image, which has TLS: %w", err)
	}
	theirs.Close()
	if err := shaken(ctx, ours); err != nil {
		ours.Close()
		return nil, err
	}
	c.Close()
	return ours, nil
}

// shaken waits for the program to say whether there is TLS: a zero, or why not.
func shaken(ctx context.Context, c net.Conn) error {
	stop := context.AfterFunc(ctx, func() { _ = c.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	first := make([]byte, 1)
	if _, err := io.ReadFull(c, first); err != nil {
		return errors.Join(context.Cause(ctx), err)
	}
	if first[0] == 0 {
		return nil
	}
	rest, err := io.ReadAll(io.LimitReader(c, 4<<10))
	if err != nil {
		return err
	}
	return errors.New(string(append(first, rest...)))
}

func (p *tlsProgram) start() (*net.UnixConn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asks != nil {
		return p.asks, nil
	}
	path, err := imageProgram()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := unixPair(unix.SOCK_SEQPACKET)
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	p.cmd = exec.Command(path, "tls")
	p.cmd.Stdin, p.cmd.Stderr = theirs, os.Stderr
	p.cmd.Dir, p.cmd.Env = "/", []string{}
	for _, name := range []string{"SSL_CERT_FILE", "SSL_CERT_DIR"} {
		if value, ok := os.LookupEnv(name); ok {
			p.cmd.Env = append(p.cmd.Env, name+"="+value)
		}
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Control-C is for the command
	if err := p.cmd.Start(); err != nil {
		ours.Close()
		return nil, err
	}
	p.asks = ours
	return p.asks, nil
}

// end ends the program, if it was started.
func (p *tlsProgram) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asks != nil {
		p.asks.Close()
		_ = p.cmd.Wait() // it has nothing left to say
	}
}

// unixPair is a pair of sockets, the second one to be handed on.
func unixPair(kind int) (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs, file := os.NewFile(uintptr(fds[1]), "theirs"), os.NewFile(uintptr(fds[0]), "ours")
	c, err := net.FileConn(file)
	file.Close()
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return c.(*net.UnixConn), theirs, nil
}
