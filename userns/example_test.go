package userns_test

import (
	"fmt"
	"os"
	"syscall"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns"
)

// chain is the beginning of every plan: it ties the child to this process, maps
// the caller to root inside, and makes all mounts private.
func chain() []userns.Step {
	return []userns.Step{
		userns.DieWithSupervisor{},
		userns.MapSelf{UID: idmap.Single(0, uint32(os.Getuid())), GID: idmap.Single(0, uint32(os.Getgid()))},
		userns.Seal{},
	}
}

func sh(script string) []userns.Step {
	return []userns.Step{
		userns.AwaitSupervisor{}, userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.Exec{Paths: []string{"/bin/sh"}, Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/bin:/bin"}},
	}
}

func run(p userns.Plan) {
	child, err := p.Start(userns.Input{Stdout: os.Stdout, Stderr: os.Stdout})
	if err != nil {
		fmt.Println(err)
		return
	}
	if status, err := child.Wait(); err != nil || status != 0 {
		fmt.Println(status, err)
	}
}

// A mount namespace alone is not for ordinary users: step 1 of the chain.
func Example_refused() {
	if os.Getuid() == 0 {
		fmt.Println("clone with new namespaces mount: operation not permitted")
		return // root may
	}
	run(userns.Plan{Namespaces: userns.Mounts, Steps: append(chain(), sh("true")...)})
	// Output: clone with new namespaces mount: operation not permitted
}

// A private /tmp that the host does not see: steps 2 to 4.
func Example_privateTmp() {
	p := userns.Plan{Namespaces: userns.User | userns.Mounts, Steps: chain()}
	p.Steps = append(p.Steps, userns.Mount{Type: "tmpfs", Target: "/tmp"})
	p.Steps = append(p.Steps, sh("id -u; touch /tmp/only-in-the-sandbox; ls /tmp")...)
	run(p)
	_, err := os.Stat("/tmp/only-in-the-sandbox")
	fmt.Println("on the host:", os.IsNotExist(err))
	// Output:
	// 0
	// only-in-the-sandbox
	// on the host: true
}

// pivot_root into a directory: step 6. The new root has the host's programs and
// nothing else, and there is no way back.
func Example_pivotRoot() {
	p := userns.Plan{Namespaces: userns.User | userns.Mounts, Steps: chain()}
	var attach []userns.Step
	mkdir := func(path string) { attach = append(attach, userns.Mkdir{Path: path, Mode: 0o755}) }
	for _, dir := range []string{"/bin", "/lib", "/lib64", "/usr"} {
		if _, err := os.Stat(dir); err != nil {
			continue
		}
		p.Steps = append(p.Steps, userns.Take{Source: dir, Attr: userns.ReadOnly, As: userns.FD(dir)})
		mkdir("/proc" + dir)
		attach = append(attach, userns.Attach{From: userns.FD(dir), What: dir, Target: "/proc" + dir, Attr: userns.ReadOnly})
	}
	p.Steps = append(p.Steps, userns.Mount{Type: "tmpfs", Target: "/proc"})
	p.Steps = append(append(p.Steps, attach...), userns.PivotRoot{Root: "/proc"})
	p.Steps = append(p.Steps, sh("cd /; for d in bin etc home usr; do test -e $d && echo $d; done; cd ../../..; pwd; test -e /etc/passwd || echo gone")...)
	run(p)
	// Output:
	// bin
	// usr
	// /
	// gone
}

// A plan is data: it is printed before it is run.
func ExamplePlan_String() {
	p := userns.Plan{
		Namespaces: userns.User | userns.Mounts,
		Steps: []userns.Step{
			userns.MapSelf{UID: idmap.Single(0, 1000), GID: idmap.Single(0, 1000)},
			userns.Seal{Attr: userns.ReadOnly | userns.NoSuid},
			userns.Exec{Paths: []string{"/usr/bin/make"}, Argv: []string{"make", "a target"}},
		},
	}
	fmt.Print(p)
	// Output:
	//   0 clone with new namespaces user,mount
	//   1 map uid 0:1000:1, gid 0:1000:1
	//   2 make every mount private,ro,nosuid
	//   3 exec make "a target"
}

// An error names the step, and errors.As finds its cause.
func ExampleStepError() {
	p := userns.Plan{Namespaces: userns.User | userns.Mounts, Steps: append(chain(),
		userns.Mkdir{Path: "/proc/no-such-place/x", Mode: 0o755})}
	_, err := p.Start(userns.Input{})
	fmt.Println(err)
	step, ok := err.(*userns.StepError)
	fmt.Println(ok, step.Index, step.Err == syscall.ENOENT)
	// Output:
	// mkdir /proc/no-such-place/x mode=0755: no such file or directory
	// true 3 true
}
