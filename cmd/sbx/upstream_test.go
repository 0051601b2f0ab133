package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A companyProxy is the only one that knows deep.example.com, and wants me:hush.
type companyProxy struct {
	*httptest.Server
	open atomic.Int32
}

func (p *companyProxy) host() string {
	return strings.TrimPrefix(p.URL[strings.Index(p.URL, "://"):], "://")
}

func newCompanyProxy(t *testing.T, secure bool) *companyProxy {
	long := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	origin := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(long) }))
	t.Cleanup(origin.Close)
	p := &companyProxy{}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte("me:hush")):
			w.WriteHeader(http.StatusProxyAuthRequired)
			return
		case r.RequestURI != "deep.example.com:443":
			w.WriteHeader(http.StatusForbidden)
			return
		}
		p.open.Add(1)
		defer p.open.Add(-1)
		c, err := net.Dial("tcp", origin.Listener.Addr().String())
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
		_, _ = io.WriteString(ours, "HTTP/1.1 200 OK\r\n\r\n")
		go func() {
			_, _ = io.Copy(c, rest)
			c.Close()
		}()
		_, _ = io.Copy(ours, c)
	}))
	if secure {
		p.StartTLS()
	} else {
		p.Start()
	}
	t.Cleanup(p.Close)
	return p
}

// TestUpstreamProgram: sbx goes by the proxy of the caller's environment, of http and of
// https, and tells of it without the password.
func TestUpstreamProgram(t *testing.T) {
	needNamespaces(t)
	if err := inPath("curl")(); err != nil {
		skip(t, "%v", err)
	}
	for _, secure := range []bool{false, true} {
		p := newCompanyProxy(t, secure)
		dir := t.TempDir()
		authorities := filepath.Join(dir, "ca.pem")
		if secure {
			if err := os.WriteFile(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		scheme := map[bool]string{false: "http", true: "https"}[secure]
		run := func(credentials, line string, flags ...string) (string, error) {
			cmd := exec.Command(tool(t, "sbx"), append(append([]string{"run"}, flags...), "--", "sh", "-c", line)...)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "HTTPS_PROXY="+scheme+"://"+credentials+p.host(), "SSL_CERT_FILE="+authorities, "NO_PROXY=")
			out, err := cmd.CombinedOutput()
			return string(out), err
		}
		allow := []string{"--allow", "deep.example.com", "--net-log", "log.json", "--receipt", "receipt.json"}
		get := "curl -skf https://deep.example.com | wc -c"
		out, err := run("me:hush@", "("+get+") & ("+get+") & wait; env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n'", append(allow, "--verbose")...)
		if err != nil || strings.Count(out, "1048576\n") != 2 || !strings.Contains(out, "sbx: upstream "+scheme+"://"+p.host()+"\n") {
			t.Errorf("%s: %v: %s", scheme, err, out)
		}
		said := out
		for _, name := range []string{"log.json", "receipt.json"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil || !bytes.Contains(b, []byte(scheme+"://"+p.host())) {
				t.Errorf("%s, %s: %v: %s", scheme, name, err, b)
			}
			said += string(b)
		}
		out, err = run("me:hushhush@", get, allow...)
		if err != nil || !strings.Contains(out, "sbx: refused: deep.example.com:443: the proxy "+scheme+"://"+p.host()+": it does not take the credentials (407)\n") {
			t.Errorf("%s, wrong credentials: %v: %s", scheme, err, out)
		}
		if said += out; strings.Contains(said, "hush") || strings.Contains(said, base64.StdEncoding.EncodeToString([]byte("me:hush"))) {
			t.Errorf("%s: the password is told: %s", scheme, said)
		}
		if out, err := run("me:hush@", get, "--allow", "other.example.com"); err != nil || !strings.Contains(out, "refused: deep.example.com; allow it") {
			t.Errorf("%s, not allowed: %v: %s", scheme, err, out)
		}
		if secure {
			authorities = os.DevNull
			if out, err := run("me:hush@", get, allow...); err != nil || !strings.Contains(out, "certificate") || strings.Contains(out, "1048576") {
				t.Errorf("a proxy that nobody vouches for: %v: %s", err, out)
			}
		}
	}
	out, err := exec.Command("env", "HTTPS_PROXY=gopher://me:hush@x", tool(t, "sbx"), "run", "--allow", "example.com", "--", "true").CombinedOutput()
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != exitFailed || !strings.Contains(string(out), "sbx: HTTPS_PROXY: want http, https or socks5") || strings.Contains(string(out), "hush") {
		t.Errorf("a proxy of no kind: %v: %s", err, out)
	}
}

// TestUpstreamKilled: the program that has TLS ends with sbx, however sbx does.
func TestUpstreamKilled(t *testing.T) {
	needNamespaces(t)
	if err := inPath("python3")(); err != nil {
		skip(t, "%v", err)
	}
	p := newCompanyProxy(t, true)
	authorities := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(tool(t, "sbx"), "run", "--no-project", "--allow", "deep.example.com", "--", "sh", "-c", "python3 -c 'import ssl,socket,time; s = ssl._create_unverified_context().wrap_socket(socket.create_connection((\"deep.example.com\", 443)), server_hostname=\"deep.example.com\"); time.sleep(60)'")
	cmd.Env = append(os.Environ(), "HTTPS_PROXY=https://me:hush@"+p.host(), "SSL_CERT_FILE="+authorities, "NO_PROXY=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	await := func(n int32) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); p.open.Load() != n; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d connections are open, want %d", p.open.Load(), n)
			}
		}
	}
	await(1)
	programs := func() []string {
		all, _ := filepath.Glob("/proc/[0-9]*/environ")
		var found []string
		for _, path := range all {
			if b, err := os.ReadFile(path); err == nil && bytes.Contains(b, []byte("SSL_CERT_FILE="+authorities)) && !bytes.Contains(b, []byte("HTTPS_PROXY")) {
				found = append(found, filepath.Dir(path))
			}
		}
		return found
	}
	if found := programs(); len(found) != 1 {
		t.Errorf("%q speak TLS", found)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	await(0)
	for range 500 {
		if len(programs()) == 0 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%q are left", programs())
}
