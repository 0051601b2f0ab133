package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/state"
)

// execFlags are all flags of exec.
type execFlags struct {
	Interactive bool     `short:"i" help:"Pass standard input on (a terminal's always is)."`
	Tty         *bool    `short:"t" negatable:"" help:"Give the command a terminal (default: if stdin and stdout are one)."`
	Stdio       string   `enum:"pipe,direct," default:"" placeholder:"pipe|direct" help:"Carry a redirected file through a pipe (default), or pass it on."`
	Detach      bool     `short:"d" help:"Leave it running in the sandbox, without input and output."`
	Env         []text   `short:"e" sep:"none" placeholder:"NAME[=VALUE]" help:"Set a variable, or pass the caller's."`
	Workdir     text     `short:"w" placeholder:"DIR" help:"Set the working directory (default: the sandbox's)."`
	User        text     `short:"u" placeholder:"USER[:GROUP]" help:"Run as this user of the sandbox."`
	RawTerminal bool     `help:"Let every control sequence through to the terminal."`
	DryRun      bool     `help:"Print what would be done, step by step, and do nothing."`
	Verbose     bool     `help:"Print each step."`
	Help        bool     `short:"h" help:"Print this help."`
	Box         string   `arg:"" optional:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	Command     []string `arg:"" optional:"" passthrough:"partial" name:"CMD" help:"The command and its arguments."`
}

const execLine = "sbx exec [flags] SANDBOX CMD [ARG...]"

// execVerb is sbx exec: a command in a sandbox that runs.
func execVerb(u ui, args []string) int {
	if u.asked != nil {
		args = []string{"--help"}
	}
	f, k, err := parseExec(args)
	if err == nil && f.Help {
		return exitOf(u, u.help(usage.Of("sbx exec", k.Model.Node)), "")
	}
	if err != nil {
		u.fail(err, hintOr(err, "sbx exec --help lists the flags"))
		return exitFailed
	}
	cmd, err := f.enter()
	if err != nil {
		u.fail(err, execHint(err))
		return exitFailed
	}
	if f.DryRun {
		plan, _, err := cmd.Plan()
		if err == nil {
			_, err = io.WriteString(u.out, plainLines(plan.Lines()))
		}
		return exitOf(u, err, sandbox.Hint(err))
	}
	f.connect(u, cmd)
	unsaid := listen(u, cmd, "sbx exec "+f.Box)
	err = runInSession(cmd)
	restoreTerminal(cmd)
	return unsaid.settle(exitCode(u, err))
}

func execHint(err error) string {
	if errors.Is(err, state.ErrNotFound) {
		return "sbx ps lists them"
	}
	return sandbox.Hint(err)
}

// plainLines numbers lines, as a plan does.
func plainLines(lines []string) string {
	var b strings.Builder
	for i, line := range lines {
		fmt.Fprintf(&b, "%3d %s\n", i, plain(line))
	}
	return b.String()
}

// plainExec takes a line without flags, as most are: the grammar costs a tenth of what all
// of exec takes.
func plainExec(args []string) (*execFlags, bool) {
	if len(args) < 2 || args[0] == "" || args[0][0] == '-' {
		return nil, false
	}
	command := args[1:]
	if command[0] == "--" {
		command = command[1:]
	} else if strings.HasPrefix(command[0], "-") {
		return nil, false
	}
	return &execFlags{Box: args[0], Command: command}, len(command) > 0
}

func parseExec(args []string) (*execFlags, *kong.Kong, error) {
	if f, ok := plainExec(args); ok {
		return f, nil, nil
	}
	return parseExecFlags(args)
}

func parseExecFlags(args []string) (*execFlags, *kong.Kong, error) {
	f := &execFlags{}
	k, err := kong.New(f, kong.Name("sbx exec"), kong.NoDefaultHelp(), kong.Description("Run a command in a running sandbox, confined as its own command is."),
		kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err == nil {
		_, err = k.Parse(args)
		err = usage.Explain(err, k.Model.Node)
	}
	if err != nil || f.Help {
		return f, k, err
	}
	// As typed: kong has passed its own copy through JSON.
	f.Command = args[len(args)-len(f.Command):]
	if len(f.Command) > 0 && f.Command[0] == "--" {
		f.Command = f.Command[1:]
	}
	switch {
	case f.Box == "":
		err = &mendedError{errors.New("no sandbox to run it in"), "usage: " + execLine}
	case len(f.Command) == 0:
		err = &mendedError{errors.New("no command to run"), "usage: " + execLine}
	case f.Detach && (f.Interactive || f.Tty != nil && *f.Tty):
		err = errors.New("--detach leaves the command without input and terminal; choose one")
	case f.Workdir != "" && !filepath.IsAbs(string(f.Workdir)):
		err = fmt.Errorf("--workdir %s: want an absolute path", f.Workdir)
	}
	return f, k, err
}

// enter makes the command.
func (f *execFlags) enter() (*sandbox.Cmd, error) {
	env, err := f.environment()
	if err != nil {
		return nil, err
	}
	p := specs.Process{Args: f.Command, Cwd: string(f.Workdir), Env: env}
	p.Terminal = !f.Detach && isTerminal(os.Stdin) && isTerminal(os.Stdout)
	if f.Tty != nil {
		p.Terminal = *f.Tty
	}
	if p.Terminal {
		p.ConsoleSize = terminalSize()
		if term := os.Getenv("TERM"); term != "" {
			p.Env = append([]string{"TERM=" + term}, p.Env...)
		}
	}
	// How an Entry is read is found out by reflection, which takes a twentieth of all of exec:
	// that is done while the supervisor answers.
	go func() { _, _ = sandbox.ReadEntry([]byte("{}")) }()
	body, files, conn, err := enterBox(f.Box)
	if err != nil {
		return nil, ofBox(f.Box, err)
	}
	entry, err := sandbox.ReadEntry(body)
	if err != nil {
		return nil, ofBox(f.Box, err)
	}
	cmd := sandbox.Enter(context.Background(), entry, files, p)
	cmd.Spec.User = string(f.User)
	cmd.Started = func() { conn.Close() }
	if f.Detach {
		cmd.Leave()
	}
	return cmd, nil
}

// environment is what -e changes, the last of each name.
func (f *execFlags) environment() (env []string, err error) {
	for _, e := range texts(f.Env) {
		name, _, set := strings.Cut(e, "=")
		if name == "" {
			return nil, fmt.Errorf("variable %q has no name", e)
		}
		if !set {
			value, ok := os.LookupEnv(name)
			if !ok {
				continue
			}
			e = name + "=" + value
		}
		env = append(slices.DeleteFunc(env, func(other string) bool { return strings.HasPrefix(other, name+"=") }), e)
	}
	return env, nil
}

// connect gives the command its streams.
func (f *execFlags) connect(u ui, cmd *sandbox.Cmd) {
	cmd.Note, cmd.RawTerminal = func(line string) { u.say("%s", line) }, f.RawTerminal
	if f.Verbose {
		cmd.Trace = cmd.Note
	}
	if f.Detach {
		return
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.DirectStreams = f.Stdio == "direct"
	terminal := cmd.Spec.OCI.Process.Terminal
	if f.Interactive || terminal {
		cmd.Stdin = os.Stdin
	}
	if !terminal && !f.RawTerminal {
		shieldTerminal(cmd)
	}
}
