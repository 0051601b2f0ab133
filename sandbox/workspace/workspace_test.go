package workspace

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree makes files in a directory, which may be anywhere, and gives its real path. A name
// with a slash at the end is a directory.
func tree(t *testing.T, files ...string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, text, _ := strings.Cut(f, "=")
		at := filepath.Join(dir, name)
		if strings.HasSuffix(name, "/") {
			err = os.MkdirAll(at, 0o755)
		} else if err = os.MkdirAll(filepath.Dir(at), 0o755); err == nil {
			err = os.WriteFile(at, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		dir   string
		top   string
	}{
		{"a repository", []string{"r/.git/HEAD", "r/a/b/"}, "r/a/b", "r"},
		{"its top", []string{"r/.git/HEAD"}, "r", ""},
		{"nothing above", []string{"r/a/"}, "r/a", ""},
		{"a worktree", []string{"r/.git=gitdir: /x/.git/worktrees/r", "r/a/"}, "r/a", "r"},
		{"a submodule", []string{"r/.git/HEAD", "r/sub/.git=gitdir: ../.git/modules/sub", "r/sub/a/"}, "r/sub/a", "r/sub"},
		{"the top of a submodule", []string{"r/.git/HEAD", "r/sub/.git=gitdir: ../.git/modules/sub"}, "r/sub", ""},
		{"a .git file that leads elsewhere", []string{"r/.git/HEAD", "r/sub/.git=gitdir: ../../other/.git", "other/.git/HEAD"}, "r/sub", ""},
		{"no repository", []string{"r/.git/", "r/a/"}, "r/a", ""},
		{"the git directory", []string{"r/.git/HEAD", "r/.git/hooks/"}, "r/.git/hooks", "r"},
		{"Mercurial and Jujutsu", []string{"r/.hg/", "r/a/"}, "r/a", "r"},
		{"a workspace above a repository", []string{"w/go.work", "w/r/.git/HEAD", "w/r/a/"}, "w/r/a", "w/r"},
		{"go.work", []string{"w/go.work", "w/a/go.mod"}, "w/a", "w"},
		{"a go.work of its own", []string{"w/go.work", "w/a/go.work"}, "w/a", ""},
		{"a module", []string{"w/go.mod", "w/a/b/"}, "w/a/b", "w"},
		{"a module of its own", []string{"w/go.mod", "w/a/go.mod"}, "w/a", ""},
		{"a module in a workspace", []string{"w/go.work", "w/m/go.mod", "w/m/a/"}, "w/m/a", "w"},
		{"npm", []string{`w/package.json={"workspaces": ["packages/*"]}`, "w/packages/a/src/"}, "w/packages/a/src", "w"},
		{"yarn", []string{`w/package.json={"workspaces": {"packages": ["./apps/**"]}}`, "w/apps/x/a/"}, "w/apps/x/a", "w"},
		{"no workspace of npm", []string{`w/package.json={"workspaces": ["packages/*", "!packages/b"]}`, "w/packages/b/"}, "w/packages/b", ""},
		{"a package.json that happens to be there", []string{`w/package.json={}`, "w/a/package.json"}, "w/a", ""},
		{"all above", []string{`w/package.json={"workspaces": ["..", "/", "."]}`, "w/a/"}, "w/a", ""},
		{"pnpm", []string{"w/pnpm-workspace.yaml=packages:\n  - 'apps/*'\n  - \"!apps/x\"\n", "w/apps/a/"}, "w/apps/a", "w"},
		{"not of pnpm", []string{"w/pnpm-workspace.yaml=packages:\n  - 'apps/*'\nother:\n  - x\n", "w/x/"}, "w/x", ""},
		{"Cargo", []string{"w/Cargo.toml=[workspace]\nmembers = []\n", "w/a/Cargo.toml=[package]"}, "w/a", "w"},
		{"a crate", []string{"w/Cargo.toml=[package]", "w/src/"}, "w/src", "w"},
		{"a crate beside", []string{"w/Cargo.toml=[package]", "w/a/Cargo.toml=[package]"}, "w/a", ""},
		{"uv", []string{"w/pyproject.toml=[tool.uv.workspace]\n", "w/a/"}, "w/a", "w"},
		{"Maven", []string{"w/pom.xml=<modules>\n<module> a </module><module>b/pom.xml</module></modules>", "w/b/src/"}, "w/b/src", "w"},
		{"not of Maven", []string{"w/pom.xml=<modules><module>a</module></modules>", "w/ab/"}, "w/ab", ""},
		{"Gradle", []string{"w/settings.gradle.kts", "w/app/build.gradle.kts"}, "w/app", "w"},
		{"what a directory says of those above", []string{"w/common.mk", `w/a/package.json={"workspaces": ["../*"]}`, "w/a/tsconfig.json={\"extends\": \"../../x\"}"}, "w/a", ""},
	} {
		dir := tree(t, c.files...)
		want := ""
		if c.top != "" {
			want = filepath.Join(dir, c.top)
		}
		if got := Find(filepath.Join(dir, c.dir), dir); got.Path != want {
			t.Errorf("%s: %+v, want %q", c.name, got, want)
		}
	}
}

// TestEnds has repositories where none may be the project.
func TestEnds(t *testing.T) {
	dir := tree(t, "home/.git/HEAD", "home/a/b/", "home/open/.git/HEAD", "home/open/a/")
	at := func(name string) string { return filepath.Join(dir, name) }
	if got := Find(at("home/a/b"), dir); got.Path != at("home") {
		t.Fatalf("the repository is not found: %+v", got)
	}
	for _, end := range []string{"home", "home/.config", "home/a/b"} {
		if got := Find(at("home/a/b"), at(end)); got.Path != "" {
			t.Errorf("with the end %s the top is %s", end, got.Path)
		}
	}
	if err := os.Chmod(at("home/open"), 0o777); err != nil {
		t.Fatal(err)
	}
	if got := Find(at("home/open/a"), dir); got.Path != "" {
		t.Errorf("a directory that anybody may write is the top: %+v", got)
	}
}
