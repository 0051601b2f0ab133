package egress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
)

// TestOwners: each flow, and each name that is refused, is of the process that asked,
// whichever way its connection takes, also of one that is nobody's child any more.
func TestOwners(t *testing.T) {
	needRun(t)
	const line = `cp $(command -v python3) /tmp/caller; cat > /tmp/prog <<'P'
import socket, sys
def get(host, port):
    try:
        s = socket.create_connection((host, port), 5)
        s.sendall(b"GET / HTTP/1.0\r\nHost: %b\r\n\r\n" % host.encode())
        while s.recv(4096): pass
    except OSError as e: print(host, e)
get("good.example.com", 80); get("bad.example.com", 80); get("192.0.2.9", 2000); get("good.example.com", 7); get("home.example.com", 80); get("six.example.com", 443)
print("end")
P
(setsid sh -c '/tmp/caller /tmp/prog > /tmp/out; mv /tmp/out /tmp/end' &); while ! test -e /tmp/end; do sleep 0.1; done; cat /tmp/end`
	for _, ports := range []string{"80", "*"} {
		i := newInternet(t)
		i.servers["192.0.2.1:7"] = speaker(t, "seven")
		e := sandbox.Egress{Owners: true, Allow: []string{"good.example.com:" + ports, "192.0.2.9:2000", "good.example.com:7", "home.example.com", "six.example.com"}}
		out, flows, err := i.run(t, e, nil, line)
		if err != nil || !strings.Contains(out, "end") {
			t.Fatalf("%v: %s", err, out)
		}
		seen := map[string]bool{}
		for _, f := range flows {
			seen[fmt.Sprint(f.Host, " ", f.Port)] = true
			if f.Command != "caller" || f.PID == 0 {
				t.Errorf("ports %s: whose is %+v", ports, f)
			}
		}
		for _, want := range []string{"good.example.com 80", "bad.example.com 0", "192.0.2.9 2000", "good.example.com 7", "home.example.com 80", "six.example.com 443"} {
			if !seen[want] {
				t.Errorf("ports %s: no flow of %s in %+v", ports, want, flows)
			}
		}
	}
	// It is not looked for unasked.
	_, flows, err := newInternet(t).run(t, sandbox.Egress{Allow: []string{"good.example.com"}}, nil, "curl -s http://good.example.com")
	if err != nil || len(flows) != 1 || flows[0].PID != 0 {
		t.Errorf("%v: %+v", err, flows)
	}
}
