package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/refusal"
	"github.com/sbxrun/sbx/userns"
)

// unshareVerb is sbx unshare: a command of the caller's own as root over his
// subordinate ids, who may see and change what images and sandboxes left with them. It
// is no sandbox: the command sees what the caller does.
func unshareVerb(u ui, args []string) int {
	if u.asked != nil || len(args) > 0 && strings.HasPrefix(args[0], "-") && args[0] != "--" {
		var flags struct {
			Command []string `arg:"" optional:"" passthrough:"partial" name:"CMD" help:"The command (default: $SHELL)."`
		}
		help := "Run a command, by default a shell, as root over your subordinate ids, to look at what images and sandboxes left. It is no sandbox."
		if done, code := parseVerb(u, "unshare", help, &flags, args); done {
			return code
		}
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		shell := os.Getenv("SHELL")
		if shell == "" {
			shell = "/bin/sh"
		}
		args = []string{shell}
	}
	plan, err := unsharePlan(args)
	if err != nil {
		u.fail(err, sandbox.Hint(err))
		return exitFailed
	}
	status, err := runUnshared(plan)
	if err != nil {
		return exitCode(u, refusal.Explain(err))
	}
	if status.Signaled() {
		return 128 + int(status.Signal())
	}
	return status.ExitStatus()
}

func unsharePlan(args []string) (plan userns.Plan, err error) {
	path, err := exec.LookPath(args[0])
	if err != nil && !errors.Is(err, exec.ErrDot) {
		path = args[0] // the step says what is wrong with it
	}
	ids, err := idmap.NewCaller()
	if err != nil {
		return plan, fmt.Errorf("there is one id only, yours: %w", err)
	}
	return userns.Plan{Namespaces: userns.User | userns.Mounts, Steps: []userns.Step{
		userns.DieWithSupervisor{},
		userns.AwaitMaps{UID: ids.UID, GID: ids.GID, Helpers: ids.Helpers},
		userns.AwaitSupervisor{}, userns.Stdio{}, userns.CloseOnExec{}, userns.RestoreSignals{},
		userns.Exec{Paths: []string{path}, Argv: args, Env: os.Environ()},
	}}, nil
}

// runUnshared waits for the command. What a terminal sends comes to both of them, and
// is the command's to answer; the rest is handed on.
func runUnshared(plan userns.Plan) (syscall.WaitStatus, error) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	p, err := plan.Start(userns.Input{Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if err != nil {
		return 0, err
	}
	for {
		select {
		case sig := <-signals:
			if sig == unix.SIGTERM || sig == unix.SIGHUP {
				_ = p.Signal(sig.(syscall.Signal)) // one that has ended needs none
			}
		case <-p.Done():
			return p.Wait()
		}
	}
}
