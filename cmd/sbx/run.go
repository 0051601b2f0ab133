package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/cmd/sbx/ahead"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/userns"
)

// grace is how long a command that --timeout ends has to end by itself.
const grace = 1e9 // a second

// runVerb is sbx run.
func runVerb(u ui, args []string) int {
	around := sandbox.LookAround()
	place, _ := findProject() // an error is found again where it matters
	early := beginEarly(args, place.dir)
	defer early.End()
	f, code := parsedRun(u, args)
	if f == nil {
		return code
	}
	if !f.Quiet && isTerminal(os.Stderr) {
		showNotices(u)
	}
	if f.Detach {
		early.End()
		unix.Umask(int(u.umask)) // the supervisor takes it anew
		return detach(u, args)
	}
	if code := f.bring(u); code != 0 {
		return code
	}
	defer f.inUse.Close()
	f.around, f.place = around, place
	if f.recorded() && f.DryRun == "" {
		return runNamed(u, f, early)
	}
	code, _ = runOnce(u, f, early, runInSession)
	return code
}

// parsedRun gives the flags of run, or none and the exit code where that is all.
func parsedRun(u ui, args []string) (*runFlags, int) {
	f, err := parseRun(args)
	if err == nil && f.Help {
		c, err := runUsage()
		if err == nil {
			err = u.help(c)
		}
		return nil, exitOf(u, err, "")
	}
	if err == nil {
		err = f.checkLifecycle()
	}
	if err != nil {
		u.fail(explainFlag(err), hintOr(explainFlag(err), "sbx run --help lists the flags"))
		return nil, exitFailed
	}
	f.umask = u.umask
	return f, 0
}

// bring has the image of the flags here, where they name one.
func (f *runFlags) bring(u ui) int {
	if dir, ok := strings.CutPrefix(string(f.Image), "dir:"); ok && f.Rootfs == "" {
		f.Image, f.Rootfs = "", text(dir) // which a directory is without being brought
	}
	if f.Image == "" && f.Keep == "" {
		return 0
	}
	err := f.resolveImage()
	return exitOf(u, err, sandbox.Hint(err))
}

// runOnce makes the command of the flags, has run run it, and tells of its end. The
// error says what the exit code is about.
func runOnce(u ui, f *runFlags, early *userns.Early, run func(*sandbox.Cmd) error) (code int, failed error) {
	cmd, cancel, err := newCommand(u, f)
	if err != nil {
		u.fail(err, sandbox.Hint(err))
		return exitFailed, err
	}
	defer cancel()
	if f.DryRun != "" {
		return exitCode(u, dry(u.out, cmd, f)), nil
	}
	cmd.Early = early
	tls, err := addUpstream(cmd)
	if err != nil {
		u.fail(err, sandbox.Hint(err))
		return exitFailed, err
	}
	defer tls.end()
	log, err := logFlows(f, cmd)
	if err != nil {
		u.fail(err, sandbox.Hint(err))
		return exitFailed, err
	}
	receipt, err := openReceipt(string(f.Receipt), cmd.Spec)
	if err != nil {
		u.fail(err, cmp.Or(sandbox.Hint(err), "write it to a file, or to standard output with -"))
		return exitFailed, err
	}
	defer receipt.close()
	unsaid := listen(u, cmd, "sbx run in "+cmd.Spec.Project)
	defer func() { code = unsaid.settle(code) }() // for lines printed after that
	err = run(cmd)
	restoreTerminal(cmd)
	code = exitCode(u, err)
	explainFailure(u, f, cmd, err)
	if e := log.end(u, f, cmd, code); e != nil {
		u.fail(e, "")
		return exitFailed, e
	}
	code = unsaid.settle(code)
	if r := cmd.Receipt(); r != nil && receipt != nil {
		r.Profiles, r.Network, r.Limits = f.profileLines(), cmd.Flows(), append(r.Limits, f.unlimited...)
		if e := receipt.write(*r, f.hosts, code, err); e != nil {
			u.fail(e, "")
			return exitFailed, e
		}
	}
	return code, err
}

// beginEarly begins a sandbox while the flags are read, or takes the one that was
// begun still earlier: with all that a command in the host view begins with, unless
// a flag says that it will be otherwise. One that fails is told of when the plan is
// run.
func beginEarly(args []string, project string) *userns.Early {
	begun, ok := ahead.Take()
	var early *userns.Early
	switch first := sandbox.Opening(""); {
	case ok:
		early = userns.Adopt(userns.Begun(begun), first)
	case flagged(args, ahead.Without[:]):
		return nil
	default:
		var err error
		if early, err = userns.Begin(first); err != nil {
			return nil
		}
	}
	if project != "" && !flagged(args, otherwise) {
		_ = early.Open(sandbox.Opening(project)) // what is not begun is done later
	}
	return early
}

