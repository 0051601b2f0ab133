package egress

import (
	"errors"
	"fmt"
)

// A judge looks at what the sandbox says on a connection before it is handed on.
// Buffers are the caller's: what judge returns is in the one it was given, or its own.
type judge interface {
	// pass takes what the sandbox said, gives what of it may go, and how many bytes that
	// is of what it said. What is behind comes again, with more.
	pass(said []byte) (on []byte, used int, err error)
}

// errAnother says that the sandbox asked for one host, and says another to the server.
type errAnother struct{ asked, says, how string }

func (e *errAnother) Error() string {
	if e.says == "" {
		return fmt.Sprintf("it asked for %s and names no host in its %s", e.asked, e.how)
	}
	return fmt.Sprintf("it asked for %s and says %s in its %s", e.asked, e.says, e.how)
}

// judgeFor is that of a port: TLS on 443 and HTTP on 80, since that is what is allowed
// with a host by default. On other ports it is whatever it is, but TLS that names
// another host is none of what was asked for.
func judgeFor(host string, port uint16, literal bool) judge {
	switch port {
	case 443:
		return &tlsJudge{host: host, literal: literal, must: true}
	case 80:
		return &webJudge{host: host, port: port}
	}
	return &tlsJudge{host: host, literal: literal}
}

// A tlsJudge lets all through once the hello names the host.
type tlsJudge struct {
	host    string
	literal bool // asked for by address, for which there is no name to say
	must    bool // be TLS
	state   tlsState
	hidden  bool
	left    int // of a record that goes on, in state again
}

// tlsState is how far a connection is.
type tlsState int

const (
	begun    tlsState = iota
	awaiting          // the server's answer to the hello
	again             // the second hello, which the server may want
	judged            // all goes on
)

func (j *tlsJudge) pass(said []byte) ([]byte, int, error) {
	switch j.state {
	case awaiting:
		return nil, 0, nil
	case again:
		return j.second(said)
	case judged:
		return said, len(said), nil
	}
	n, err := j.hello(said)
	if err != nil && !j.must && errors.Is(err, errNotTLS) {
		j.state = judged
		return said, len(said), nil
	}
	if err != nil || n == 0 {
		return nil, 0, err
	}
	j.state = awaiting
	return said[:n], n, nil
}

// hello judges one, and gives its length, or nothing if it is not all there.
func (j *tlsJudge) hello(said []byte) (n int, err error) {
	h, n, err := parseHello(said)
	switch {
	case errors.Is(err, errMore) && len(said) <= maxHello+maxHello/8:
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("%s: %w", j.host, err)
	case h.Name != j.host && !(j.literal && h.Name == "") && !(h.Name == "" && !j.must):
		return 0, &errAnother{j.host, h.Name, "TLS hello"}
	}
	j.hidden = j.hidden || h.Encrypted
	return n, nil
}

// A webJudge reads each request: on one connection there may be many, and each names
// its host.
type webJudge struct {
	host string
	port uint16
	form func(Request) []byte // of what goes on, or nil for the head as it was
	body *body                // of the request that is on its way, or nil
}

func (j *webJudge) pass(said []byte) (on []byte, used int, err error) {
	for used < len(said) {
		if j.body != nil {
			n, err := j.body.take(said[used:])
			on = append(on, said[used:used+n]...)
			used += n
			if err != nil {
				return nil, used, err
			}
			if j.body.at != ended {
				return on, used, nil
			}
			j.body = nil
			continue
		}
		r, n, err := ParseRequest(said[used:])
		if errors.Is(err, errMore) {
			return on, used, nil
		}
		if err != nil {
			return nil, used, err
		}
		if r.Host != j.host {
			return nil, used, &errAnother{j.host, r.Host, "Host field"}
		}
		if r.Port != j.port {
			return nil, used, &errAnother{fmt.Sprintf("port %d", j.port), fmt.Sprintf("port %d", r.Port), "Host field"}
		}
		if j.form != nil {
			r.Head = j.form(r)
		}
		on = append(on, r.Head...)
		used += n
		if j.body = bodyOf(r); j.body.at == ended {
			j.body = nil
		}
	}
	return on, used, nil
}
