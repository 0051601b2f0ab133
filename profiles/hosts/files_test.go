package hosts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTrusted: a set is refused where a file that its tools read is a sandbox's to write.
func TestTrusted(t *testing.T) {
	home := home(t)
	link := func(to, from string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, from)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(to, filepath.Join(home, from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"shared", "mine/go", "bad", "repo/part/conf/pip"} {
		if err := os.MkdirAll(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link("repo/part/none", ".npmrc")             // leads to what is not there yet
	link("../repo/part/conf/pip", ".config/pip") // a directory on the way
	link("shared/x", "bad/link")                 // a link on the way that is in a writable directory
	link(home+"/mine", "shared/way")             // that leads out again
	link("../shared/way/settings.xml", ".m2/settings.xml")
	for set, variable := range map[string]string{"@npm": "", "@pypi": "", "@maven": "", "@go": "GOENV=" + home + "/shared/env", "@cargo": "", "@rubygems": ""} {
		a, err := New(home+"/repo/part", home, []string{"HOME=" + home, variable}, func(string) error { return nil }, home+"/shared")
		if err != nil {
			t.Fatal(err)
		}
		err = a.trusted(set)
		// A variable that leads there is not passed, so that the usual file counts.
		if refused := set == "@npm" || set == "@pypi" || set == "@maven"; (err != nil) != refused {
			t.Errorf("%s: %v", set, err)
		}
		if got := a.Ask([]string{set})[0]; err != nil && (got.Err == nil || len(got.Hosts) > 0) {
			t.Errorf("%s: %v", set, got)
		}
	}
	if _, err := New(home+"/repo/part", home, nil, nil, home); err == nil || !strings.Contains(err.Error(), "your home") {
		t.Errorf("a writable home: %v", err)
	}
	a := &Asker{Home: "/h", Environ: []string{"XDG_CONFIG_HOME=/c"}}
	for file, want := range map[string]string{"~/x": "/h/x", "${GOENV:-${XDG_CONFIG_HOME:-~/.config}/go/env}": "/c/go/env", "${NONE:-~/.config}/x": "/h/.config/x"} {
		if got := a.place(file); got != want {
			t.Errorf("%s: %s, want %s", file, got, want)
		}
	}
}
