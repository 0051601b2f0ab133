package sandbox

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// enterable starts a sandbox that can be entered.
func enterable(t *testing.T, change func(*Cmd)) *Cmd {
	t.Helper()
	c, out := begun(t, "echo begun; sleep 1000", func(c *Cmd) {
		c.Spec.Enterable = true
		if change != nil {
			change(c)
		}
	})
	wantLine(t, out, "begun")
	return c
}

// enter makes a command in a sandbox.
func enter(t testing.TB, c *Cmd, args ...string) *Cmd {
	t.Helper()
	entry, files, err := c.Entry()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(files) })
	return Enter(context.Background(), entry, files, specs.Process{Args: args})
}

// output runs a command and gives all that it wrote.
func output(c *Cmd) (string, error) {
	var b bytes.Buffer
	c.Stdout, c.Stderr = &b, &b
	err := c.Run()
	return b.String(), err
}

func TestEnter(t *testing.T) {
	c := enterable(t, func(c *Cmd) {
		c.Spec.OCI.Hostname = "box"
		c.Spec.OCI.Process.Env = append(c.Spec.OCI.Process.Env, "COLOUR=red", "SHAPE=round")
		c.Spec.Secrets = []Secret{{Name: "s", Env: "TOKEN", Value: "hush"}}
	})
	script := `hostname; echo $COLOUR $SHAPE $TOKEN; for n in user mnt pid ipc uts cgroup net time; do
		test $(readlink /proc/self/ns/$n) = $(readlink /proc/2/ns/$n) || echo $n is another; done; ls /proc/1/fd 2>/dev/null; cat /proc/self/status`
	in := enter(t, c, "/bin/sh", "-c", script)
	in.Spec.OCI.Process.Env = []string{"SHAPE=square"}
	out, err := output(in)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Log(out)
	var exit *ExitError
	for script, code := range map[string]int{"exit 3": 3, "kill -TERM $$": 128 + 15, "kill -KILL $$": 128 + 9} {
		if _, err := output(enter(t, c, "/bin/sh", "-c", script)); !errors.As(err, &exit) || exit.Code() != code {
			t.Errorf("%s: %v", script, err)
		}
	}
	noChildBut(t, c.PID())
	_ = strings.Contains
	_ = os.Stdout
	_ = unix.SIGTERM
	_ = userns.Exec{}
}
