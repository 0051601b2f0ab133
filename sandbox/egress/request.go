package egress

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
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
	Host string // a name or an address, without a port
	// Head is what is handed on: without what would have the connection become
	// something else than HTTP/1, which nobody could judge any more.
	Head []byte
	// Length of the body in bytes; chunked bodies say theirs as they come.
	Length  int64
	Chunked bool
}

// ParseRequest reads the head at the beginning of a stream, and gives its length.
// errMore says that it is not all there.
func ParseRequest(b []byte) (r Request, n int, err error) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 {
		if len(b) > maxHead {
			return r, 0, fmt.Errorf("%w: its head is longer than %d bytes", errNotHTTP, maxHead)
		}
		if i := bytes.IndexByte(b, '\n'); i == 0 || i > 0 && b[i-1] != '\r' {
			return r, 0, errNotHTTP
		}
		return r, 0, errMore
	}
	n = end + 4
	if n > maxHead {
		return r, 0, fmt.Errorf("%w: its head is longer than %d bytes", errNotHTTP, maxHead)
	}
	lines := bytes.Split(b[:end], []byte("\r\n"))
	for _, line := range lines {
		if bytes.ContainsAny(line, "\r\n\x00") {
			return r, 0, errNotHTTP
		}
	}
	target, err := requestLine(string(lines[0]))
	if err != nil {
		return r, 0, err
	}
	h := head{length: -1}
	for _, line := range lines[1:] {
		if err := h.field(string(line)); err != nil {
			return r, 0, err
		}
	}
	if h.chunked && bytes.HasSuffix(lines[0], []byte("1.0")) { // which has no chunks
		return r, 0, errNotHTTP
	}
	if r, err = h.request(target); err != nil {
		return r, 0, err
	}
	r.Head = append(append(append([]byte{}, lines[0]...), "\r\n"...), h.kept.Bytes()...)
	r.Head = append(r.Head, "\r\n"...)
	return r, n, nil
}

// requestLine gives the host of a target that names one.
func requestLine(line string) (host string, err error) {
	words := strings.Split(line, " ")
	if len(words) != 3 || words[0] == "" || !token(words[0]) || words[2] != "HTTP/1.1" && words[2] != "HTTP/1.0" {
		return "", errNotHTTP
	}
	switch target := words[1]; {
	case words[0] == "CONNECT":
		return "", fmt.Errorf("%w: it asks for a tunnel", errNotHTTP)
	case strings.HasPrefix(target, "/"), target == "*":
		return "", nil
	case len(target) > 7 && strings.EqualFold(target[:7], "http://"):
		host, _, _ = strings.Cut(target[7:], "/")
		host, _, _ = strings.Cut(host, "?")
		if host == "" || strings.Contains(host, "@") {
			return "", errNotHTTP
		}
		return host, nil
	}
	return "", errNotHTTP
}

// token tells whether a text is one of RFC 9110 section 5.6.2.
func token(text string) bool {
	return text != "" && strings.IndexFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", r)
	}) < 0
}

// A head collects the fields.
type head struct {
	host    string
	hosts   int
	length  int64
	chunked bool
	kept    bytes.Buffer
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
	}
	h.kept.WriteString(line + "\r\n")
	return nil
}

// request checks that the fields agree.
func (h *head) request(target string) (Request, error) {
	if h.hosts != 1 || h.chunked && h.length >= 0 || target != "" && !strings.EqualFold(target, h.host) {
		return Request{}, errNotHTTP
	}
	host, port, err := split(h.host)
	if err != nil || port != "" && port != "80" {
		return Request{}, fmt.Errorf("%w: its host is %q", errNotHTTP, h.host)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return Request{Host: a.Unmap().String(), Length: max(h.length, 0), Chunked: h.chunked}, nil
	}
	name, err := ParseName(host)
	if err != nil {
		return Request{}, fmt.Errorf("%w: %w", errNotHTTP, err)
	}
	return Request{Host: name, Length: max(h.length, 0), Chunked: h.chunked}, nil
}
