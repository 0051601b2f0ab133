package runlater

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRenew replaces guarded files as their developer does while the command runs.
func TestRenew(t *testing.T) {
	for _, tt := range []struct {
		name, file, before, after string
		by                        By
		bad                       bool
		found                     int
		what                      What
	}{
		{"instructions", "CLAUDE.md", "a\n", "b\n", Hosts, false, 0, 0},
		{"instructions, perhaps written", "CLAUDE.md", "a\n", "b\n", Perhaps, false, 1, Doubtful},
		{"a harmless setting", ".git/config", "", "[user]\n\tname = a\n", Perhaps, false, 0, 0},
		{"a setting of the developer's", ".git/config", "", "[core]\n\tfsmonitor = x\n", Hosts, false, 0, 0},
		{"a setting, perhaps written", ".git/config", "", "[core]\n\tfsmonitor = x\n", Perhaps, true, 1, Changed},
		{"a setting that was there", ".git/config", "[core]\n\tfsmonitor = x\n", "[core]\n\tfsmonitor = x\n[user]\n\tname = a\n", Perhaps, false, 0, 0},
		{"instructions, anyone's", "CLAUDE.md", "a\n", "b\n", Anyones, false, 1, Created},
		{"a harmless setting, anyone's", ".git/config", "", "[user]\n\tname = a\n", Anyones, false, 0, 0},
		{"a setting, anyone's", ".git/config", "", "[core]\n\tfsmonitor = x\n", Anyones, true, 1, Changed},
		{"no configuration", ".git/config", "", "[core", Hosts, true, 1, Changed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, text := range map[string]string{".git/HEAD": "ref: refs/heads/main\n", ".git/objects/x": "", ".git/refs/x": "", tt.file: tt.before} {
				put(t, filepath.Join(dir, name), text)
			}
			g, err := findIn(dir)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, tt.file)
			put(t, path+".new", tt.after)
			if err := os.Rename(path+".new", path); err != nil {
				t.Fatal(err)
			}
			if bad := g.Renew(path, tt.by); (bad != "") != tt.bad {
				t.Errorf("said %q", bad)
			}
			r, err := g.Check()
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Findings) != tt.found || tt.found > 0 && r.Findings[0].What != tt.what {
				t.Errorf("found %v", r.Findings)
			}
		})
	}
}

// TestHold changes what is in a guarded directory, with and without another name for it.
func TestHold(t *testing.T) {
	for _, linked := range []bool{false, true} {
		dir := t.TempDir()
		file := filepath.Join(dir, ".vscode", "tasks.json")
		put(t, file, "{}\n")
		if linked {
			if err := os.Link(file, filepath.Join(dir, "other")); err != nil {
				t.Fatal(err)
			}
		}
		g, err := findIn(dir)
		if err != nil {
			t.Fatal(err)
		}
		put(t, file, "{ }\n")
		put(t, filepath.Join(dir, ".vscode", "settings.json"), "{}\n")
		g.Hold(filepath.Join(dir, ".vscode"))
		r, err := g.Check()
		if err != nil {
			t.Fatal(err)
		}
		if (len(r.Findings) > 0) != linked {
			t.Errorf("linked=%v: found %v", linked, r.Findings)
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestRenewIf has the command wake while its file is read.
func TestRenewIf(t *testing.T) {
	for sure, found := range map[bool]int{true: 0, false: 1} {
		dir, config := configured(t)
		g, err := findIn(dir)
		must(t, err)
		put(t, config, badConfig)
		if got := g.RenewIf(config, func() bool { return sure }); got != sure {
			t.Errorf("%t: %t", sure, got)
		}
		if r, err := g.Check(); err != nil || len(r.Findings) != found {
			t.Errorf("%t: %+v, %v", sure, r.Findings, err)
		}
	}
}
