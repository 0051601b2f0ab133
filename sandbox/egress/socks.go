package egress

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
)

// What is said in SOCKS 5 (RFC 1928, and RFC 1929 for a user and a password).
const (
	socks5       = 5
	noMethod     = 0xff
	byNobody     = 0
	byPassword   = 2
	passwordForm = 1
	socksConnect = 1
	socksFour    = 1
	socksName    = 3
	socksSix     = 4

	socksGranted     = 0
	socksFailed      = 1
	socksForbidden   = 2
	socksUnreachable = 4
	socksRefused     = 5
	socksCommand     = 7
	socksAddress     = 8
)

// socksFailures are what a proxy says.
var socksFailures = [...]string{
	socksFailed: "it failed", socksForbidden: "it refuses: not allowed", 3: "it cannot reach the network", socksUnreachable: "it cannot reach the host",
	socksRefused: "the host refused the connection", 6: "the host did not answer it", socksCommand: "it makes no connections", socksAddress: "it takes no such address",
}

// parseMethods reads how a client could prove who it is, and tells whether it need not.
func parseMethods(b []byte) (nobody bool, n int, err error) {
	if len(b) > 0 && b[0] != socks5 {
		return false, 0, errNotSOCKS
	}
	if len(b) < 2 || len(b) < 2+int(b[1]) {
		return false, 0, errMore
	}
	n = 2 + int(b[1])
	for _, method := range b[2:n] {
		nobody = nobody || method == byNobody
	}
	return nobody, n, nil
}

var errNotSOCKS = errors.New("it is no request of SOCKS 5")

// errSOCKS is a request that is answered by a code.
type errSOCKS struct {
	code byte
	text string
}

func (e *errSOCKS) Error() string { return e.text }

// parseSOCKS reads a request.
func parseSOCKS(b []byte) (t target, n int, err error) {
	if len(b) > 0 && b[0] != socks5 || len(b) > 2 && b[2] != 0 {
		return t, 0, errNotSOCKS
	}
	if len(b) < 5 {
		return t, 0, errMore
	}
	if b[1] != socksConnect {
		return t, 0, &errSOCKS{socksCommand, fmt.Sprintf("it asks for command %d of SOCKS, and CONNECT alone is done", b[1])}
	}
	size, at := 0, 4
	switch b[3] {
	case socksFour:
		size = 4
	case socksSix:
		size = 16
	case socksName:
		size, at = int(b[4]), 5
	default:
		return t, 0, &errSOCKS{socksAddress, fmt.Sprintf("it asks for an address of kind %d of SOCKS", b[3])}
	}
	if n = at + size + 2; len(b) < n {
		return t, 0, errMore
	}
	host, port := b[at:at+size], binary.BigEndian.Uint16(b[at+size:])
	if b[3] == socksName {
		t, err = parseTarget(string(host), port)
	} else if a, ok := netip.AddrFromSlice(host); ok {
		t, err = addressTarget(a, port)
	}
	if err != nil {
		err = &errSOCKS{socksForbidden, err.Error()}
	}
	return t, n, err
}

// socksAnswer is one with a code, and no address: which it was is the host's affair.
func socksAnswer(code byte) []byte { return []byte{socks5, code, 0, socksFour, 0, 0, 0, 0, 0, 0} }

// socks asks a proxy of SOCKS for a connection. Reads are of what was announced: behind
// it the host speaks.
func (w *way) socks(p *Proxy, host string, port uint16) error {
	methods := []byte{socks5, 1, byNobody}
	if p.user != nil {
		methods = []byte{socks5, 2, byNobody, byPassword}
	}
	method, err := w.exchange(methods, 2)
	if err != nil {
		return err
	}
	switch {
	case method[0] != socks5:
		return errors.New("it does not speak SOCKS 5")
	case method[1] == byPassword && p.user != nil:
		name, password := p.credentials()
		b := append([]byte{passwordForm, byte(len(name))}, name...)
		b = append(append(b, byte(len(password))), password...)
		if status, err := w.exchange(b, 2); err != nil {
			return err
		} else if status[1] != 0 {
			return errors.New("it does not take the credentials")
		}
	case method[1] != byNobody:
		return errors.New("it wants credentials; they go into its URL, as socks5://USER:PASSWORD@HOST:PORT")
	}
	request := []byte{socks5, socksConnect, 0}
	if a, err := netip.ParseAddr(host); err != nil {
		request = append(append(request, socksName, byte(len(host))), host...)
	} else if a.Is4() {
		request = append(append(request, socksFour), a.AsSlice()...)
	} else {
		request = append(append(request, socksSix), a.AsSlice()...)
	}
	answer, err := w.exchange(binary.BigEndian.AppendUint16(request, port), 2)
	if err != nil {
		return err
	}
	if answer[0] != socks5 {
		return errors.New("it does not speak SOCKS 5")
	}
	if code := answer[1]; code != socksGranted {
		if int(code) < len(socksFailures) {
			return errors.New(socksFailures[code])
		}
		return fmt.Errorf("it refuses: code %d of SOCKS", code)
	}
	return w.skipAddress()
}

// skipAddress reads the rest of an answer, and nothing behind it.
func (w *way) skipAddress() error {
	kind, err := w.exchange(nil, 3) // behind a zero; and of the address one byte
	if err != nil {
		return err
	}
	size := map[byte]int{socksFour: 4, socksSix: 16, socksName: int(kind[2]) + 1}[kind[1]]
	if size == 0 {
		return errors.New("it does not speak SOCKS 5")
	}
	_, err = w.exchange(nil, size-1+2)
	return err
}

// exchange says something and reads an answer of n bytes.
func (w *way) exchange(b []byte, n int) ([]byte, error) {
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	answer := make([]byte, n)
	_, err := io.ReadFull(w, answer)
	return answer, err
}
