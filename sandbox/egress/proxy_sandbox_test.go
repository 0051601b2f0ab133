package egress_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

func needPrograms(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, err)
		}
	}
}

// proxyClients are programs that the variables tell of the sandbox's proxy, or that are
// told by a flag. %s is an address.
var proxyClients = []struct {
	name, line string
	schemes    []string
}{
	{"curl", "curl -skf %s", []string{"http", "https"}},
	{"curl by a flag", "curl -skf --noproxy '' -x http://127.0.0.1:1080 -p %s", []string{"http", "https"}},
	{"curl by SOCKS", "curl -skf --noproxy '' -x socks5h://127.0.0.1:1080 %s", []string{"http", "https"}},
	{"curl by SOCKS, with addresses", "curl -skf --noproxy '' -x socks5://127.0.0.1:1080 %s", []string{"http", "https"}},
	{"wget", "wget -t 1 -T 9 -qO- --no-check-certificate %s", []string{"http", "https"}},
	{"python", "python3 -c 'import ssl,sys,urllib.request as u; print(u.urlopen(sys.argv[1], context=ssl._create_unverified_context()).read().decode())' %s", []string{"http", "https"}},
	{"node", `node -e '
const u = new URL(process.argv[1]), p = new URL(process.env.https_proxy)
const fail = e => { console.log(String(e)); process.exit(1) }
const c = require("http").request({host: p.hostname, port: p.port, method: "CONNECT", path: u.hostname + ":443"})
c.on("error", fail).on("connect", (r, socket) => {
  if (r.statusCode != 200) fail(r.statusCode)
  require("https").get({host: u.hostname, servername: u.hostname, socket, agent: false, rejectUnauthorized: false}, r => r.pipe(process.stdout)).on("error", fail)
}).end()' %s`, []string{"https"}},
	{"git", "GIT_SSL_NO_VERIFY=1 git ls-remote %s/x", []string{"http", "https"}},
}

// TestProxyClients: the proxy leads programs where they may go, by the names that they
// ask for, and nowhere else.
func TestProxyClients(t *testing.T) {
	needRun(t)
	needPrograms(t, "curl", "wget", "python3", "node", "git")
	for _, c := range proxyClients {
		for _, scheme := range c.schemes {
			t.Run(c.name+"/"+scheme, func(t *testing.T) {
				t.Parallel()
				i := newInternet(t)
				e, env := sandbox.Egress{Allow: []string{"good.example.com", "home.example.com"}, Proxy: true}, sandbox.ProxyEnvironment()
				for _, host := range []string{"good.example.com", "bad.example.com", "home.example.com"} {
					out, flows, err := i.run(t, e, env, strings.Replace(c.line, "%s", scheme+"://"+host, 1))
					reached := slices.ContainsFunc(flows, func(f egress.Flow) bool {
						return f.Host == host && f.How == "proxy" && f.Allowed && f.Received > 0
					})
					refused := slices.ContainsFunc(flows, func(f egress.Flow) bool { return f.Host == host && !f.Allowed && f.Error != "" })
					if good := host == "good.example.com"; good != reached || good == refused || good && c.name != "git" && (err != nil || !strings.Contains(out, "this is good.example.com")) || !good && (err == nil || strings.Contains(out, "this is")) {
						t.Errorf("%s: %v: %s\n%+v", host, err, out, flows)
					}
				}
				for _, to := range i.dialled {
					if to != "192.0.2.1:80" && to != "192.0.2.1:443" {
						t.Errorf("dialled %s", to)
					}
				}
				if slices.Contains(i.asked, "bad.example.com") {
					t.Error("asked for bad.example.com")
				}
			})
		}
	}
}

// TestProxyThere: it is there when it is asked for, and its port is nobody else's.
func TestProxyThere(t *testing.T) {
	needRun(t)
	needPrograms(t, "python3")
	i := newInternet(t)
	if out, _, err := i.run(t, sandbox.Egress{Allow: []string{"good.example.com"}}, nil, "python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", 1080))'"); err == nil || !strings.Contains(out, "refused") {
		t.Errorf("without it: %v: %s", err, out)
	}
	for _, e := range []sandbox.Egress{{Allow: []string{"good.example.com:1080"}, Proxy: true}, {HostPorts: []sandbox.HostPort{{Host: 1, Sandbox: 1080}}, Proxy: true}} {
		if _, _, err := i.run(t, e, nil, "true"); err == nil || !strings.Contains(err.Error(), "port 1080") {
			t.Errorf("%+v: %v", e, err)
		}
	}
}

