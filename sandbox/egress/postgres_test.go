package egress_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
)

// servePostgres speaks as much of PostgreSQL's protocol (version 3) as it takes to answer
// each query with one row, the greeting.
func servePostgres(c net.Conn) {
	for { // what a client begins with has no kind: it asks for TLS first
		said, err := readMessage(c)
		if err != nil || len(said) < 4 {
			return
		}
		const version, wantsTLS, wantsGSS = 3 << 16, 80877103, 80877104
		switch binary.BigEndian.Uint32(said) {
		case wantsTLS, wantsGSS:
			if _, err := io.WriteString(c, "N"); err != nil {
				return
			}
			continue
		case version:
		default:
			return
		}
		break
	}
	ready := message('Z', []byte("I"))
	answer := append(message('R', make([]byte, 4)), ready...) // who it is does not matter
	var kind [1]byte
	for {
		if _, err := c.Write(answer); err != nil {
			return
		}
		if _, err := io.ReadFull(c, kind[:]); err != nil || kind[0] != 'Q' {
			return
		}
		if _, err := readMessage(c); err != nil {
			return
		}
		const text = 25 // its type's number
		column := append([]byte{0, 1, 'x', 0}, make([]byte, 6)...)
		column = binary.BigEndian.AppendUint32(column, text)
		column = append(column, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0)
		row := binary.BigEndian.AppendUint32([]byte{0, 1}, uint32(len(greeting)))
		answer = bytes.Join([][]byte{message('T', column), message('D', append(row, greeting...)), message('C', []byte("SELECT 1\x00")), ready}, nil)
	}
}

func message(kind byte, body []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{kind}, uint32(4+len(body))), body...)
}

// readMessage reads a length and what is behind it.
func readMessage(c net.Conn) ([]byte, error) {
	var size uint32
	if err := binary.Read(c, binary.BigEndian, &size); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(c, int64(size)-4))
}
