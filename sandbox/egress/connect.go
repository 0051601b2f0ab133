package egress

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// Connect takes a socket that does not block, of whatever network, and connects it.
func Connect(ctx context.Context, f *os.File, to netip.AddrPort) (net.Conn, error) {
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Unix(1, 0)) }) // it is done
	defer stop()
	begun := false
	waited := raw.Write(func(fd uintptr) (done bool) {
		if !begun {
			begun = true
			if err = unix.Connect(int(fd), sockaddr(to)); err != unix.EINPROGRESS {
				return true
			}
		}
		done, err = connected(int(fd))
		return done
	})
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case waited != nil:
		err = waited
	}
	if err != nil {
		return nil, &net.OpError{Op: "connect", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	return net.FileConn(f)
}

// connected tells how far it is (connect(2), EINPROGRESS).
func connected(fd int) (done bool, err error) {
	code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return true, err
	case code != 0:
		return true, unix.Errno(code)
	}
	_, err = unix.Getpeername(fd)
	if errors.Is(err, unix.ENOTCONN) {
		return false, nil
	}
	return true, err
}
