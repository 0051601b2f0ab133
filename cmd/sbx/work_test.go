package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A job is real work that must go on under the defaults and under the profile of
// its tool: files of a project, a shell line, and the last line that it prints.
type job struct {
	name, profile string
	needs         []string // programs of the host
	files         map[string]string
	check         string // a shell line that fails where the programs are not enough
	prepare       string // a shell line that is run before, outside of a sandbox
	line, want    string
}

const mainC = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n"

var jobs = []job{
	{
		name: "autoconf", profile: "make", needs: []string{"autoreconf", "gcc", "make"},
		files: map[string]string{
			"configure.ac": "AC_INIT([hello],[1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
			"Makefile.am":  "bin_PROGRAMS = hello\nhello_SOURCES = main.c\n", "main.c": mainC,
		},
		line: "autoreconf -i >log 2>&1 && ./configure >>log && make -j4 >>log && make install DESTDIR=$PWD/out >>log && out/usr/local/bin/hello",
		want: "hello",
	},
	{
		name: "strace of a child", profile: "make", needs: []string{"strace"},
		line: "strace -f -o trace /bin/true && grep -c execve trace",
		want: "1",
	},
	{
		name: "gdb of a child", profile: "make", needs: []string{"gdb", "gcc"}, files: map[string]string{"main.c": mainC},
		line: "gcc -g -o p main.c && gdb -q -batch -ex 'break main' -ex run -ex continue ./p 2>&1 | grep -o 'exited normally'",
		want: "exited normally",
	},
	{
		name: "go test -race with a server", profile: "go", needs: []string{"go", "gcc"},
		files: map[string]string{
			"go.mod": "module example.org/x\n\ngo 1.26\n",
			"x_test.go": `package x

import ("io"; "net"; "testing")

func TestServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil { t.Fatal(err) }
	go func() {
		if c, err := l.Accept(); err == nil { io.WriteString(c, "served"); c.Close() }
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil { t.Fatal(err) }
	if b, err := io.ReadAll(c); err != nil || string(b) != "served" { t.Fatal(string(b), err) }
}
`,
		},
		line: "go test -race -count=1 . >/dev/null && echo raced",
		want: "raced",
	},
	{
		name: "python: processes, a server, a virtual environment", profile: "python", needs: []string{"python3"},
		files: map[string]string{"t.py": `import multiprocessing, socket, threading
def f(x): return x * x
if __name__ == "__main__":
    s = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: s.accept()[0].sendall(b"served"), daemon=True).start()
    print(socket.create_connection(s.getsockname()).recv(9).decode(), sum(multiprocessing.Pool(2).map(f, range(4))))
`},
		line: "python3 -m venv --without-pip v && v/bin/python t.py",
		want: "served 14",
	},
	{
		name: "git: clone, merge, stash, bisect", profile: "git", needs: []string{"git"},
		line: `export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
git init -q r && cd r && for i in 1 2 3; do echo $i > f; git add f; git commit -qm $i; done && git clone -q . ../c && cd ../c && echo x > f && git stash -q && git checkout -q -b b HEAD~1 && git merge -q -s ours origin/HEAD -m m && git log --oneline | wc -l`,
		want: "4",
	},
	{
		name: "archives and copies", profile: "build",
		line: "mkdir d && echo x > d/f && chmod 750 d && tar cpf d.tar d && mkdir e && tar xpf d.tar -C e && cp -a e/d g && install -m 755 g/f h && stat -c %a g",
		want: "750",
	},
}

func TestRealWork(t *testing.T) {
	needNamespaces(t)
	tool(t, "sbx") // is built with the go of the caller's PATH
	t.Setenv("PATH", pathOutsideHome())
	for _, j := range slices.Concat(jobs, packageJobs) {
		for _, profile := range []string{"", j.profile} {
			t.Run(j.name+"/"+profile, func(t *testing.T) {
				t.Parallel()
				j.do(t, profile)
			})
		}
	}
}

// pathOutsideHome is PATH without directories of the home, which the defaults do
// not show: other programs would run than those that were looked for.
func pathOutsideHome() string {
	dirs := filepath.SplitList(os.Getenv("PATH"))
	home, err := os.UserHomeDir()
	if err == nil {
		dirs = slices.DeleteFunc(dirs, func(dir string) bool { return strings.HasPrefix(dir+"/", home+"/") })
	}
	return strings.Join(dirs, string(filepath.ListSeparator))
}

func (j job) do(t *testing.T, profile string) {
	for _, program := range j.needs {
		if _, err := exec.LookPath(program); err != nil {
			skip(t, "%v", err)
		}
	}
	work := t.TempDir()
	for name, text := range j.files {
		path := filepath.Join(work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := onHost(t, work, j.check); err != nil {
		skip(t, "%s: %v\n%s", j.check, err, out)
	}
	if out, err := onHost(t, work, j.prepare); err != nil {
		t.Fatalf("%s: %v\n%s", j.prepare, err, out)
	}
	args := []string{"run", "-q", "-e", "GOPROXY=off", "-e", "GOTOOLCHAIN=local", "-e", "GOFLAGS=-buildvcs=false", "-e", "CGO_ENABLED=1"}
	if profile != "" {
		args = append(args, "--profile", profile)
	}
	cmd := exec.Command(tool(t, "sbx"), append(args, "--", "sh", "-c", j.line)...)
	cmd.Dir = work
	out, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || lines[len(lines)-1] != j.want {
		t.Errorf("%v, want %q last:\n%s", err, j.want, out)
	}
}

// onHost runs a shell line in a project without a sandbox, with a cache that is
// thrown away, so that the sandbox finds nothing there.
func onHost(t *testing.T, work, line string) ([]byte, error) {
	cmd := exec.Command("sh", "-c", line)
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "npm_config_cache="+t.TempDir())
	return cmd.CombinedOutput()
}
