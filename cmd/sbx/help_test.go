package main

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/sbxrun/sbx/cmd/internal/usage"
)

// TestHelp asks each verb for help, and each of theirs. Nothing else is done.
func TestHelp(t *testing.T) {
	home := t.TempDir()
	sbx := func(t *testing.T, args ...string) string {
		t.Helper()
		var errors strings.Builder
		cmd := exec.Command(tool(t, "sbx"), args...)
		cmd.Env, cmd.Dir, cmd.Stderr = []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + home + "/run", "PATH=/usr/bin:/bin"}, home, &errors
		out, err := cmd.Output()
		if err != nil || errors.Len() > 0 {
			t.Errorf("sbx %s: %v, %s", strings.Join(args, " "), err, errors.String())
		}
		return string(out)
	}
	asked := 0
	var ask func(words []string)
	ask = func(words []string) {
		asked++
		help := sbx(t, append([]string{"help"}, words...)...)
		if !strings.HasPrefix(help, "Usage: sbx ") || !strings.Contains(help, "\nExamples:\n") {
			t.Errorf("sbx help %s is no help, or has no examples:\n%s", strings.Join(words, " "), help)
		}
		for _, flag := range []string{"-h", "--help"} {
			if got := sbx(t, append(append([]string{}, words...), flag)...); got != help {
				t.Errorf("sbx %s %s is not sbx help:\n%s", strings.Join(words, " "), flag, got)
			}
		}
		if _, subs, ok := strings.Cut(help, "\nCommands:\n"); ok {
			subs, _, _ = strings.Cut(subs, "\n\n")
			for line := range strings.Lines(subs) {
				if strings.HasPrefix(line, "  ") && line[2] != ' ' {
					ask(append(append([]string{}, words...), strings.Fields(line)[0]))
				}
			}
		}
	}
	for _, verb := range verbNames() {
		ask([]string{verb})
	}
	if asked < 40 {
		t.Errorf("only %d commands were found", asked)
	}
	if left, _ := filepath.Glob(home + "/*"); left != nil {
		t.Errorf("help made %v", left)
	}
	short := sbx(t)
	if short != sbx(t, "help") || short != sbx(t, "--help") || strings.Count(short, "\n") > 40 {
		t.Errorf("the short help is another, or long:\n%s", short)
	}
	for _, verb := range verbNames() {
		if !strings.Contains(strings.NewReplacer(",", " ", "\n", " ").Replace(short), " "+verb+" ") {
			t.Errorf("the short help is without %s", verb)
		}
	}
}

// TestHelpIsShort holds the flags to one line each, in the imperative.
func TestHelpIsShort(t *testing.T) {
	for _, verb := range []string{"run", "exec"} {
		c, err := describe(verb)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Flags {
			first, _, _ := strings.Cut(f.Help, " ")
			switch {
			case len(f.Help) > 70:
				t.Errorf("%s --%s: %d characters: %s", verb, f.Name, len(f.Help), f.Help)
			case !unicode.IsUpper(rune(first[0])) || !strings.HasSuffix(f.Help, "."):
				t.Errorf("%s --%s is no sentence: %s", verb, f.Name, f.Help)
			}
		}
	}
}

// TestExamples: what help shows is what there is.
func TestExamples(t *testing.T) {
	for _, name := range verbNames() {
		if name == "image" || name == "pull" || name == "images" || name == "rmi" || name == "tag" {
			continue // another program's
		}
		c, err := describe(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range usage.Examples(c.Name) {
			words := strings.Fields(e.Line)
			if words[0] != "sbx" {
				continue
			}
			if _, ok := verbOf(words[1]); !ok {
				t.Errorf("%s: no such verb", e.Line)
			}
			if words[1] == "run" {
				if _, err := parseRun(words[2:]); err != nil {
					t.Errorf("%s: %v", e.Line, err)
				}
			}
		}
	}
}

func TestInsteadOf(t *testing.T) {
	for words, want := range map[string]string{
		"runn make": "sbx run make", "-- make all": "sbx run -- make all", "sh -c x": "sbx run -- sh -c x", "--net allow make": "sbx run --net allow make",
		"container ps": "sbx ps", "no-such-program": "sbx help lists the commands", "lgos web": "sbx logs web", "shell": "sbx run opens your shell in the sandbox",
	} {
		if got := insteadOf(strings.Fields(words)); got != want {
			t.Errorf("sbx %s: %q, want %q", words, got, want)
		}
	}
}
