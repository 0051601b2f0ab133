package egress_test

import (
	"io"
	"net"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// repository has a git repository with files in one commit. Git itself serves it.
func (s *site) repository(name string, files map[string]string) (path string) {
	s.t.Helper()
	work := s.t.TempDir()
	for path, text := range files {
		path = filepath.Join(work, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			s.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			s.t.Fatal(err)
		}
	}
	run(s.t, work, "git", "init", "-q", "-b", "master")
	run(s.t, work, "git", "add", ".")
	run(s.t, work, "git", "-c", "user.name=A Test", "-c", "user.email=test@example.com", "commit", "-q", "-m", "Have files")
	dir := s.t.TempDir()
	path = filepath.Join(dir, name)
	run(s.t, work, "git", "clone", "-q", "--bare", work, path)
	git, err := exec.LookPath("git")
	if err != nil {
		s.t.Fatal(err)
	}
	s.mux.Handle("/"+name+"/", &cgi.Handler{Path: git, Args: []string{"http-backend"}, Env: []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1"}, Stderr: io.Discard})
	return path
}

// serveSSH has sshd serve whoever has the key: one process for each connection, so that
// none is left. It gives the address, and the line of known_hosts for a host.
func serveSSH(t *testing.T, host, key string) (address, known string) {
	t.Helper()
	sshd, err := exec.LookPath("sshd") // which wants to be called by its whole path
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	hostKey := filepath.Join(dir, "host")
	run(t, dir, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", hostKey)
	public, err := os.ReadFile(hostKey + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config")
	text := "HostKey " + hostKey + "\nAuthorizedKeysFile " + key + ".pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return listen(t, func(c net.Conn) {
		f, err := c.(*net.TCPConn).File()
		if err != nil {
			t.Error(err)
			return
		}
		defer f.Close()
		cmd := exec.Command(sshd, "-i", "-f", config)
		cmd.Stdin, cmd.Stdout = f, f
		_ = cmd.Run() // that it did not go well, the client says
	}), host + " " + string(public)
}

// listen serves connections, and gives the address. It ends with the test.
func listen(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				serve(c)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// run runs a program of the host's in a directory, and gives what it says.
func run(t *testing.T, dir, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v: %s", program, args, err, out)
	}
	return string(out)
}
