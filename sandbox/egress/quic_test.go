package egress_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// TestQUIC: a program that tries UDP first is told at once that nobody is there, goes on
// to TCP, and the log says so, once for each place; its own servers are not in it.
func TestQUIC(t *testing.T) {
	needRun(t)
	const line = `python3 -c '
import socket
def quic(family, host, port):
    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(5)
    s.connect((host, port))
    for i in range(3):
        try: s.send(b"x"); s.recv(9); print("an answer")
        except ConnectionRefusedError: print("refused")
quic(socket.AF_INET, "good.example.com", 443)
quic(socket.AF_INET6, "six.example.com", 443)
quic(socket.AF_INET, "192.0.2.9", 2000)
quic(socket.AF_INET, "127.0.0.1", 9999)
quic(socket.AF_INET, "198.18.0.1", 9999)
quic(socket.AF_INET6, "::1", 9999)
' && curl -sk https://good.example.com`
	for _, ports := range []string{"443", "*"} {
		i := newInternet(t)
		out, flows, err := i.run(t, sandbox.Egress{Allow: []string{"good.example.com:" + ports, "six.example.com:443", "192.0.2.9:2000"}}, nil, line)
		if err != nil || strings.Contains(out, "an answer") || strings.Count(out, "refused") != 18 || !strings.Contains(out, "this is good") {
			t.Errorf("%v: %s", err, out)
		}
		var datagrams []string
		for _, f := range flows {
			if f.Network == "udp" && !f.Allowed && f.Error != "" {
				datagrams = append(datagrams, fmt.Sprint(f.Host, " ", f.Port))
			}
		}
		slices.Sort(datagrams)
		if want := []string{"192.0.2.9 2000", "good.example.com 443", "six.example.com 443"}; !slices.Equal(datagrams, want) {
			t.Errorf("ports %s: %v in %+v", ports, datagrams, flows)
		}
		if !slices.ContainsFunc(flows, func(f egress.Flow) bool { return f.Network == "" && f.Host == "good.example.com" && f.Allowed }) {
			t.Errorf("no connection in %+v", flows)
		}
	}
}
