package runlater

import (
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A realTool is a developer's, and what he does with it in a directory.
type realTool struct {
	name string
	// at are names of which one is in the directories in which it is used; the
	// project's top always is one.
	at []string
	// only are directories of the project, where it is not used in any.
	only     []string
	commands [][]string
	env      []string
	ran      atomic.Int64 // without sbx
}

// realNames are where some programs put a file, so that each tool has something to run.
var realNames = []string{".git/hooks/pre-commit", ".git/hooks/post-checkout", ".git/config", ".git/rebase-merge/git-rebase-todo", ".git", ".envrc", "mise.toml", "lefthook.yml", ".exrc"}

// realTools are those of which each must be there.
func realTools(t *testing.T) []*realTool {
	t.Helper()
	all := []*realTool{
		{name: "git", at: []string{".git", "HEAD"}, commands: [][]string{
			{"git", "status"}, {"git", "diff"}, {"git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"},
			{"git", "-c", "user.name=a", "-c", "user.email=a@b", "rebase", "--continue"}, {"git", "checkout", "-q", "-b", "other"},
		}, env: []string{"GIT_EDITOR=true"}},
		{name: "direnv", at: []string{".envrc"}, commands: [][]string{{"direnv", "export", "bash"}}},
		{name: "mise", at: []string{"mise.toml", ".mise.toml", "mise.local.toml"}, commands: [][]string{{"mise", "hook-env", "-s", "bash"}},
			env: []string{"MISE_TRUSTED_CONFIG_PATHS=/", "MISE_OFFLINE=1"}},
		// It is run by hooks, which repositories have that the developer made.
		{name: "lefthook", only: []string{".", "sub", "app"}, commands: [][]string{{"lefthook", "run", "pre-commit", "--force"}}},
		{name: "vim", at: []string{".exrc"}, commands: [][]string{{"vim.tiny", "-T", "dumb", "--not-a-term", "--cmd", "set exrc", "-c", "qa!"}}},
	}
	for _, tool := range all {
		if _, err := exec.LookPath(tool.commands[0][0]); err != nil {
			skip(t, err)
		}
	}
	return all
}

// use runs it where a developer would, and gives how many programs it has run.
func (tool *realTool) use(m *model) (ran int, err error) {
	root, home := filepath.Join(m.dir, "project"), filepath.Join(m.dir, "home")
	if err := os.MkdirAll(filepath.Join(home, ".config/direnv"), 0o755); err != nil {
		return 0, err
	}
	allowed := "[whitelist]\nprefix = [\"" + root + "\"]\n"
	if err := os.WriteFile(filepath.Join(home, ".config/direnv/direnv.toml"), []byte(allowed), 0o644); err != nil {
		return 0, err
	}
	_ = os.Remove(m.canary) // of the tool before
	for _, dir := range tool.directories(root) {
		for _, command := range tool.commands {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			cmd := exec.CommandContext(ctx, command[0], command[1:]...)
			cmd.Dir = dir
			cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8", "GIT_CEILING_DIRECTORIES=" + m.dir, "GIT_CONFIG_NOSYSTEM=1"}, tool.env...)
			_ = cmd.Run() // what is broken is refused
			cancel()
		}
	}
	text, err := os.ReadFile(m.canary)
	if os.IsNotExist(err) {
		return 0, nil
	}
	return strings.Count(string(text), "\n"), err
}

// directories are those in which it is used.
func (tool *realTool) directories(root string) (dirs []string) {
	for _, dir := range tool.only {
		dirs = append(dirs, filepath.Join(root, dir))
	}
	if dirs != nil {
		return dirs
	}
	_ = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil
		}
		for _, name := range tool.at {
			if _, err := os.Lstat(filepath.Join(path, name)); err == nil || path == root {
				dirs = append(dirs, path)
				break
			}
		}
		return nil
	})
	return dirs
}