// TestProxyPorts: a program asks the proxy for ports that are too many to listen at.
func TestProxyPorts(t *testing.T) {
	needRun(t)
	needPrograms(t, "curl")
	i := newInternet(t)
	i.servers["192.0.2.1:31337"] = i.servers["192.0.2.1:80"]
	e := sandbox.Egress{Allow: []string{"good.example.com:*"}, Deny: []string{"good.example.com:25"}, Proxy: true}
	for to, ok := range map[string]bool{"http://good.example.com:31337": true, "https://good.example.com": true, "http://good.example.com:25": false, "http://bad.example.com:31337": false} {
		for _, flag := range []string{"", "-p -x http://127.0.0.1:1080", "-x socks5h://127.0.0.1:1080"} {
			out, flows, err := i.run(t, e, sandbox.ProxyEnvironment(), "curl -skf "+flag+" "+to)
			if (err == nil) != ok || strings.Contains(out, "this is good.example.com") != ok {
				t.Errorf("%s %s: %v: %s\n%+v", flag, to, err, out, flows)
			}
		}
	}
	if out, _, err := i.run(t, e, nil, "curl -skf --noproxy '*' https://good.example.com"); err != nil || !strings.Contains(out, "this is") { // the web's are listened at
		t.Errorf("%v: %s", err, out)
	}
}

// proxyAttacks are what a program can try by the proxy. Nothing of them may reach
// anything.
var proxyAttacks = []struct{ name, line string }{
	{"a name that is not allowed", "curl -skf -m 5 https://bad.example.com"},
	{"an address", "curl -skf -m 5 https://192.0.2.1"},
	{"an address, by SOCKS", "curl -skf -m 5 -x socks5h://127.0.0.1:1080 https://192.0.2.1"},
	{"a made-up address of no name", "curl -skf -m 5 https://198.18.200.1"},
	{"the loopback", "curl -skf -m 5 --noproxy '' -x http://127.0.0.1:1080 -p http://127.0.0.1:80"},
	{"the loopback by a name", "curl -skf -m 5 --noproxy '' -x http://127.0.0.1:1080 -p http://localhost:80"},
	{"the proxy by itself", "curl -skf -m 5 --noproxy '' -x http://127.0.0.1:1080 -p --proxy-insecure http://127.0.0.1:1080"},
	{"metadata", "curl -s -m 5 http://169.254.169.254"},
	{"metadata by a tunnel", "curl -s -m 5 -p http://169.254.169.254"},
	{"a name that leads home", "curl -skf -m 5 https://home.example.com"},
	{"another name in the hello", "curl -skf -m 5 -p --connect-to bad.example.com:443:good.example.com:443 https://bad.example.com"},
	{"another host", "curl -s -m 5 -H 'Host: bad.example.com' http://good.example.com"},
	{"another host in a tunnel", "curl -s -m 5 -p -H 'Host: bad.example.com' http://good.example.com"},
	{"the name server's port", "curl -s -m 5 -p http://good.example.com:53"},
	{"the port of mail", "curl -s -m 5 -p http://good.example.com:25"},
	{"another port", "curl -s -m 5 -x socks5h://127.0.0.1:1080 http://good.example.com:2000"},
	{"a proxy of a proxy", "curl -skf -m 5 --preproxy socks5h://127.0.0.1:1080 -x http://good.example.com:80 -p https://bad.example.com"},
}

// TestProxyAttacks: each fails with the rule that there is, and some come through when it
// is another, so that it is the rule that they fail by.
func TestProxyAttacks(t *testing.T) {
	needRun(t)
	needPrograms(t, "curl")
	for _, a := range proxyAttacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			i := newInternet(t)
			out, flows, err := i.run(t, sandbox.Egress{Allow: []string{"good.example.com", "home.example.com"}, Proxy: true}, sandbox.ProxyEnvironment(), a.line)
			refused := slices.ContainsFunc(flows, func(f egress.Flow) bool { return f.How == "proxy" && !f.Allowed && f.Error != "" })
			if err == nil && strings.Contains(out, "this is") || !refused {
				t.Errorf("%v: %s\n%+v", err, out, flows)
			}
			for _, f := range flows {
				if f.Allowed && f.Received > 0 {
					t.Errorf("reached %+v", f)
				}
			}
			for _, name := range i.asked {
				if name != "good.example.com" && name != "home.example.com" {
					t.Errorf("asked for %s", name)
				}
			}
		})
	}
	for _, line := range []string{proxyAttacks[0].line, proxyAttacks[1].line, proxyAttacks[2].line} {
		i := newInternet(t)
		if out, flows, err := i.run(t, sandbox.Egress{Allow: []string{"bad.example.com", "192.0.2.1"}, Proxy: true}, sandbox.ProxyEnvironment(), line); err != nil || !strings.Contains(out, "this is") {
			t.Errorf("allowed: %v: %s\n%+v", err, out, flows)
		}
	}
}

