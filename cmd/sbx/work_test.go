package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A job is real work that must go on under the defaults and under the profile of
// its tool: files of a project, a shell line, and the last line that it prints.
type job struct {
	name, profile string
	needs         []string // programs of the host
	files         map[string]string
	line, want    string
}

const mainC = "#include <stdio.h>\nint main(void) { puts(\"hello\"); return 0; }\n"

var jobs = []job{
	{
		"autoconf", "make", []string{"autoreconf", "gcc", "make"},
		map[string]string{
			"configure.ac": "AC_INIT([hello],[1])\nAM_INIT_AUTOMAKE([foreign])\nAC_PROG_CC\nAC_CONFIG_FILES([Makefile])\nAC_OUTPUT\n",
			"Makefile.am":  "bin_PROGRAMS = hello\nhello_SOURCES = main.c\n", "main.c": mainC,
		},
		"autoreconf -i >log 2>&1 && ./configure >>log && make -j4 >>log && make install DESTDIR=$PWD/out >>log && out/usr/local/bin/hello", "hello",
	},
	{
		"strace of a child", "make", []string{"strace"}, nil,
		"strace -f -o trace /bin/true && grep -c execve trace", "1",
	},
	{
		"gdb of a child", "make", []string{"gdb", "gcc"}, map[string]string{"main.c": mainC},
		"gcc -g -o p main.c && gdb -q -batch -ex 'break main' -ex run -ex continue ./p 2>&1 | grep -o 'exited normally'", "exited normally",
	},
	{
		"go test -race with a server", "go", []string{"go", "gcc"},
		map[string]string{
			"go.mod": "module example.org/x\n\ngo 1.26\n",
			"x_test.go": `package x

import ("net/http"; "net/http/httptest"; "testing")

func TestServer(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	r, err := http.Get(s.URL)
	if err != nil || r.StatusCode != 404 { t.Fatal(err) }
}
`,
		},
		"go test -race -count=1 . >/dev/null && echo raced", "raced",
	},
	{
		"python: processes, a server, a virtual environment", "python", []string{"python3"},
		map[string]string{"t.py": `import multiprocessing, socket, threading
def f(x): return x * x
if __name__ == "__main__":
    s = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=lambda: s.accept()[0].sendall(b"served"), daemon=True).start()
    print(socket.create_connection(s.getsockname()).recv(9).decode(), sum(multiprocessing.Pool(2).map(f, range(4))))
`},
		"python3 -m venv --without-pip v && v/bin/python t.py", "served 14",
	},
	{
		"git: clone, merge, stash, bisect", "git", []string{"git"}, nil,
		`export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
git init -q r && cd r && for i in 1 2 3; do echo $i > f; git add f; git commit -qm $i; done && git clone -q . ../c && cd ../c && echo x > f && git stash -q && git checkout -q -b b HEAD~1 && git merge -q -s ours origin/HEAD -m m && git log --oneline | wc -l`, "4",
	},
	{
		"archives and copies", "build", nil, nil,
		"mkdir d && echo x > d/f && chmod 750 d && tar cpf d.tar d && mkdir e && tar xpf d.tar -C e && cp -a e/d g && install -m 755 g/f h && stat -c %a g", "750",
	},
}

func TestRealWork(t *testing.T) {
	needNamespaces(t)
	for _, j := range jobs {
		for _, profile := range []string{"", j.profile} {
			t.Run(j.name+"/"+profile, func(t *testing.T) {
				for _, program := range j.needs {
					if _, err := exec.LookPath(program); err != nil {
						skip(t, "%v", err)
					}
				}
				work := t.TempDir()
				for name, text := range j.files {
					if err := os.WriteFile(filepath.Join(work, name), []byte(text), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				args := []string{"run", "-q", "-e", "GOPROXY=off", "-e", "GOTOOLCHAIN=local", "-e", "GOFLAGS=-buildvcs=false"}
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
			})
		}
	}
}
