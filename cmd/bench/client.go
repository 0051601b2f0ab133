package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// What a client asks of the server, by its first byte.
const (
	asksDown = 'd' // to be sent a number of bytes, which is in the next eight
	asksUp   = 'u' // to take all, and say one byte at its end
	asksEcho = 'e' // to be sent each byte back
)

// takeConnections serves the clients until the listener is closed.
func takeConnections(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer c.Close()
			_ = converse(c) // a client that is gone has its own error
		}()
	}
}

func converse(c net.Conn) error {
	var head [9]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	switch head[0] {
	case asksDown:
		buf := make([]byte, 128<<10)
		for left := binary.BigEndian.Uint64(head[1:]); left > 0; {
			n, err := c.Write(buf[:min(left, uint64(len(buf)))])
			if err != nil {
				return err
			}
			left -= uint64(n)
		}
		return nil
	case asksUp:
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 128<<10)); err != nil {
			return err
		}
		_, err := c.Write(head[:1])
		return err
	}
	buf := make([]byte, 1)
	for {
		if _, err := c.Read(buf); err != nil {
			return err
		}
		if _, err := c.Write(buf); err != nil {
			return err
		}
	}
}

func ask(to string, what byte, count int) (net.Conn, error) {
	c, err := net.Dial("tcp", to)
	if err != nil {
		return nil, err
	}
	_, err = c.Write(binary.BigEndian.AppendUint64([]byte{what}, uint64(count)))
	return c, err
}

// client is what runs in a sandbox: it does something with the server so often, and
// prints how many seconds that took.
func client(what, to string, count int) error {
	start := time.Now()
	var err error
	switch what {
	case "down":
		err = down(to, count)
	case "up":
		err = up(to, count)
	case "echo":
		err = echo(to, count)
	case "connect":
		for range count {
			if err = echo(to, 1); err != nil {
				break
			}
		}
	case "idle":
		return idle(to, count)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Println(time.Since(start).Seconds())
	return err
}

func down(to string, count int) error {
	c, err := ask(to, asksDown, count)
	if err != nil {
		return err
	}
	defer c.Close()
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c}, make([]byte, 128<<10))
	if err == nil && n != int64(count) {
		err = fmt.Errorf("%d of %d bytes came", n, count)
	}
	return err
}

func up(to string, count int) error {
	c, err := ask(to, asksUp, count)
	if err != nil {
		return err
	}
	defer c.Close()
	buf := make([]byte, 128<<10)
	for left := count; left > 0; {
		n, err := c.Write(buf[:min(left, len(buf))])
		if err != nil {
			return err
		}
		left -= n
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err
	}
	_, err = io.ReadFull(c, buf[:1])
	return err
}

func echo(to string, count int) error {
	c, err := ask(to, asksEcho, count)
	if err != nil {
		return err
	}
	defer c.Close()
	buf := make([]byte, 1)
	for range count {
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	return nil
}

// idle makes connections, says so, and holds them until its input ends.
func idle(to string, count int) error {
	buf := make([]byte, 1)
	for range count {
		c, err := ask(to, asksEcho, 1)
		if err != nil {
			return err
		}
		defer c.Close()
		if _, err := c.Write(buf); err != nil {
			return err
		}
		if _, err := io.ReadFull(c, buf); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	_, err := bufio.NewReader(os.Stdin).ReadByte()
	if err == io.EOF {
		return nil
	}
	return err
}
