package egress_test

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// schemes are those that clients speak, with their ports.
var schemes = map[string]uint16{"http": 80, "https": 443, "ssh": 22, "postgresql": 5432}

// A client is a program that knows of no proxy, or is told of none. In its line {url} is
// scheme://host and {host} is the host; it says what the server says, or fails.
type client struct{ name, needs, schemes, line string }

var clients = []client{
	{"curl", "curl", "http https", "curl -sS {url}"},
	{"wget", "wget", "http https", "wget -t 1 -T 9 -qO- --ca-certificate=ca.pem {url}"},
	{"python urllib", "python3", "http https", "python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())' {url}"},
	{"python asyncio", "python3", "http https", `python3 -c '
import asyncio, ssl, sys, urllib.parse
async def main(u):
    c = ssl.create_default_context() if u.scheme == "https" else None
    r, w = await asyncio.open_connection(u.hostname, 443 if c else 80, ssl=c)
    w.write(f"GET / HTTP/1.1\r\nHost: {u.hostname}\r\nConnection: close\r\n\r\n".encode())
    print((await r.read()).decode())
asyncio.run(main(urllib.parse.urlparse(sys.argv[1])))' {url}`},
	{"node fetch", "node", "http https", `node --no-warnings -e 'fetch(process.argv[1]).then(r => r.text()).then(t => console.log(t)).catch(e => { console.log(e.cause); process.exit(1) })' {url}`},
	{"node c-ares", "node", "http", `node -e 'require("dns").promises.resolve4(process.argv[1]).then(([host]) => require("http").get({host, headers: {host: process.argv[1]}}, r => r.pipe(process.stdout)))' {host}`},
	{"perl", "perl", "http", `perl -MIO::Socket::INET -e '$h = $ARGV[0]; $s = IO::Socket::INET->new(PeerHost => $h, PeerPort => 80) or die $!; print $s "GET / HTTP/1.0\r\nHost: $h\r\n\r\n"; defined($l = <$s>) or die "nothing\n"; print $l, <$s>' {host}`},
	{"static Go", "go", "http", "./fetch-go {host}"},
	{"static C", "musl-gcc", "http", "./fetch-c {host}"},
	{"java URLConnection", "keytool", "https", "keytool -printcert -sslserver {host}"},
	{"git", "git", "http https", "git clone -q {url}/thing.git out && cat out/file"},
	{"git ssh", "sshd", "ssh", "GIT_SSH_COMMAND='ssh -F none -i key -o UserKnownHostsFile=known' git clone -q {url}$REPOSITORY out && cat out/file"},
	{"npm", "npm", "https", "npm install --registry {url}/npm/ --cache cache --no-audit --no-fund --fetch-retries 0 thing && node node_modules/thing"},
	{"pip", "pip3", "https", "python3 -m pip install -q --index-url {url}/pypi --no-cache-dir --disable-pip-version-check --retries 0 --target out thing && cat out/thing.py"},
	{"cargo", "cargo", "https", `mkdir src && touch src/lib.rs && printf '[package]\nname = "own"\nversion = "1.0.0"\n[dependencies]\nthing = "1"\n' >Cargo.toml &&
		printf '[net]\nretry = 0\n[source.crates-io]\nreplace-with = "test"\n[source.test]\nregistry = "{url}/crates.git"\n' >config.toml &&
		CARGO_HOME=$PWD cargo fetch -q && cat registry/src/*/thing-1.0.0/src/lib.rs`},
	{"go", "go", "https", "GOPROXY={url}/go GOSUMDB=off GOTOOLCHAIN=local GOFLAGS=-modcacherw GOMODCACHE=$PWD/cache go mod download -x example.org/thing@v1.0.0 && cat cache/example.org/thing@v1.0.0/thing.go"},
	{"apt", "apt-get", "http https", `mkdir -p state/lists/partial cache/archives/partial && echo "deb [trusted=yes] {url}/debian ./" >sources.list && echo 'Acquire::https::CAInfo "ca.pem"; Acquire::Retries 0;
		Dir { State "'$PWD'/state"; Cache "'$PWD'/cache"; Etc { SourceList "'$PWD'/sources.list"; SourceParts "/dev/null"; }; };' >apt.conf &&
		export APT_CONFIG=apt.conf && apt-get update --error-on=any && apt-get download thing && dpkg-deb --fsys-tarfile thing*.deb | tar -xO ./usr/share/thing`},
	{"psql", "psql", "postgresql", `psql -At -c 'select x' '{url}/?user=nobody&connect_timeout=9'`},
}

// trust is how programs are told of an authority.
var trust = []string{"SSL_CERT_FILE=ca.pem", "CURL_CA_BUNDLE=ca.pem", "GIT_SSL_CAINFO=ca.pem", "NODE_EXTRA_CA_CERTS=ca.pem", "npm_config_cafile=ca.pem", "PIP_CERT=ca.pem", "CARGO_HTTP_CAINFO=ca.pem"}

// A fixture has the servers of all clients, and what a project has to have for them.
type fixture struct {
	internet *internet
	env      []string
	files    map[string][]byte
}

