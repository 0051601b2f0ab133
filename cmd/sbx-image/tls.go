package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// tlsCommand speaks TLS for sbx, which has none. Its standard input is a socket, by which
// it is given pairs of others: a connection to a server, and the end of one in the clear.
// It ends with that socket, whose other end sbx has.
type tlsCommand struct{}

func (*tlsCommand) Run(*run) error {
	c, err := net.FileConn(os.Stdin)
	os.Stdin.Close()
	if err != nil {
		return err
	}
	asks, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("standard input is no socket of sbx's")
	}
	host, rights := make([]byte, 256), make([]byte, unix.CmsgSpace(2*4))
	for {
		n, size, _, _, err := asks.ReadMsgUnix(host, rights)
		if err != nil || n == 0 {
			return nil // sbx ended
		}
		server, inside, err := connections(rights[:size])
		if err != nil {
			return err
		}
		go secure(server, inside, string(host[:n]))
	}
}

// connections are the two that came with a message.
func connections(rights []byte) (server, inside net.Conn, err error) {
	messages, err := unix.ParseSocketControlMessage(rights)
	if err != nil {
		return nil, nil, err
	}
	var all []net.Conn
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, nil, err
		}
		for _, fd := range fds {
			f := os.NewFile(uintptr(fd), "")
			c, err := net.FileConn(f)
			f.Close()
			if err != nil {
				return nil, nil, err
			}
			all = append(all, c)
		}
	}
	if len(all) != 2 {
		return nil, nil, fmt.Errorf("%d sockets came, and two make a pair", len(all))
	}
	return all[0], all[1], nil
}

// patience is how long a server may take to begin.
const patience = 30 * time.Second

// secure says how the handshake went, and then hands on in both directions.
func secure(server, inside net.Conn, host string) {
	defer inside.Close()
	defer server.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c := tls.Client(server, &tls.Config{ServerName: host})
	if err := c.HandshakeContext(ctx); err != nil {
		_, _ = io.WriteString(inside, err.Error()) // to sbx, or to nobody
		return
	}
	if _, err := inside.Write([]byte{0}); err != nil {
		return
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		if _, err := io.Copy(c, inside); err != nil {
			server.Close()
			return
		}
		_ = c.CloseWrite() // the server may be gone
	}()
	if _, err := io.Copy(inside, c); err != nil {
		inside.Close()
	} else {
		_ = inside.(*net.UnixConn).CloseWrite() // so may sbx
	}
	<-sent
}
