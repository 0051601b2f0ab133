package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const module = "github.com/sbxrun/sbx/"

// builtEnv names a directory with the programs, where there is no Go to build them: in a
// guest of make vm.
const builtEnv = "SBX_TEST_PROGRAMS"

// tools is where the real binaries are that the tests run.
var tools struct {
	packages []string
	env      []string // before a test changes its home, where go has its caches
	home     string   // the same
	once     sync.Once
	dir      string
	err      error
}

// Main runs the tests of a package, which may ask for the programs of some
// packages of this module, and gives the exit code.
func Main(m *testing.M, packages ...string) int {
	for _, p := range packages {
		tools.packages = append(tools.packages, module+p)
	}
	tools.home = os.Getenv("HOME")
	tools.env = append(os.Environ(), "CGO_ENABLED=0")
	defer func() {
		if tools.dir != "" {
			os.RemoveAll(tools.dir)
		}
	}()
	return m.Run()
}

// Tool builds the programs once and gives one's path. They are all in one directory,
// as sbx wants it. They are as shipped, but for -trimpath: with it nothing is taken
// that was compiled for the tests already.
func Tool(t testing.TB, name string) string {
	t.Helper()
	tools.once.Do(func() { tools.err = build() })
	if tools.err != nil {
		t.Fatal(tools.err)
	}
	path := filepath.Join(tools.dir, name)
	if _, err := os.Stat(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func build() (err error) {
	if tools.packages == nil {
		return errors.New("no programs: TestMain has not called testenv.Main")
	}
	if tools.dir, err = os.MkdirTemp("", "sbx-tools"); err != nil {
		return err
	}
	if dir := os.Getenv(builtEnv); dir != "" {
		return os.CopyFS(tools.dir, os.DirFS(dir))
	}
	build := exec.Command("go", append([]string{"build", "-ldflags", "-s -w", "-o", tools.dir + "/"}, tools.packages...)...)
	build.Env = tools.env
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %v\n%s", build, err, out)
	}
	return nil
}
