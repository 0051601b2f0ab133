package sandbox_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/sbxrun/sbx/sandbox"
)

// inProject runs f in a directory that can be a project.
func inProject(f func()) {
	dir, err := os.MkdirTemp("", "project")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	here, _ := os.Getwd()
	defer os.Chdir(here)
	if err := os.Chdir(dir); err != nil {
		fmt.Println(err)
		return
	}
	f()
}

// A command sees the machine's tools and the current directory, and no more.
func ExampleCommand() {
	inProject(func() {
		cmd := sandbox.Command("sh", "-c", "read line; echo got $line; ls -A /tmp | grep -v project; echo made > file")
		cmd.Stdin = strings.NewReader("one line\n")
		var out bytes.Buffer
		cmd.Stdout = &out
		if err := cmd.Run(); err != nil {
			fmt.Println(err)
		}
		made, _ := os.ReadFile("file")
		fmt.Printf("%s%s", out.String(), made)
	})
	// Output:
	// got one line
	// made
}

// The exit code, and an end by a signal, are in an ExitError.
func ExampleExitError() {
	inProject(func() {
		for _, script := range []string{"exit 3", "kill -TERM $$"} {
			err := sandbox.Command("sh", "-c", script).Run()
			var exit *sandbox.ExitError
			if errors.As(err, &exit) {
				fmt.Println(exit.Code(), exit)
			}
		}
	})
	// Output:
	// 3 exit status 3
	// 143 signal: terminated
}

// A context that ends has the whole sandbox end, whatever it does.
func ExampleCommandContext() {
	inProject(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		err := sandbox.CommandContext(ctx, "sh", "-c", "trap '' TERM; sleep 60 & wait").Run()
		fmt.Println(err)
	})
	// Output: context deadline exceeded
}

// What would be done is known before it is done.
func ExampleCmd_Plan() {
	inProject(func() {
		plan, spec, err := sandbox.Command("make").Plan()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(plan.Namespaces)
		fmt.Println(plan.Steps[len(plan.Steps)-1])
		fmt.Println(spec.OCI.Process.NoNewPrivileges)
	})
	// Output:
	// user,mount,pid,ipc,uts,cgroup,net
	// exec make
	// true
}

// An error says what would mend it.
func ExampleHint() {
	cmd := sandbox.Command("true")
	cmd.Spec.Project = "/"
	err := cmd.Run()
	fmt.Println(err)
	fmt.Println(strings.Contains(sandbox.Hint(err), "--rw /"))
	// Output:
	// refusing to make / writable as the project: your home is in it
	// true
}
