package egress

import (
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// record is one of TLS.
func record(kind byte, body string) string {
	return string([]byte{kind, 3, 3, byte(len(body) >> 8), byte(len(body))}) + body
}

// answer is the beginning of a server's first message, with that random.
func answerOf(random []byte) string {
	return record(recordHandshake, string([]byte{handshakeServerHello, 0, 0, 76, 3, 3})+string(random)+strings.Repeat("x", 44))
}

func TestRetries(t *testing.T) {
	other := make([]byte, 32)
	for name, row := range map[string]struct {
		answer string
		want   bool
	}{
		"a retry": {answerOf(retryRandom), true}, "a hello": {answerOf(other), false}, "an alert": {record(21, "\x02\x28"), false}, "no TLS": {"220 hello\r\n", false},
		"nothing": {"", true}, "half": {answerOf(other)[:20], true}, "a hello in parts": {record(recordHandshake, "\x02") + answerOf(retryRandom), true},
	} {
		if got := retries([]byte(row.answer)); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestSecondHello: where the server wants one it is judged as the first is, in whatever
// records it comes and whatever is before it.
func TestSecondHello(t *testing.T) {
	same := string(helloOf(t, &tls.Config{ServerName: "a.example.com"}))
	other := string(helloOf(t, &tls.Config{ServerName: "b.example.com"}))
	change, early := record(20, "\x01"), record(23, strings.Repeat("e", 300))
	const rest = "whatever follows"
	for name, row := range map[string]struct {
		said, on string
		err      bool
	}{
		"the same": {same + rest, same + rest, false}, "another": {other, "", true}, "another behind a change": {change + other, change, true}, "the same behind a change": {change + same + rest, change + same + rest, false},
		"another behind early data": {early + change + early + other, early + change + early, true}, "another in small records": {change + string(inRecords([]byte(other), 1)), change, true},
		"the same in small records": {change + string(inRecords([]byte(same), 1)) + rest, change + string(inRecords([]byte(same), 1)) + rest, false},
		"another message":           {record(recordHandshake, "\x10\x00\x00\x00"), "", true}, "no TLS": {"GET / HTTP/1.1\r\n", "", true}, "early data alone": {early + early[:100], early + early[:100], false},
	} {
		for _, n := range []int{1, 7, 1 << 20} {
			on, err := feed(&tlsJudge{host: "a.example.com", must: true, state: again}, row.said, n)
			if (err != nil) != row.err || !row.err && on != row.on || row.err && !strings.HasPrefix(row.on, on) {
				t.Errorf("%s, %d bytes at a time: %d bytes go on, %v", name, n, len(on), err)
			}
		}
	}
}

// TestAnswered: what is behind a hello goes on when the server has answered it, and not
// before; a server may be silent, or gone.
func TestAnswered(t *testing.T) {
	w := newWorld(t, []string{"a.example.com"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
	first, second := string(helloOf(t, &tls.Config{ServerName: "a.example.com"})), string(helloOf(t, &tls.Config{ServerName: "b.example.com"}))
	for name, row := range map[string]struct {
		answer string
		says   string
		passes bool
	}{
		"a retry": {answerOf(retryRandom), second, false}, "a hello": {answerOf(make([]byte, 32)), second, true}, "an alert": {record(21, "\x02\x28"), second, true}, "a second of the same name": {answerOf(retryRandom), first, true},
	} {
		heard := make(chan string, 1)
		w.outside[address("192.0.2.1:443")] = func(c net.Conn) {
			defer c.Close()
			b := make([]byte, len(first))
			_, _ = io.ReadFull(c, b)
			_, _ = io.WriteString(c, row.answer)
			rest, _ := io.ReadAll(c)
			heard <- string(b) + string(rest)
		}
		c := w.ask("a.example.com", 443)
		_, _ = io.WriteString(c, first+row.says)
		_ = c.CloseWrite()
		_, _ = io.ReadAll(c)
		c.Close()
		got := <-heard
		f := w.flow()
		if (got == first+row.says) != row.passes || !row.passes && (got != first || f.Error == "") {
			t.Errorf("%s: the server heard %d bytes of %d and %d, %+v", name, len(got), len(first), len(row.says), f)
		}
	}
}

// TestSilentServer: a program that gives up is noticed, though the server never answers.
func TestSilentServer(t *testing.T) {
	w := newWorld(t, []string{"a.example.com"}, nil, nil, table{"a.example.com": {netip.MustParseAddr("192.0.2.1")}})
	ended := make(chan error, 1)
	w.outside[address("192.0.2.1:443")] = func(c net.Conn) {
		_, err := io.Copy(io.Discard, c)
		ended <- err
		c.Close()
	}
	c := w.ask("a.example.com", 443)
	_, _ = c.Write(helloOf(t, &tls.Config{ServerName: "a.example.com"}))
	c.Close()
	if err := <-ended; err != nil {
		t.Errorf("the server sees %v", err)
	}
	if f := w.flow(); f.Error != "" || !f.Allowed || f.Sent == 0 {
		t.Errorf("%+v", f)
	}
}