func newFixture(t *testing.T) *fixture {
	need(t, "git")
	ca, certificate := newAuthority(t, "good.example.com", "bad.example.com", "home.example.com")
	s := newSite(t)
	repository := s.repository("thing.git", map[string]string{"file": greeting})
	s.npm()
	s.pypi()
	s.modules()
	s.crates()
	if has("dpkg-deb") {
		s.debian()
	}
	plain, secure := s.serve(certificate)
	f := &fixture{internet: newInternet(t), env: append([]string{"REPOSITORY=" + repository}, trust...), files: map[string][]byte{"ca.pem": ca}}
	f.internet.servers = map[string]string{"192.0.2.1:80": plain, "192.0.2.1:443": secure, "192.0.2.1:5432": listen(t, servePostgres)}
	made := t.TempDir()
	if has("sshd") {
		run(t, made, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "key")
		shell, known := serveSSH(t, "good.example.com", filepath.Join(made, "key"))
		f.internet.servers["192.0.2.1:22"], f.files["known"] = shell, []byte(known)
		f.take(t, made, "key")
	}
	if has("go") {
		run(t, "", "env", "CGO_ENABLED=0", "go", "build", "-o", filepath.Join(made, "fetch-go"), "testdata/fetch/fetch.go")
		f.take(t, made, "fetch-go")
	}
	if has("musl-gcc") {
		buildC(t, filepath.Join(made, "fetch-c"))
		f.take(t, made, "fetch-c")
	}
	return f
}

// take has a file be in each project.
func (f *fixture) take(t *testing.T, dir, name string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	f.files[name] = text
}

// buildC builds the program that has all it needs in itself.
func buildC(t *testing.T, to string) {
	t.Helper()
	run(t, "", "musl-gcc", "-static", "-Wall", "-Werror", "-o", to, "testdata/fetch/fetch.c")
}

// run runs a client in a project of its own.
func (f *fixture) run(t *testing.T, c client, scheme, host string) (string, []egress.Flow, error) {
	t.Helper()
	project := t.TempDir()
	for name, text := range f.files {
		if err := os.WriteFile(filepath.Join(project, name), text, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	e := sandbox.Egress{Allow: []string{"good.example.com", "home.example.com"}}
	if port := schemes[scheme]; port != 80 && port != 443 {
		e.Allow = []string{"good.example.com:" + fmt.Sprint(port), "home.example.com:" + fmt.Sprint(port)}
	}
	line := strings.NewReplacer("{url}", scheme+"://"+host, "{host}", host).Replace(c.line)
	return f.internet.runIn(t, project, e, f.env, "{ "+line+"; } 2>&1")
}

// TestClients: each program reaches what is allowed, and is refused the rest: a name that
// no rule allows, and one that leads home.
func TestClients(t *testing.T) {
	needRun(t)
	f := newFixture(t)
	t.Run("all", func(t *testing.T) {
		for _, c := range clients {
			for _, scheme := range strings.Fields(c.schemes) {
				t.Run(c.name+"/"+scheme, func(t *testing.T) {
					t.Parallel()
					need(t, c.needs)
					out, flows, err := f.run(t, c, scheme, "good.example.com")
					reached := func(f egress.Flow) bool { return f.Port == schemes[scheme] && f.Allowed && f.Received > 0 }
					if err != nil || !strings.Contains(out, greeting) || !slices.ContainsFunc(flows, reached) || !onlyOf("good.example.com", flows) {
						t.Errorf("%v: %s\n%+v", err, out, flows)
					}
					for host, port := range map[string]uint16{"bad.example.com": 0, "home.example.com": schemes[scheme]} {
						out, flows, err := f.run(t, c, scheme, host)
						refused := func(f egress.Flow) bool { return f.Port == port && !f.Allowed && f.Error != "" }
						if err == nil || strings.Contains(out, "this is") || !slices.ContainsFunc(flows, refused) || !onlyOf(host, flows) {
							t.Errorf("%s: %v: %s\n%+v", host, err, out, flows)
						}
					}
				})
			}
		}
	})
	f.internet.mu.Lock() // a late question may still be on its way
	defer f.internet.mu.Unlock()
	for _, to := range f.internet.dialled {
		if a := netip.MustParseAddrPort(to); a.Addr().String() != "192.0.2.1" || f.internet.servers[to] == "" {
			t.Errorf("dialled %s", to)
		}
	}
	for _, name := range f.internet.asked {
		if name != "good.example.com" && name != "home.example.com" {
			t.Errorf("asked for %s", name)
		}
	}
}

// onlyOf tells whether the log is about nothing but a host: what a program asks for
// besides would be noise in the summary.
func onlyOf(host string, flows []egress.Flow) bool {
	return !slices.ContainsFunc(flows, func(f egress.Flow) bool { return f.Host != host })
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// need skips where a program is missing.
func need(t *testing.T, program string) {
	t.Helper()
	if !has(program) {
		skip(t, fmt.Errorf("%s is not installed", program))
	}
}
