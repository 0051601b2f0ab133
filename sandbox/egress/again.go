package egress

import (
	"bytes"
	"io"
	"time"
)

// A server of TLS 1.3 may want another hello (RFC 8446 section 4.1.4), and some take the
// name from that one. So what a program says behind its hello waits for the server's
// answer, as it does by itself, and if that is a retry the second hello is judged too.
// Early data waits with it, and comes a little later than it could.

// answerHead is how much of the answer tells: record, handshake, version and random.
const answerHead = recordHeader + handshakeHeader + versionAndRandom

const handshakeServerHello = 2

// retryRandom is what a server that wants another hello says in the place of its random.
var retryRandom = []byte{
	0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
	0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
}

// retries tells whether an answer wants another hello, or may. Of a hello in parts
// nothing is known, and an alert or what is no TLS wants none.
func retries(answer []byte) bool {
	if len(answer) > 0 && answer[0] != recordHandshake {
		return false
	}
	if len(answer) < answerHead {
		return true
	}
	return answer[recordHeader] == handshakeServerHello && bytes.Equal(answer[answerHead-32:answerHead], retryRandom) || int(answer[3])<<8|int(answer[4]) < answerHead-recordHeader
}

// hear hands on what was heard already, and tells the other direction of the server's
// answer to a hello.
func (f *connection) hear() error {
	head := f.heard
	if err := f.respond(head); err != nil {
		return err
	}
	if _, ok := f.judge.(*tlsJudge); !ok {
		return nil
	}
	for buf := make([]byte, 4<<10); len(head) < answerHead && (len(head) == 0 || head[0] == recordHandshake); {
		n, err := f.outside.Read(buf)
		head = append(head, buf[:n]...)
		if failed := f.respond(buf[:n]); failed != nil {
			return failed
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
	f.answered <- retries(head)
	return nil
}

func (f *connection) respond(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, err := f.inside.Write(b)
	f.flow.Received += int64(n)
	return err
}

// awaitAnswer holds what is behind a hello until the server has answered it.
func (f *connection) awaitAnswer() error {
	j, ok := f.judge.(*tlsJudge)
	if !ok || j.state != awaiting {
		return nil
	}
	patience := time.NewTimer(f.s.Patience)
	defer patience.Stop()
	j.state = again
	select {
	case retry := <-f.answered:
		if !retry {
			j.state = judged
		}
	case <-patience.C: // whoever has given up is noticed by reading
	case <-f.s.ctx.Done():
		return errEnded
	}
	on, err := f.judged(nil)
	if err != nil {
		return err
	}
	return f.write(on)
}

// second lets records through until the second hello, which must name the same host.
func (j *tlsJudge) second(said []byte) (on []byte, used int, err error) {
	for j.state == again {
		part := min(j.left, len(said)-used)
		used, j.left = used+part, j.left-part
		rest := said[used:]
		if len(rest) == 0 {
			return said[:used], used, nil
		}
		if rest[0] == recordHandshake {
			n, err := j.hello(rest)
			if err != nil || n == 0 {
				return said[:used], used, err
			}
			used += n
			j.state = judged
			break
		}
		if len(rest) < recordHeader {
			return said[:used], used, nil
		}
		if rest[0] < 20 || rest[0] > 23 || rest[1] != 3 {
			return nil, used, errNotTLS
		}
		j.left = recordHeader + int(rest[3])<<8 + int(rest[4])
	}
	return said, len(said), nil
}
