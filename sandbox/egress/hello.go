package egress

import "errors"

// Hello is what the beginning of a TLS connection says (RFC 8446 section 4.1.2).
type Hello struct {
	// Name is the server's, as the client names it in the open. It may be empty.
	Name string
	// Encrypted says that there may be another one, which only the server can read
	// (Encrypted Client Hello).
	Encrypted bool
}

var (
	// errMore says that more bytes are needed to tell.
	errMore   = errors.New("more bytes are needed")
	errNotTLS = errors.New("it does not begin as TLS does")
)

// maxHello is what a client may say first. Those with keys that withstand quantum
// computers have some 2 kB.
const maxHello = 32 << 10

const (
	recordHandshake   = 22
	handshakeHello    = 1
	extensionName     = 0
	extensionHidden   = 0xfe0d // draft-ietf-tls-esni
	nameIsHost        = 0
	maxRecord         = 16 << 10
	recordHeader      = 5
	handshakeHeader   = 4
	versionAndRandom  = 2 + 32
	helloNeverShorter = versionAndRandom + 1 + 2 + 1
)

// ParseHello reads the hello at the beginning of a stream. errMore says that it is not
// all there; what can no more become one is errNotTLS.
func ParseHello(b []byte) (Hello, error) {
	h, _, err := parseHello(b)
	return h, err
}

// parseHello gives the length of the hello's records too.
func parseHello(b []byte) (h Hello, n int, err error) {
	message, n, err := handshake(b)
	if err == nil {
		h, err = readHello(message)
	}
	return h, n, err
}

func readHello(message []byte) (Hello, error) {
	r := reader{message, true}
	r.skip(versionAndRandom)
	r.block(1) // session id
	r.block(2) // cipher suites
	r.block(1) // compression
	if !r.ok {
		return Hello{}, errNotTLS
	}
	if len(r.b) == 0 {
		return Hello{}, nil
	}
	extensions := r.block(2)
	if !r.ok || len(r.b) != 0 {
		return Hello{}, errNotTLS
	}
	return parseExtensions(extensions)
}

// handshake puts the first message together, which may be in several records, and gives
// their length. Nothing else may be in the last: keys change behind a hello, which no
// message may be on both sides of (RFC 8446 section 5.1).
func handshake(b []byte) (message []byte, used int, err error) {
	for {
		rest := b[used:]
		if len(rest) > 0 && rest[0] != recordHandshake || len(rest) > 1 && rest[1] != 3 {
			return nil, 0, errNotTLS
		}
		if len(rest) < recordHeader {
			return nil, 0, errMore
		}
		n := int(rest[3])<<8 | int(rest[4])
		if n == 0 || n > maxRecord {
			return nil, 0, errNotTLS
		}
		part := rest[recordHeader:min(len(rest), recordHeader+n)]
		message = append(message, part...)
		if len(message) > 0 && message[0] != handshakeHello {
			return nil, 0, errNotTLS
		}
		if len(message) >= handshakeHeader {
			size := handshakeHeader + (int(message[1])<<16 | int(message[2])<<8 | int(message[3]))
			if size > maxHello || size < handshakeHeader+helloNeverShorter || len(message) > size {
				return nil, 0, errNotTLS
			}
			if len(message) == size && len(part) == n {
				return message[handshakeHeader:], used + recordHeader + n, nil
			}
		}
		if len(part) < n {
			return nil, 0, errMore
		}
		used += recordHeader + n
	}
}

func parseExtensions(b []byte) (h Hello, err error) {
	r := reader{b, true}
	seen := false
	for len(r.b) > 0 {
		kind := r.number(2)
		body := r.block(2)
		if !r.ok {
			return Hello{}, errNotTLS
		}
		switch kind {
		case extensionHidden:
			h.Encrypted = true
		case extensionName:
			if seen { // which one the server takes is its own affair
				return Hello{}, errNotTLS
			}
			seen = true
			if h.Name, err = parseServerName(body); err != nil {
				return Hello{}, err
			}
		}
	}
	return h, nil
}

// parseServerName reads the extension (RFC 6066 section 3): one name of a host.
func parseServerName(b []byte) (string, error) {
	r := reader{b, true}
	list := reader{r.block(2), true}
	kind := list.number(1)
	name := list.block(2)
	if !r.ok || !list.ok || len(r.b) != 0 || len(list.b) != 0 || kind != nameIsHost {
		return "", errNotTLS
	}
	text, err := ParseName(string(name))
	if err != nil {
		return "", err
	}
	return text, nil
}

// A reader takes blocks off bytes, which begin with their length.
type reader struct {
	b  []byte
	ok bool
}

func (r *reader) skip(n int) []byte {
	if !r.ok || len(r.b) < n {
		r.ok = false
		return nil
	}
	part := r.b[:n]
	r.b = r.b[n:]
	return part
}

func (r *reader) number(size int) (n int) {
	for _, c := range r.skip(size) {
		n = n<<8 | int(c)
	}
	return n
}

func (r *reader) block(size int) []byte { return r.skip(r.number(size)) }
