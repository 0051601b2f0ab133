package main

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/control"
	"github.com/sbxrun/sbx/sandbox/state"
)

// stopVerb is sbx stop.
func stopVerb(u ui, args []string) int {
	var flags struct {
		Time   *float64 `short:"t" aliases:"timeout" placeholder:"SECONDS" help:"How long the command has to end by itself (default: 10, or --stop-timeout of run)."`
		Signal string   `short:"s" placeholder:"SIGNAL" help:"What asks it to (default: SIGTERM, or the image's stop signal)."`
		Box    []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "stop", "Stop sandboxes: send a signal, and kill what does not end in time.", &flags, args); done {
		return code
	}
	sig, err := parseSignal(flags.Signal)
	grace, bad := graceOf(flags.Time)
	if err == nil {
		err = bad
	}
	if err != nil {
		return exitOf(u, err, "")
	}
	stop := control.Request{Do: control.Stop, Signal: int(sig), Grace: grace}
	defer showNotices(u)
	return eachBox(u, flags.Box, func(all *state.Sandboxes, r state.Record) error {
		if !r.Alive() {
			return nil // as docker: it is what was wanted
		}
		_, err := ended(all, r, stop)
		return err
	})
}

// graceOf is --time, or what the sandbox itself has.
func graceOf(seconds *float64) (time.Duration, error) {
	switch {
	case seconds == nil:
		return -1, nil
	case *seconds < 0:
		return 0, fmt.Errorf("--time %v is in the past", *seconds)
	}
	return time.Duration(*seconds * float64(time.Second)), nil
}

// killVerb is sbx kill.
func killVerb(u ui, args []string) int {
	var flags struct {
		Signal string   `short:"s" default:"KILL" placeholder:"SIGNAL" help:"Send this signal (default: KILL)."`
		All    bool     `help:"Send it to every process of the sandbox."`
		Box    []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "kill", "Send a signal to the commands of sandboxes.", &flags, args); done {
		return code
	}
	sig, err := parseSignal(flags.Signal)
	if err != nil {
		return exitOf(u, err, "")
	}
	return eachBox(u, flags.Box, func(all *state.Sandboxes, r state.Record) error {
		_, _, err := askBox(all, r, control.Request{Do: control.Signal, Signal: int(sig), All: flags.All})
		return err
	})
}

// parseSignal reads a name, with or without SIG, or a number. Nothing is 0.
func parseSignal(text string) (syscall.Signal, error) {
	if text == "" {
		return 0, nil
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n <= 64 {
		return syscall.Signal(n), nil
	}
	name := strings.ToUpper(text)
	if !strings.HasPrefix(name, "SIG") {
		name = "SIG" + name
	}
	if sig := unix.SignalNum(name); sig != 0 {
		return sig, nil
	}
	return 0, fmt.Errorf("signal %q is not known", text)
}

// waitVerb is sbx wait.
func waitVerb(u ui, args []string) int {
	var flags struct {
		Box []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "wait", "Wait until sandboxes have ended, and print their exit codes.", &flags, args); done {
		return code
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	code := 0
	for _, name := range flags.Box {
		r, err := all.Find(name)
		exit := 0
		if err == nil {
			exit, err = ended(all, r, control.Request{Do: control.Wait})
		}
		if err != nil {
			u.fail(ofBox(name, err), boxHint(err))
			code = exitFailed
			continue
		}
		fmt.Fprintln(u.out, exit)
	}
	showNotices(u)
	return code
}
