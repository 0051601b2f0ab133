package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/profiles/hosts"
)

// completionVerb is sbx completion: what a shell sources, and what that asks then.
func completionVerb(u ui, args []string) int {
	if u.asked == nil && len(args) > 1 && strings.HasPrefix(args[0], "--words=") && args[1] == "--" {
		printWords(u, args[2:])
		return 0
	}
	var flags struct {
		Shell string `arg:"" name:"SHELL" help:"bash, zsh or fish."`
	}
	if done, code := parseVerb(u, "completion", "Print the completion of a shell.", &flags, args); done {
		return code
	}
	script := usage.Script(flags.Shell)
	if script == "" {
		return exitOf(u, fmt.Errorf("%q: expected bash, zsh or fish", flags.Shell), "sbx completion bash")
	}
	_, err := fmt.Fprint(u.out, script)
	return exitOf(u, err, "")
}

// printWords prints what the last word may be. Nothing is done but that: the words are
// of a command line that the user did not finish.
func printWords(u ui, words []string) {
	if len(words) == 0 {
		return
	}
	typed := words[len(words)-1]
	if words[0] == "help" && len(words) > 1 && !strings.HasPrefix(typed, "-") {
		words = words[1:]
	}
	if len(words) == 1 {
		printKind(u, typed, usage.What{Kind: usage.Verbs}, "")
		return
	}
	name := words[0]
	if _, ok := verbOf(name); !ok || internal(name) {
		return
	}
	c, err := describe(name)
	if err != nil {
		return
	}
	c, n := c.Find(words[1 : len(words)-1])
	what, prefix := usage.Complete(c, words[1+n:])
	printKind(u, typed, what, prefix)
}

func printKind(u ui, typed string, what usage.What, prefix string) {
	w := bufio.NewWriter(u.out)
	defer w.Flush()
	words := what.Words
	if words == nil {
		words = knownWords(what.Kind)
	}
	for _, word := range words {
		if line := prefix + word.Line; usage.Safe(line) && strings.HasPrefix(line, typed) {
			fmt.Fprintf(w, "%s\t%s\n", line, plain(word.Does))
		}
	}
	switch what.Kind {
	case usage.Files, usage.Dirs, usage.Programs:
		fmt.Fprintf(w, ":%s\n", what.Kind)
	}
}

// knownWords are words that are not of the grammar. What cannot be read is left out.
func knownWords(kind usage.Kind) (words []usage.Example) {
	add := func(word, does string) { words = append(words, usage.Example{Line: word, Does: does}) }
	switch kind {
	case usage.Verbs:
		for _, name := range verbNames() {
			add(name, rowOf(name))
		}
	case usage.Sandboxes:
		all, err := sandboxes()
		if err != nil {
			return nil
		}
		list, _ := all.List()
		for _, r := range list {
			add(r.Name, strings.Join(r.Command, " "))
		}
	case usage.Profiles:
		_ = withUser(func(user *profiles.User, _ profiles.Places) error {
			rows, err := user.List()
			for _, r := range rows {
				add(r.Name, r.Description)
			}
			return err
		})
	case usage.Sets:
		for _, set := range hosts.Names() {
			add(set, "")
		}
	case usage.Images:
		for _, name := range imageNames() {
			add(name, "")
		}
	}
	return words
}

func rowOf(verb string) string {
	for _, row := range helpRows {
		for v := range strings.FieldsSeq(row.verbs) {
			if v == verb {
				return row.does
			}
		}
	}
	return ""
}

// imageNames asks sbx-image, whose are the images.
func imageNames() []string {
	path, err := imageProgram()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "ls", "-q").Output()
	if err != nil {
		return nil
	}
	return strings.Fields(string(bytes.ToValidUTF8(out, nil)))
}
