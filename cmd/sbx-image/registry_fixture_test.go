package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// A registry is Debian's docker-registry, on a port of its own, with images that
// umoci has made and skopeo has pushed.
type registry struct {
	dir, host  string
	http, auth string // more of its configuration
	server     *exec.Cmd
}

// fixture is the registry of all tests, made once: to make the images takes seconds.
var fixture struct {
	once sync.Once
	registry
	err error
}

// imagesMade are those of testdata/registry/images.sh, as OCI wants them.
var imagesMade = []string{"debian", "busybox", "sixty", "odd", "whiteouts", "way", "many", "small", "plain"}

// needRegistry skips where there is no registry or none who fills it.
func needRegistry(t testing.TB) registry {
	t.Helper()
	if err := missingDebian(t); err != nil {
		skip(t, "%v", err)
	}
	for _, program := range []string{"docker-registry", "umoci", "skopeo", "podman", "busybox", "python3", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, "%v", err)
		}
	}
	fixture.once.Do(func() { fixture.err = fixture.fill() })
	if fixture.err != nil {
		t.Fatal(fixture.err)
	}
	return fixture.registry
}

// close ends it and removes what it has, which is of many ids.
func (r *registry) close() {
	if r.dir == "" {
		return
	}
	if r.server != nil && r.server.Process != nil {
		r.end()
	}
	_ = r.podman("system", "migrate").Run() // ends the process that keeps its namespace, if there is one
	if out, err := rootOfIDs("rm", "-rf", r.dir).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "remove the registry: %v: %s\n", err, out)
	}
}

func (r *registry) fill() (err error) {
	if r.dir, err = os.MkdirTemp("", "sbx-registry"); err != nil {
		return err
	}
	for _, sub := range []string{"storage", "images", "home"} {
		if err := os.MkdirAll(filepath.Join(r.dir, sub), 0o700); err != nil {
			return err
		}
	}
	if err := r.serve(); err != nil {
		return err
	}
	script, err := filepath.Abs("testdata/registry/images.sh")
	if err != nil {
		return err
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return err
	}
	if err := r.as(rootOfIDs("sh", script, os.Getenv("SBX_TEST_DEBIAN"), busybox)); err != nil {
		return err
	}
	for _, i := range imagesMade {
		if err := r.push(i, i); err != nil {
			return err
		}
	}
	return r.fillForms()
}

// fillForms pushes one image in the other forms that a registry may have it in.
func (r *registry) fillForms() error {
	for form, flags := range map[string][]string{"docker": {"--format", "v2s2"}, "amd64": nil, "arm64": nil} {
		from := form
		if form == "docker" {
			from = "whiteouts"
		}
		if err := r.push(from, form, flags...); err != nil {
			return err
		}
	}
	// A registry that has a blob is not given another form of it, so it is
	// compressed anew on the way.
	return sequence(
		func() error {
			return r.as(exec.Command("skopeo", "copy", "-q", "--dest-compress-format", "zstd", "oci:layout:whiteouts", "oci:zstd:whiteouts"))
		},
		func() error {
			return r.as(exec.Command("skopeo", "copy", "-q", "--dest-tls-verify=false", "oci:zstd:whiteouts", "docker://"+r.host+"/zstd"))
		},
		func() error { return r.as(r.podman("manifest", "create", "index")) },
		func() error {
			return r.as(r.podman("manifest", "add", "--tls-verify=false", "index", "docker://"+r.host+"/amd64"))
		},
		func() error {
			return r.as(r.podman("manifest", "add", "--tls-verify=false", "index", "docker://"+r.host+"/arm64"))
		},
		func() error {
			return r.as(r.podman("manifest", "push", "--tls-verify=false", "index", "docker://"+r.host+"/index"))
		},
	)
}

func sequence(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *registry) push(image, as string, flags ...string) error {
	return r.as(exec.Command("skopeo", append([]string{"copy", "-q", "--dest-tls-verify=false", "oci:layout:" + image, "docker://" + r.host + "/" + as}, flags...)...))
}

// as runs a command where the images are made, with a home that nobody has set up.
func (r *registry) as(cmd *exec.Cmd) error {
	_, err := r.output(cmd)
	return err
}

func (r *registry) output(cmd *exec.Cmd) (string, error) {
	cmd.Dir = filepath.Join(r.dir, "images")
	cmd.Env = append(os.Environ(), "HOME="+filepath.Join(r.dir, "home"), "XDG_RUNTIME_DIR="+filepath.Join(r.dir, "home"), "XDG_DATA_HOME=")
	var out, complaint strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, complaint.String())
	}
	return out.String(), nil
}

// podman is podman with a storage of the tests' own. With its overlay driver whiteouts
// that hide nothing are listed, as names that cannot be looked at.
func (r *registry) podman(args ...string) *exec.Cmd {
	return exec.Command("podman", append([]string{"--storage-driver", "vfs", "--root", filepath.Join(r.dir, "podman"), "--runroot", filepath.Join(r.dir, "podman-run")}, args...)...)
}

// rootOfIDs is a command as root of a user namespace with the subordinate ids.
func rootOfIDs(args ...string) *exec.Cmd {
	return exec.Command("unshare", append([]string{"--user", "--map-root-user", "--map-auto", "--"}, args...)...)
}

// withoutIDs is a command of one who has no subordinate ids.
func withoutIDs(args ...string) *exec.Cmd {
	const line = `uid=$1 gid=$2; shift 2
mount --bind /dev/null /etc/subuid && mount --bind /dev/null /etc/subgid && exec unshare --user --map-user="$uid" --map-group="$gid" -- "$@"`
	return exec.Command("unshare", append([]string{"--user", "--map-root-user", "--mount", "--", "sh", "-c", line, "sh",
		fmt.Sprint(os.Getuid()), fmt.Sprint(os.Getgid())}, args...)...)
}

// serve starts the registry, at the port that it has had, and waits until it answers.
func (r *registry) serve() error {
	if r.host == "" {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		r.host = fmt.Sprintf("localhost:%d", l.Addr().(*net.TCPAddr).Port)
		l.Close()
	}
	address := strings.Replace(r.host, "localhost", "127.0.0.1", 1)
	config := fmt.Sprintf("version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: %q%s}\n%s",
		filepath.Join(r.dir, "storage"), address, r.http, r.auth)
	path := filepath.Join(r.dir, "registry.yml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		return err
	}
	r.server = exec.Command("docker-registry", "serve", path)
	r.server.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the signal comes when the thread ends that started it
		started <- r.server.Start()
		select {}
	}()
	if err := <-started; err != nil {
		return err
	}
	for start := time.Now(); time.Since(start) < testenv.Patience; time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", address); err == nil {
			return c.Close()
		}
	}
	return fmt.Errorf("the registry does not answer at %s", r.host)
}

// end ends it. It may have ended.
func (r *registry) end() {
	_ = r.server.Process.Kill()
	_ = r.server.Wait()
}