// flagged tells whether one of the flags begins like that.
func flagged(args, with []string) bool {
	for _, arg := range args {
		if arg == "--" || !strings.HasPrefix(arg, "-") {
			return false
		}
		if slices.ContainsFunc(with, func(flag string) bool { return strings.HasPrefix(arg, flag) }) {
			return true
		}
	}
	return false
}

// otherwise are the beginnings of flags with which a plan has another opening.
var otherwise = []string{
	"--image", "--keep", "--rootfs", "--rw-rootfs", "--layer", "--no-project", "--project", "--read-only", "--userns", "--name", "--hostname", "--add-host",
	"--cap-", "--allow-userns", "--seccomp", "--security-opt", "--disk", "--noexec-tmp",
}

// newCommand makes the command of the flags. cancel frees the timer.
func newCommand(u ui, f *runFlags) (cmd *sandbox.Cmd, cancel func(), err error) {
	spec, err := newSpec(f)
	if err == nil {
		err = f.notePoints(spec)
	}
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.Background(), func() {}
	if f.Timeout > 0 {
		ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(f.Timeout), timeoutError(f.Timeout))
	}
	cmd = sandbox.New(ctx, spec)
	cmd.Around = f.around
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.DirectStreams = f.Stdio == "direct"
	if !spec.OCI.Process.Terminal && !f.RawTerminal {
		shieldTerminal(cmd)
	}
	cmd.Grace, cmd.StopSignal = f.grace(grace), f.stopSignal()
	cmd.AsOwner = moveAsOwner
	cmd.RawTerminal, cmd.Receipted = f.RawTerminal, f.Receipt != ""
	if !f.Quiet {
		cmd.Note = func(line string) { u.say("%s", line) }
		for _, line := range f.notes {
			u.say("%s", line)
		}
	}
	if f.Verbose {
		cmd.Trace = func(line string) { u.say("%s", line) }
	}
	return cmd, cancel, nil
}

// A timeoutError ends a run after the time given with --timeout.
type timeoutError time.Duration

func (t timeoutError) Error() string {
	return fmt.Sprintf("timed out after %v (--timeout)", time.Duration(t))
}

// exitCode prints an error of sbx's own and gives the exit code of the run.
func exitCode(u ui, err error) int {
	var exit *sandbox.ExitError
	var step *userns.StepError
	var timeout timeoutError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code()
	case errors.As(err, &timeout):
		u.say("%v", timeout)
		return exitTimeout
	}
	u.fail(err, sandbox.Hint(err))
	if errors.As(err, &step) {
		if _, ok := step.Step.(userns.Exec); ok {
			if step.Err == unix.ENOENT {
				return exitNotFound
			}
			return exitNotExecutable
		}
	}
	return exitFailed
}

// dry prints what a command would do, in one of three forms.
func dry(w io.Writer, cmd *sandbox.Cmd, f *runFlags) error {
	plan, spec, err := cmd.Plan()
	if err != nil {
		return err
	}
	switch f.DryRun {
	case "spec":
		b, err := sandbox.Config(spec)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w, "%s\n", hint.EscapeJSON(b))
		return err
	case "json":
		return planJSON(w, plan, f.origin)
	}
	for i, line := range plan.Lines() {
		if i > 0 {
			if from := f.origin(plan.Steps[i-1]); from != "" {
				line += "  # " + from
			}
		}
		if _, err := fmt.Fprintf(w, "%3d %s\n", i, plain(line)); err != nil {
			return err
		}
	}
	return nil
}

// origin names the line of a profile that is behind a step, or nothing.
func (f *runFlags) origin(step userns.Step) string {
	key := ""
	switch s := step.(type) {
	case userns.Attach:
		key = s.Target
	case userns.Mount:
		key = s.Target
	case userns.Hide:
		key = s.Path
	case userns.Landlock:
		key = "landlock"
	case userns.Seccomp:
		key = "seccomp"
	}
	if key == "" {
		return ""
	}
	return f.origins[key]
}

// planJSON prints a plan as one JSON object: each step with its kind, its words,
// the line of a profile that it is from, if it is, and its fields.
func planJSON(w io.Writer, plan userns.Plan, origin func(userns.Step) string) error {
	type step struct {
		Kind   string      `json:"kind"`
		Text   string      `json:"text"`
		From   string      `json:"from,omitempty"`
		Fields userns.Step `json:"fields"`
	}
	out := struct {
		Namespaces []string `json:"namespaces"`
		Steps      []step   `json:"steps"`
	}{Namespaces: strings.Split(plan.Namespaces.String(), ",")}
	for _, s := range plan.Steps {
		out.Steps = append(out.Steps, step{reflect.TypeOf(s).Name(), s.String(), origin(s), s})
	}
	return hint.WriteJSON(w, out)
}
