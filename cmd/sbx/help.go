package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/sandbox"
)

// helpVerb is sbx help.
func helpVerb(u ui, args []string) int {
	var flags struct {
		Man     text     `placeholder:"DIR" help:"Write the man pages of all commands to a directory."`
		Command []string `arg:"" optional:"" name:"COMMAND" help:"A command, and a command of it."`
	}
	if done, code := parseVerb(u, "help", "Print help.", &flags, args); done {
		return code
	}
	switch {
	case flags.Man != "":
		err := writeManual(u, string(flags.Man))
		return exitOf(u, err, sandbox.Hint(err))
	case len(flags.Command) == 0:
		return shortHelp(u)
	}
	c, err := commandNamed(flags.Command)
	if err == nil {
		err = u.help(c)
	}
	return exitOf(u, err, sandbox.Hint(err))
}

// help prints what a verb takes, or gives it to what asked for it.
func (u ui) help(c usage.Command) error {
	if u.asked != nil {
		*u.asked = c
		return nil
	}
	return usage.Help(u.out, c, usage.Examples(c.Name))
}

// asksForHelp tells whether --help is among the arguments of a verb that takes no command.
func asksForHelp(args []string) bool {
	for _, arg := range args {
		switch arg {
		case "--":
			return false
		case "-h", "--help":
			return true
		}
	}
	return false
}

func hintOr(err error, other string) string {
	if h := sandbox.Hint(err); h != "" {
		return h
	}
	return other
}

// commandNamed is the command of some words.
func commandNamed(words []string) (usage.Command, error) {
	if _, ok := verbOf(words[0]); !ok || internal(words[0]) {
		return usage.Command{}, hinted{fmt.Errorf("%q is not an sbx command", words[0]), helpInstead(words[0], verbNames(), "")}
	}
	top, err := describe(words[0])
	if err != nil {
		return top, err
	}
	c, n := top.Find(words[1:])
	if n == len(words)-1 {
		return c, nil
	}
	var names []string
	for _, s := range c.Commands {
		names = append(names, s.Word())
	}
	of := strings.TrimPrefix(c.Name, "sbx ") + " "
	return c, hinted{fmt.Errorf("%q is not a command of %s", words[1+n], c.Name), helpInstead(words[1+n], names, of)}
}

func helpInstead(word string, among []string, of string) string {
	if near := usage.Nearest(word, among); near != "" {
		return "sbx help " + of + near
	}
	return strings.TrimSpace("sbx help " + of)
}

// describe asks a verb what it takes.
func describe(name string) (c usage.Command, err error) {
	if name == "run" {
		return runUsage()
	}
	verb, _ := verbOf(name)
	if verb(ui{out: os.Stderr, errors: os.Stderr, asked: &c}, nil) != 0 || c.Name == "" {
		return c, fmt.Errorf("sbx %s does not say what it takes", name)
	}
	return c, nil
}

// internal tells whether a verb is for sbx itself.
func internal(name string) bool {
	return strings.HasPrefix(name, superviseName) || name == besideName || name == asOwnerName
}

// verbNames are all verbs for users.
func verbNames() []string {
	names := append(slices.Collect(maps.Keys(verbs)), "help", "completion")
	names = slices.DeleteFunc(names, internal)
	slices.Sort(names)
	return names
}

// A lower is a verb below another.
type lower struct {
	name string
	do   func(ui, []string) int
}

// subVerb is a verb that has others.
func subVerb(u ui, name, help string, subs []lower, args []string) int {
	if u.asked != nil || len(args) > 0 && asksForHelp(args[:1]) {
		c := usage.Command{Name: "sbx " + name, Summary: help}
		for _, s := range subs {
			var sub usage.Command
			s.do(ui{out: u.out, errors: u.errors, asked: &sub}, nil)
			if sub.Word() == s.name { // and not another name of it
				c.Commands = append(c.Commands, sub)
			}
		}
		return exitOf(u, u.help(c), "")
	}
	var names []string
	for _, s := range subs {
		if len(args) > 0 && s.name == args[0] {
			return s.do(u, args[1:])
		}
		names = append(names, s.name)
	}
	if len(args) == 0 {
		u.fail(fmt.Errorf("expected a command: %s", strings.Join(names, ", ")), "sbx "+name+" --help describes them")
		return exitFailed
	}
	instead := "sbx " + name + " --help lists the commands"
	if near := usage.Nearest(args[0], names); near != "" {
		instead = "sbx " + name + " " + strings.Join(append([]string{near}, args[1:]...), " ")
	}
	u.fail(fmt.Errorf("%q is not a command of sbx %s", args[0], name), instead)
	return exitFailed
}

