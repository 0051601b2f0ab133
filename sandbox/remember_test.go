package sandbox

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/sbxrun/sbx/sandbox/dotenv"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// TestRemember: what is kept of the secrets that a run has left.
func TestRemember(t *testing.T) {
	project := t.TempDir()
	for _, name := range []string{"a/b/.env", "near/.env", "made/x/.env", "changed/x/.env", "other/x/.env", "again/x/.env", "its/x/.env", "link/.env", "written/x/.env", "perhaps/x/.env"} {
		write(t, filepath.Join(project, name), "TOKEN=x")
	}
	write(t, filepath.Join(project, "certs/x/ca.pem"), "-----BEGIN CERTIFICATE-----")
	r := remembering{project: project, hidden: []string{"near/.env"}, commands: func(name string) bool { return name == "its/x/.env" || name == "link/.env" }, by: map[string]dotenv.Known{}}
	r.keep([]dotenv.Known{
		{Path: "gone/.env"}, {Path: "again/x/.env"},
		{Path: "made/x/.env", Inode: 1, Changed: 5, Shown: true}, {Path: "changed/x/.env", Inode: 2, Changed: 5, Shown: true}, {Path: "other/x/.env", Inode: 3, Changed: 5, Shown: true},
		{Path: "written/x/.env", Inode: 4, Changed: 5, Shown: true},
	})
	r.add([]runlater.Secret{
		{Path: "a/b/.env", Inode: 10, Changed: 1}, {Path: "a/b/.env", Inode: 10, Changed: 1}, // found twice
		{Path: "near/.env", Inode: 11, Changed: 9, Made: true, Touched: true}, // hidden it was another's
		{Path: "made/x/.env", Inode: 1, Changed: 5},                           // by an earlier run, and as it was
		{Path: "changed/x/.env", Inode: 2, Changed: 6},                        // written between the runs
		{Path: "other/x/.env", Inode: 4, Changed: 5},                          // another file
		{Path: "again/x/.env", Inode: 12, Changed: 9, Made: true, Touched: true},
		{Path: "its/x/.env", Inode: 13, Changed: 9, Made: true, Touched: true},
		{Path: "link/.env", Inode: 16, Changed: 9, Made: true, Touched: true, Alias: true}, // leads who knows where later
		{Path: "written/x/.env", Inode: 4, Changed: 9, Touched: true},                      // in a long run, perhaps outside
		{Path: "perhaps/x/.env", Inode: 17, Changed: 9, Made: true, Touched: true},         // likewise
		{Path: "certs/x/ca.pem", Inode: 14, Changed: 1}, {Path: "gone/x/.env", Inode: 15, Changed: 1},
	})
	var secrets, made []string
	for _, k := range r.secrets {
		secrets = append(secrets, k.Path)
	}
	for _, k := range r.made {
		made = append(made, k.Path)
	}
	if want := []string{"again/x/.env", "near/.env", "a/b/.env", "changed/x/.env", "other/x/.env", "written/x/.env", "link/.env", "perhaps/x/.env"}; !slices.Equal(secrets, want) {
		t.Errorf("secrets %q, want %q", secrets, want)
	}
	if want := []string{"made/x/.env", "its/x/.env"}; !slices.Equal(made, want) {
		t.Errorf("made %q, want %q", made, want)
	}
	if want := []string{"a/b/.env", "changed/x/.env", "other/x/.env", "written/x/.env", "link/.env", "perhaps/x/.env"}; !slices.Equal(r.new, want) || r.left != 0 {
		t.Errorf("new %q, want %q; %d left", r.new, want, r.left)
	}
}

func TestTogether(t *testing.T) {
	got := together([]string{".env", "a/.env", "a/.env.local", "a/key.pem", "b/.envrc", ".aws/credentials", "a/.env.test"})
	if want := []string{".env", "a/.env*", "a/key.pem", "b/.envrc", ".aws/credentials"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestRememberBounded: what was known stays, and what was hidden comes before the rest.
func TestRememberBounded(t *testing.T) {
	project := t.TempDir()
	var seen []runlater.Secret
	for i := range rememberLimit + 10 {
		name := fmt.Sprintf("d%03d/e/.env", i)
		write(t, filepath.Join(project, name), "TOKEN=x")
		seen = append(seen, runlater.Secret{Path: name, Inode: uint64(i)})
	}
	for i := range madeLimit + 10 {
		seen = append(seen, runlater.Secret{Path: fmt.Sprintf("m%d/.env", i), Made: true})
	}
	last := len(seen) - madeLimit - 11
	known, hidden := seen[last].Path, seen[last-1].Path
	r := remembering{project: project, hidden: []string{hidden}, commands: func(name string) bool { return name[0] == 'm' }, by: map[string]dotenv.Known{}}
	r.keep([]dotenv.Known{{Path: known}})
	r.add(seen)
	if len(r.secrets) != rememberLimit || r.secrets[0].Path != known || r.secrets[1].Path != hidden || r.left != 10 || len(r.made) != madeLimit {
		t.Errorf("%d secrets: %v; %d left, %d made", len(r.secrets), r.secrets, r.left, len(r.made))
	}
}
