package egress

import (
	"bytes"
	"strconv"
	"strings"
)

// A body knows where the body of a request ends. It hands nothing on: the bytes are.
type body struct {
	left    int64 // of the body, or of the chunk that it is in
	chunked bool
	at      position
}

// position is where in a chunked body one is (RFC 9112 section 7.1).
type position int

const (
	size    position = iota // before the line with the size
	data                    // in what the line says
	after                   // before the end of the line behind that
	trailer                 // before a line of the trailer
	ended
)

// maxLine bounds the lines between chunks.
const maxLine = 8 << 10

func bodyOf(r Request) *body {
	b := &body{left: r.Length, chunked: r.Chunked}
	if !b.chunked && b.left == 0 {
		b.at = ended
	} else if !b.chunked {
		b.at = data
	}
	return b
}

// take gives how many of the bytes belong to the body. Those behind may be needed with
// more that come.
func (b *body) take(p []byte) (n int, err error) {
	for b.at != ended {
		if b.at == data {
			part := int(min(int64(len(p)-n), b.left))
			n += part
			if b.left -= int64(part); b.left > 0 {
				return n, nil
			}
			b.at = ended
			if b.chunked {
				b.at = after
			}
			continue
		}
		end := bytes.Index(p[n:], []byte("\r\n"))
		if end < 0 {
			if len(p)-n > maxLine {
				return n, errNotHTTP
			}
			return n, nil
		}
		if err := b.line(string(p[n : n+end])); err != nil {
			return n, err
		}
		n += end + 2
	}
	return n, nil
}

func (b *body) line(text string) error {
	if len(text) > maxLine || strings.ContainsAny(text, "\r\n\x00") {
		return errNotHTTP
	}
	switch b.at {
	case after:
		b.at = size
		if text != "" {
			return errNotHTTP
		}
	case trailer:
		if text == "" {
			b.at = ended
		}
	case size:
		digits, _, _ := strings.Cut(text, ";")
		n, err := strconv.ParseUint(digits, 16, 40)
		if err != nil {
			return errNotHTTP
		}
		if b.left, b.at = int64(n), data; n == 0 {
			b.at = trailer
		}
	}
	return nil
}
