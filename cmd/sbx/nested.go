package main

import (
	"path/filepath"
	"slices"
	"strings"
)

// sandboxing are programs that make a sandbox of their own, and what to do. Their own errors blame
// the kernel.
var sandboxing = [...]struct{ programs, off, instead string }{
	{"codex", "danger-full-access --dangerously-bypass-approvals-and-sandbox", "--allow-userns allows it, or codex --sandbox danger-full-access does without"},
	{"srt", "", "--allow-userns allows it"},
	{"chromium chromium-browser google-chrome google-chrome-stable chrome brave microsoft-edge", "--no-sandbox", "--allow-userns allows it, or --no-sandbox does without"},
	{"bwrap flatpak", "", "--allow-userns allows it"},
	{"buildah", "", "--allow-userns --userns root --cap-add ALL allows it"},
}

// noteNested says what a program with a sandbox of its own needs.
func (f *runFlags) noteNested() {
	if f.AllowUserns || f.image != nil || len(f.command) == 0 {
		return
	}
	program := filepath.Base(f.command[0])
	for _, n := range sandboxing {
		if !slices.Contains(strings.Fields(n.programs), program) {
			continue
		}
		off := func(arg string) bool {
			_, value, _ := strings.Cut(arg, "=")
			words := strings.Fields(n.off)
			return slices.Contains(words, arg) || slices.Contains(words, value)
		}
		if !slices.ContainsFunc(f.command[1:], off) {
			f.note("%s makes a sandbox of its own, which is refused here; %s", program, n.instead)
		}
	}
}
