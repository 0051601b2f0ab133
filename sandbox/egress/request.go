package egress

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// maxHead is the length of a request's head. Servers take 8 to 64 kB.
const maxHead = 64 << 10

// errNotHTTP says that it is no request of HTTP/1, or one that two readers could read
// as two different ones: then what is judged here is not what the server acts upon.
var errNotHTTP = errors.New("it is no plain HTTP request")

// A Request is the head of a request of HTTP/1 (RFC 9112).
type Request struct {
	Host string // a name or an address
	Port uint16 // 80 where none is said
	// Head is what is handed on: without what would have the connection become
	// something else than HTTP/1, which nobody could judge any more.
	Head []byte
	line requestLine
	ends []byte // the fields that are for the server and for no proxy on the way
	last bool   // on its connection
	// Length of the body in bytes; chunked bodies say theirs as they come.
	Length  int64
	Chunked bool
}

// ParseRequest reads the head at the beginning of a stream, and gives its length.
// errMore says that it is not all there.
func ParseRequest(b []byte) (r Request, n int, err error) {
	lines, n, err := parseHead(b)
	if err != nil {
		return r, 0, err
	}
	line, err := parseRequestLine(lines[0])
	if err != nil {
		return r, 0, err
	}
	h, err := parseFields(lines[1:])
	if err != nil {
		return r, 0, err
	}
	if h.chunked && line.version == "HTTP/1.0" { // which has no chunks
		return r, 0, errNotHTTP
	}
	if r, err = h.request(line.authority); err != nil {
		return r, 0, err
	}
	r.line = line
	r.Head = append(append([]byte(lines[0]+"\r\n"), h.kept.Bytes()...), "\r\n"...)
	return r, n, nil
}

// parseHead gives the lines of a head.
func parseHead(b []byte) (lines []string, n int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > maxHead {
			return nil, 0, fmt.Errorf("%w: its head is longer than %d bytes", errNotHTTP, maxHead)
		}
		if i := bytes.IndexByte(b, '\n'); i == 0 || i > 0 && b[i-1] != '\r' {
			return nil, 0, errNotHTTP
		}
		return nil, 0, errMore
	}
	if n = end + 4; n > maxHead {
		return nil, 0, fmt.Errorf("%w: its head is longer than %d bytes", errNotHTTP, maxHead)
	}
	lines = strings.Split(string(b[:end]), "\r\n")
	for _, line := range lines {
		if strings.ContainsAny(line, "\r\n\x00") {
			return nil, 0, errNotHTTP
		}
	}
	return lines, n, nil
}

// A requestLine is the first line of a head.
type requestLine struct {
	method    string
	authority string // of a target that names one
	path      string
	version   string
}

func parseRequestLine(text string) (l requestLine, err error) {
	words := strings.Split(text, " ")
	if len(words) != 3 || words[0] == "" || !token(words[0]) || words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0" {
		return l, errNotHTTP
	}
	l = requestLine{method: words[0], path: words[1], version: words[2]}
	switch target := words[1]; {
	case l.method == "CONNECT":
		return l, fmt.Errorf("%w: it asks for a tunnel", errNotHTTP)
	case strings.HasPrefix(target, "/"), target == "*":
		return l, nil
	case len(target) > 7 && strings.EqualFold(target[:7], "http://"):
		end := strings.IndexAny(target[7:]+"/", "/?#")
		l.authority, l.path = target[7:7+end], target[7+end:]
		if l.authority == "" || strings.Contains(l.authority, "@") {
			return l, errNotHTTP
		}
		return l, nil
	}
	return l, errNotHTTP
}

// token tells whether a text is one of RFC 9110 section 5.6.2.
func token(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// A head collects the fields. kept are all that are handed on, and ends those of them
// that a proxy does not take for its own (RFC 9110 section 7.6.1).
type head struct {
	host       string
	hosts      int
	length     int64
	chunked    bool
	last       bool
	kept, ends bytes.Buffer
}

func parseFields(lines []string) (*head, error) {
	h := &head{length: -1}
	for _, line := range lines {
		if err := h.field(line); err != nil {
			return nil, err
		}
	}
	return h, nil
}

func (h *head) field(line string) error {
	name, value, ok := strings.Cut(line, ":")
	if !ok || !token(name) { // a fold, or a space before the colon
		return errNotHTTP
	}
	value = strings.Trim(value, " \t")
	switch strings.ToLower(name) {
	case "host":
		h.host, h.hosts = value, h.hosts+1
	case "content-length":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < 0 || h.length >= 0 || value[0] == '+' {
			return errNotHTTP
		}
		h.length = n
	case "transfer-encoding":
		if h.chunked || !strings.EqualFold(value, "chunked") {
			return errNotHTTP
		}
		h.chunked = true
	case "upgrade", "http2-settings":
		return nil
	case "connection", "proxy-connection":
		h.last = h.last || strings.Contains(strings.ToLower(value), "close")
		h.kept.WriteString(line + "\r\n")
		return nil
	case "keep-alive", "proxy-authorization", "proxy-authenticate", "proxy-authentication-info":
		h.kept.WriteString(line + "\r\n")
		return nil
	}
	h.kept.WriteString(line + "\r\n")
	h.ends.WriteString(line + "\r\n")
	return nil
}

// request checks that the fields agree.
func (h *head) request(authority string) (Request, error) {
	if h.hosts != 1 || h.chunked && h.length >= 0 {
		return Request{}, errNotHTTP
	}
	to, err := parseAuthority(h.host, 80)
	if err == nil && authority != "" {
		var other target
		if other, err = parseAuthority(authority, 80); other != to {
			return Request{}, errNotHTTP
		}
	}
	if err != nil {
		return Request{}, fmt.Errorf("%w: its host is %q: %w", errNotHTTP, h.host, err)
	}
	return Request{Host: to.host, Port: to.port, Length: max(h.length, 0), Chunked: h.chunked, ends: h.ends.Bytes(), last: h.last}, nil
}

// forServer is the head for the server itself, of a request that a proxy was asked. It
// is the last one on its connection: the next may be for another host.
func (r Request) forServer() []byte {
	path := r.line.path
	if !strings.HasPrefix(path, "/") && path != "*" {
		path = "/" + path
	}
	return r.head(path, "Connection: close\r\n")
}

// forProxy is the head for a proxy outside.
func (r Request) forProxy(p *Proxy) []byte {
	fields := p.authorization()
	if r.last {
		fields += "Connection: close\r\n"
	}
	path := r.line.path
	if path == "*" { // RFC 9112 section 3.2.4
		path = ""
	} else if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	host := r.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if r.Port != 80 {
		host += ":" + strconv.Itoa(int(r.Port))
	}
	return r.head("http://"+host+path, fields)
}

func (r Request) head(to, fields string) []byte {
	return []byte(r.line.method + " " + to + " " + r.line.version + "\r\n" + string(r.ends) + fields + "\r\n")
}