// insteadOf is what was meant by words that begin with no verb.
func insteadOf(args []string) string {
	rest := strings.Join(args[1:], " ")
	switch near := usage.Nearest(args[0], verbNames()); {
	case args[0] == "--" && rest != "":
		return "sbx run -- " + rest
	case strings.HasPrefix(args[0], "--") && args[0] != "--":
		return "sbx run " + strings.Join(args, " ")
	case args[0] == "shell":
		return "sbx run opens your shell in the sandbox"
	case args[0] == "container" && len(args) > 1 && slices.Contains(verbNames(), args[1]):
		return "sbx " + rest
	case near != "":
		return strings.TrimSpace("sbx " + near + " " + rest)
	}
	if _, err := exec.LookPath(args[0]); err == nil || errors.Is(err, exec.ErrDot) {
		return "sbx run -- " + strings.Join(args, " ")
	}
	return "sbx help lists the commands"
}

// helpRows are the verbs in the order of sbx help.
var helpRows = [...]struct{ title, verbs, does string }{
	{"Run", "run", "run a command in a sandbox, or your shell"},
	{"", "exec", "run a command in a sandbox that runs"},
	{"Look after", "ps inspect", "list sandboxes (run -d, or --name), print one as JSON"},
	{"", "logs attach", "print the output, go back to it"},
	{"", "stop kill wait", "end sandboxes, wait for their end"},
	{"", "start restart", "start again"},
	{"", "pause resume", "freeze and continue"},
	{"", "rm prune", "forget sandboxes that have ended"},
	{"", "cp stats top port", "copy files, show what is used, which processes, which ports"},
	{"Files", "image pull images", "images to run in"},
	{"", "volume", "directories with a name"},
	{"", "cache", "what profiles keep for projects"},
	{"", "moved", "files that were moved aside because they run later"},
	{"Permissions", "profile", "what a tool may see"},
	{"", "trust untrust", "let this project's .sbx.toml widen its sandbox"},
	{"", "net", "hosts that @npm and the like stand for"},
	{"Machine", "doctor", "what this machine supports, and how to fix the rest"},
	{"", "unshare", "a command with your subordinate ids, not a sandbox"},
	{"", "completion", "completion for bash, zsh and fish"},
	{"", "version help", "the version; help on a command"},
}

// shortHelp is sbx alone.
func shortHelp(u ui) int {
	var b strings.Builder
	b.WriteString("sbx runs a command in a sandbox: no root, no daemon, no setuid program.\n\nUsage: sbx COMMAND [flags] [ARG...]\n")
	others := verbNames()
	for _, row := range helpRows {
		var have []string
		for verb := range strings.FieldsSeq(row.verbs) {
			if i := slices.Index(others, verb); i >= 0 {
				others, have = slices.Delete(others, i, i+1), append(have, verb)
			}
		}
		if row.title != "" {
			fmt.Fprintf(&b, "\n%s\n", row.title)
		}
		if have != nil {
			fmt.Fprintf(&b, "  %-20s  %s\n", strings.Join(have, ", "), row.does)
		}
	}
	if len(others) > 0 {
		fmt.Fprintf(&b, "\nAlso: %s\n", strings.Join(others, ", "))
	}
	b.WriteString("\nTry:  sbx run make    sbx run --net allow -- npm ci    sbx run --image debian -- bash\nMore: sbx help COMMAND\n")
	_, err := fmt.Fprint(u.out, b.String())
	return exitOf(u, err, "")
}

// writeManual writes the man pages.
func writeManual(u ui, dir string) error {
	var all []usage.Command
	for _, name := range verbNames() {
		c, err := describe(name)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, page := range usage.Manual(version, all) {
		if err := os.WriteFile(filepath.Join(dir, page.Name), page.Text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
