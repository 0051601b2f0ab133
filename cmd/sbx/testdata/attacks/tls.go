package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strings"
	"time"
)

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
