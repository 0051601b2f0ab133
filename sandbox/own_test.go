package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOwn: what is sbx's own is read-only by every path that shows it, and what leads to
// it stays.
func TestOwn(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(p string) string { return filepath.Join(dir, p) }
	write(t, at("home/.config/sbx/profiles/a.toml"), "")
	write(t, at("work/x"), "")
	for name, c := range map[string]struct {
		own    string
		mounts [][3]string // source, destination, option
		want   []string    // destinations, those that are read-only with "ro " before
		missed string      // a directory that is planned
	}{
		"elsewhere":    {own: "home/.config/sbx", mounts: [][3]string{{"work", "/tmp/w", "rw"}}},
		"read-only":    {own: "home/.config/sbx", mounts: [][3]string{{"home", "/tmp/h", "ro"}}},
		"above":        {own: "home/.config/sbx", mounts: [][3]string{{"home", "/tmp/h", "rw"}}, want: []string{"/tmp/h/.config", "ro /tmp/h/.config/sbx"}},
		"twice":        {own: "home/.config/sbx", mounts: [][3]string{{"home", "/tmp/h", "rw"}, {"home/.config", "/tmp/c", "rw"}}, want: []string{"/tmp/h/.config", "ro /tmp/c/sbx", "ro /tmp/h/.config/sbx"}},
		"new":          {own: "home/.local/state/sbx", mounts: [][3]string{{"home", "/tmp/h", "rw"}}, want: []string{"/tmp/h/.local", "/tmp/h/.local/state", "ro /tmp/h/.local/state/sbx"}, missed: "home/.local"},
		"covered":      {own: "home/.config/sbx", mounts: [][3]string{{"home", "/tmp/h", "rw"}, {"work", "/tmp/h/.config", "rw"}}},
		"a way within": {own: "home/.config/sbx", mounts: [][3]string{{"home", "/tmp/h", "rw"}, {"home/.config/sbx/profiles", "/tmp/h/.config/sbx/profiles", "ro"}}, want: []string{"/tmp/h/.config", "ro /tmp/h/.config/sbx", "ro /tmp/h/.config/sbx/profiles"}},
	} {
		s := build("true")
		s.Own = []OwnPath{{Path: at(c.own)}}
		for _, m := range c.mounts {
			s.OCI.Mounts = append(s.OCI.Mounts, bind(at(m[0]), m[1], m[2]))
		}
		h, err := Probe(s)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.missed != "" && !slices.Contains(h.ownMissing, at(c.missed)) {
			t.Errorf("%s: to be made is %q", name, h.ownMissing)
		}
		var got []string
		for _, m := range s.ownMounts(h) {
			if !strings.HasPrefix(m.Destination, "/tmp/") || strings.Count(m.Destination, "/") < 3 {
				continue
			}
			if m.Source == at("work") {
				continue
			}
			word := ""
			if slices.Contains(m.Options, "ro") {
				word = "ro "
			}
			got = append(got, word+m.Destination)
		}
		slices.SortFunc(got, func(a, b string) int {
			return strings.Compare(strings.TrimPrefix(a, "ro "), strings.TrimPrefix(b, "ro "))
		})
		want := slices.Clone(c.want)
		slices.SortFunc(want, func(a, b string) int {
			return strings.Compare(strings.TrimPrefix(a, "ro "), strings.TrimPrefix(b, "ro "))
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// TestOwnRefused: what no mount can hold is refused.
func TestOwnRefused(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	at := func(p string) string { return filepath.Join(dir, p) }
	write(t, at("dot/sbx/a.toml"), "")
	write(t, at("home/.config/x"), "")
	if err := os.Symlink("../../dot/sbx", at("home/.config/sbx")); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, change func(*Spec)) {
		s := build("true")
		s.Own = []OwnPath{{Path: at("home/.config/sbx")}}
		change(&s)
		if _, err := Probe(s); err == nil {
			t.Errorf("%s is not refused", what)
		}
	}
	show := func(source string) func(*Spec) {
		return func(s *Spec) { s.OCI.Mounts = append(s.OCI.Mounts, bind(at(source), "/tmp/x", "rw")) }
	}
	refused("the link's directory", show("home"))
	refused("the directory itself", show("dot/sbx"))
	refused("a link to it", show("home/.config/sbx"))
	refused("an upper directory", func(s *Spec) { s.Upper = at("dot") })
	refused("user namespaces", func(s *Spec) { show("dot")(s); s.UserNS = true })
}
