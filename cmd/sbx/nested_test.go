package main

import (
	"strings"
	"testing"
)

func TestNoteNested(t *testing.T) {
	for command, want := range map[string]string{
		"codex": "codex makes a sandbox", "/x/bin/codex exec x": "codex makes a sandbox", "codex --sandbox danger-full-access": "", "codex --sandbox=danger-full-access": "",
		"chromium --headless": "chromium makes a sandbox", "chromium --no-sandbox": "", "make codex": "", "codexes": "", "": "",
	} {
		f := runFlags{command: strings.Fields(command)}
		f.noteNested()
		if got := strings.Join(f.notes, "\n"); (got == "") != (want == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", command, got, want)
		}
		f = runFlags{command: strings.Fields(command), protectionFlags: protectionFlags{AllowUserns: true}}
		if f.noteNested(); f.notes != nil {
			t.Errorf("%q with --allow-userns: %q", command, f.notes)
		}
	}
}
