package main

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// another gives a registry of the test's own with the images of the fixture.
func (r registry) another(t *testing.T) *registry {
	t.Helper()
	dir := t.TempDir()
	if err := os.Symlink(filepath.Join(r.dir, "storage"), filepath.Join(dir, "storage")); err != nil {
		t.Fatal(err)
	}
	return &registry{dir: dir}
}

// certify gives the registry the certificate of net/http's tests, and the file by which
// others know it.
func (r *registry) certify(t *testing.T) (authority string) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: s.Certificate().Raw}, "key.pem": {Type: "PRIVATE KEY", Bytes: key}}
	for name, block := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	authority = filepath.Join(r.dir, "cert.pem")
	r.http = fmt.Sprintf(", tls: {certificate: %s, key: %s}", authority, filepath.Join(r.dir, "key.pem"))
	return authority
}

// TestLogin: a registry that wants a certificate looked at and a password is pulled from
// with what skopeo login keeps, in docker's place and in podman's.
func TestLogin(t *testing.T) {
	r := needRegistry(t).another(t)
	authority := r.certify(t)
	// The bcrypt of "secret".
	users := filepath.Join(r.dir, "users")
	if err := os.WriteFile(users, []byte("someone:$2b$04$Mrpqeem81d9vaKEpjzEou.HvxH6WnW6NJ6l7Z.1/19LJDMsijxC.W\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.auth = fmt.Sprintf("auth: {htpasswd: {realm: tests, path: %s}}\n", users)
	if err := r.serve(); err != nil {
		t.Fatal(err)
	}
	defer r.end()
	ref := strings.Replace(r.host, "localhost", "127.0.0.1", 1) + "/small"
	host, _, _ := strings.Cut(ref, "/")
	for _, c := range []struct{ name, password, authority, file, refused string }{
		{"nobody has logged in", "", authority, "", "UNAUTHORIZED"},
		{"docker's file", "secret", authority, ".docker/config.json", ""},
		{"podman's file", "secret", authority, "run/containers/auth.json", ""},
		{"a password that is none any more", "secret", authority, ".docker/config.json", "UNAUTHORIZED"},
		{"an unknown authority", "secret", "", ".docker/config.json", "unknown authority"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := newStore(t)
			home := filepath.Dir(data)
			t.Setenv("XDG_RUNTIME_DIR", home+"/run")
			if c.authority != "" {
				t.Setenv("SSL_CERT_FILE", c.authority)
			}
			if c.file != "" {
				file := filepath.Join(home, c.file)
				if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
					t.Fatal(err)
				}
				if out, err := exec.Command("skopeo", "login", "--tls-verify=false", "--authfile", file, "-u", "someone", "-p", c.password, host).CombinedOutput(); err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				if strings.HasPrefix(c.name, "a password") {
					b, err := os.ReadFile(file)
					if err != nil {
						t.Fatal(err)
					}
					// c29tZW9uZTpzZWNyZXQ= is someone:secret.
					if err := os.WriteFile(file, []byte(strings.Replace(string(b), "c29tZW9uZTpzZWNyZXQ=", "c29tZW9uZTpvbGQ=", 1)), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			out, err := exec.Command(tool(t, "sbx"), "pull", "-q", ref).CombinedOutput()
			switch {
			case c.refused == "" && err != nil, c.refused != "" && (err == nil || !strings.Contains(string(out), c.refused)):
				t.Errorf("%v: %s", err, out)
			case strings.Contains(string(out), "secret"):
				t.Errorf("it says the password: %s", out)
			}
			storeIsWhole(t, data)
		})
	}
}

// TestRegistryRestarts: one that goes away in the middle of a layer and comes back is
// pulled from to the end.
func TestRegistryRestarts(t *testing.T) {
	r := needRegistry(t).another(t)
	if err := r.serve(); err != nil {
		t.Fatal(err)
	}
	defer func() { r.end() }()
	data := newStore(t)
	pull := exec.Command(tool(t, "sbx"), "pull", "-q", r.host+"/debian")
	var said strings.Builder
	pull.Stdout, pull.Stderr = &said, &said
	if err := pull.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- pull.Wait() }()
	const some, most = 2 << 20, 40 << 20
	size := int64(0)
	for size < some {
		select {
		case err := <-ended:
			t.Fatalf("it ended before: %v: %s", err, said.String())
		case <-time.After(time.Millisecond):
		}
		parts, _ := filepath.Glob(filepath.Join(data, "sbx/images", "work", "partial-*"))
		for _, part := range parts {
			if info, err := os.Stat(part); err == nil {
				size = info.Size()
			}
		}
	}
	r.end()
	if size > most {
		t.Fatalf("%d bytes had come already", size)
	}
	time.Sleep(300 * time.Millisecond)
	if err := r.serve(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	storeIsWhole(t, data)
	out, err := exec.Command(tool(t, "sbx"), "run", "-q", "--no-project", "--image", r.host+"/debian", "--pull", "never", "--", "dpkg", "--verify", "bash", "dpkg").CombinedOutput()
	if err != nil || len(out) != 0 {
		t.Errorf("%v: %s", err, out)
	}
}

// TestOthersReadTheStore: to skopeo and umoci it is an OCI layout.
func TestOthersReadTheStore(t *testing.T) {
	r := needRegistry(t)
	data := newStore(t)
	out, err := exec.Command(tool(t, "sbx"), "pull", "-q", r.host+"/small").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	dir, name, to := filepath.Join(data, "sbx/images"), r.host+"/small:latest", t.TempDir()
	listed, err := exec.Command("umoci", "ls", "--layout", dir).CombinedOutput()
	if err != nil || strings.TrimSpace(string(listed)) != name {
		t.Errorf("%v: %s", err, listed)
	}
	if out, err := exec.Command("skopeo", "copy", "-q", "oci:"+dir+":"+name, "dir:"+to).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if digest := "sha256:" + hashFile(t, filepath.Join(to, "manifest.json")); digest != strings.TrimSpace(string(out)) {
		t.Errorf("it was %s and is %s", out, digest)
	}
}
