package egress_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox"
)

// resolvers are ways in which programs come by addresses. nsswitch is the line of hosts
// in nsswitch.conf, want a regular expression of what the line says.
var resolvers = []struct{ name, needs, nsswitch, line, want string }{
	{"glibc", "getent", "files dns", "getent ahosts good.example.com", `^(198\.18\.1\.0 .*\n|fd73:6278::100 .*\n)+$`},
	{"a desktop", "getent", "files mdns4_minimal [NOTFOUND=return] dns", "getent ahostsv4 good.example.com; getent ahostsv6 good.example.com", `^198\.18\.1\.0 (?s:.*)\nfd73:6278::100 `},
	{"systemd-resolved", "getent", "mymachines resolve [!UNAVAIL=return] files myhostname dns", "getent ahostsv4 good.example.com", `^198\.18\.1\.0 `},
	{"refused by a desktop", "getent", "files mdns4_minimal [NOTFOUND=return] dns", "getent hosts bad.example.com || echo none", `^none\n$`},
	{"refused by systemd-resolved", "getent", "mymachines resolve [!UNAVAIL=return] files myhostname dns", "getent hosts bad.example.com || echo none", `^none\n$`},
	{"one question at a time", "getent", "files dns", "RES_OPTIONS='single-request-reopen ndots:9' LOCALDOMAIN='corp.example.net' getent ahostsv4 good.example.com", `^198\.18\.1\.0 `},
	{"by TCP", "getent", "files dns", "RES_OPTIONS=use-vc getent ahostsv6 good.example.com", `^fd73:6278::100 `},
	{"only families of the machine", "python3", "files dns", `python3 -c 'import socket; print(sorted(a[4][0] for a in socket.getaddrinfo("good.example.com", 443, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)))'`, `^\['198\.18\.1\.0', 'fd73:6278::100'\]\n$`},
	{"a name for an address", "getent", "files dns", "getent ahostsv4 good.example.com >/dev/null; getent hosts 198.18.1.0; getent hosts fd73:6278::100", `^198\.18\.1\.0 +good\.example\.com\nfd73:6278::100 +good\.example\.com\n$`},
	{"localhost", "getent", "files dns", "getent ahostsv4 localhost; getent ahostsv6 localhost", `^127\.0\.0\.1 (?s:.*)\n::1 `},
	{"localhost without files", "getent", "dns", "getent ahostsv4 localhost; getent ahostsv6 x.localhost", `^127\.0\.0\.1 (?s:.*)\n::1 `},
	{"its own name", "getent", "files dns", "getent hosts $(uname -n)", `^127\.0\.0\.1 +`},
	{"the host's names", "cat", "files dns", "cat /etc/hosts", `^127\.0\.0\.1 localhost ?\n::1 localhost ip6-localhost ip6-loopback\n$`},
	{"IPv6 first", "curl", "files dns", "curl -6sS http://good.example.com", `^this is good\.example\.com\n$`},
	{"IPv4 alone", "curl", "files dns", "curl -4sS http://good.example.com", `^this is good\.example\.com\n$`},
	{"a final dot", "curl", "files dns", "curl -sS http://good.example.com.", `^this is good\.example\.com\.?\n$`},
	{"a name in capitals", "curl", "files dns", "curl -sS http://GOOD.Example.COM", `^this is GOOD\.Example\.COM\n$`},
}

// TestResolvers: an allowed name has its addresses however a program asks for them, and
// with whatever the machine has for it.
func TestResolvers(t *testing.T) {
	needRun(t)
	for _, r := range resolvers {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			need(t, r.needs)
			nsswitch := filepath.Join(t.TempDir(), "nsswitch.conf")
			if err := os.WriteFile(nsswitch, []byte("passwd: files\nhosts: "+r.nsswitch+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
			i := newInternet(t)
			mount := specs.Mount{Type: "bind", Source: nsswitch, Destination: "/etc/nsswitch.conf", Options: []string{"rbind", "ro"}}
			out, flows, err := i.runIn(t, t.TempDir(), sandbox.Egress{Allow: []string{"good.example.com"}}, []string{"LC_ALL=C"}, r.line, mount)
			if err != nil || !regexp.MustCompile(r.want).MatchString(out) {
				t.Errorf("%v: %q\n%+v", err, out, flows)
			}
			i.mu.Lock() // a late question may still be on its way
			defer i.mu.Unlock()
			for _, name := range i.asked {
				if name != "good.example.com" {
					t.Errorf("asked for %s", name)
				}
			}
		})
	}
}