// upstream is a company's proxy, which wants credentials, and the only one that knows
// deep.example.com. It notes what it was asked for.
func upstream(t *testing.T, i *internet, asked chan<- string) *httptest.Server {
	t.Helper()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("me:hush"))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.RequestURI
		if r.Header.Get("Proxy-Authorization") != want {
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		}
		port, tunnel := "80", r.Method == "CONNECT"
		if tunnel {
			port = "443"
		}
		c, err := net.Dial("tcp", i.servers["192.0.2.1:"+port])
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		ours, rest, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer ours.Close()
		if tunnel {
			_, _ = io.WriteString(ours, "HTTP/1.1 200 OK\r\n\r\n")
		} else {
			r.Header.Set("Connection", "close")
			if err := r.Write(c); err != nil {
				t.Error(err)
			}
		}
		go func() { _, _ = io.Copy(c, rest) }()
		_, _ = io.Copy(ours, c)
	}))
	t.Cleanup(s.Close)
	return s
}

// TestUpstreamClients: programs reach what is allowed by the company's proxy without
// knowing of it, and its password is nowhere where they could find it.
func TestUpstreamClients(t *testing.T) {
	needRun(t)
	needPrograms(t, "curl", "python3")
	const look = "; env; cat /proc/*/environ /proc/*/cmdline /etc/resolv.conf 2>/dev/null | tr '\\0' '\\n'"
	for _, row := range []struct {
		name, credentials, line string
		proxy                   bool // inside too
		asked                   string
		ok                      bool
	}{
		{"TLS", "me:hush@", "curl -skf https://deep.example.com", false, "CONNECT deep.example.com:443", true},
		{"the web", "me:hush@", "curl -s http://deep.example.com/x", false, "GET http://deep.example.com/x", true},
		{"python", "me:hush@", "python3 -c 'import ssl,urllib.request as u; print(u.urlopen(\"https://deep.example.com\", context=ssl._create_unverified_context()).read().decode())'", false, "CONNECT deep.example.com:443", true},
		{"one behind the other", "me:hush@", "curl -skf https://deep.example.com", true, "CONNECT deep.example.com:443", true},
		{"requests of one to the other", "me:hush@", "curl -s http://deep.example.com/x", true, "GET http://deep.example.com/x", true},
		{"wrong credentials", "me:hushhush@", "curl -skf https://deep.example.com", false, "CONNECT deep.example.com:443", false},
		{"wrong credentials of requests", "me:hushhush@", "curl -s http://deep.example.com/", false, "GET http://deep.example.com/", false},
		{"credentials of the sandbox's own", "", "curl -s -H 'Proxy-Authorization: Basic bWU6aHVzaA==' http://deep.example.com/", false, "GET http://deep.example.com/", false},
		{"what is not allowed", "me:hush@", "curl -skf https://bad.example.com", false, "", false},
		{"what is private here", "me:hush@", "curl -skf https://home.example.com", false, "", false},
		{"an exception", "me:hush@", "curl -skf https://good.example.com", false, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			i := newInternet(t)
			asked := make(chan string, 100)
			s := upstream(t, i, asked)
			i.names["proxy.company.example"] = []netip.Addr{netip.MustParseAddr("10.1.2.3")}
			i.servers["10.1.2.3:3128"] = s.Listener.Addr().String()
			u, err := egress.ParseUpstream(func(name string) string {
				return map[string]string{"ALL_PROXY": "http://" + row.credentials + "proxy.company.example:3128", "NO_PROXY": "good.example.com"}[name]
			})
			if err != nil {
				t.Fatal(err)
			}
			i.upstream = u
			var said []string
			i.trace = func(line string) { said = append(said, line) }
			var env []string
			if row.proxy {
				env = sandbox.ProxyEnvironment()
			}
			out, flows, err := i.run(t, sandbox.Egress{Allow: []string{"good.example.com", "home.example.com", "deep.example.com"}, Proxy: row.proxy}, env, "exec 2>&1; "+row.line+"; code=$?"+look+"; exit $code")
			close(asked)
			var all []string
			for what := range asked {
				all = append(all, what)
			}
			if (err == nil) != row.ok || strings.Contains(out, "this is ") != row.ok || strings.Join(all, ",") != row.asked {
				t.Errorf("the proxy was asked %q, %v: %s\n%+v", all, err, out, flows)
			}
			by := slices.ContainsFunc(flows, func(f egress.Flow) bool {
				return f.Upstream == "http://proxy.company.example:3128" && f.Host == "deep.example.com"
			})
			if by != (row.asked != "") || row.asked != "" && !row.ok && !slices.ContainsFunc(flows, func(f egress.Flow) bool { return strings.Contains(f.Error, "credentials (407)") }) {
				t.Errorf("%+v", flows)
			}
			if !slices.Contains(said, "upstream http://proxy.company.example:3128") {
				t.Errorf("%q", said)
			}
			for _, secret := range []string{"hush", base64.StdEncoding.EncodeToString([]byte("me:hush"))} {
				if strings.Contains(strings.ReplaceAll(out, row.line, ""), secret) || strings.Contains(strings.ReplaceAll(fmt.Sprintf("%+v %s", flows, said), row.line, ""), secret) {
					t.Errorf("the password is told: %s\n%+v\n%q", out, flows, said)
				}
			}
			if strings.Contains(out, "proxy.company") {
				t.Errorf("the proxy is told of: %s", out)
			}
		})
	}
}
