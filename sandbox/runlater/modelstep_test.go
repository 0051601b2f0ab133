package runlater

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// A step is one thing that a program does to the project. It is data, so that it can be
// done in a sandbox.
type step struct {
	Do   string
	P, Q string // below the project
	Text string
	Mode fs.FileMode
}

func (s step) String() string {
	return fmt.Sprintf("%s %s %s %q %o", s.Do, s.P, s.Q, s.Text, s.Mode)
}

// take does it in a project. Most cannot be done, and what is done then is what matters.
func (s step) take(root string) error {
	p, q := filepath.Join(root, s.P), filepath.Join(root, s.Q)
	switch s.Do {
	case "mkdir":
		return os.MkdirAll(p, 0o755)
	case "write":
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return err
		}
		return os.WriteFile(p, []byte(s.Text), 0o755)
	case "rename":
		return os.Rename(p, q)
	case "link":
		return os.Link(p, q)
	case "symlink": // relative
		to, err := filepath.Rel(filepath.Dir(q), p)
		if err != nil {
			return err
		}
		return os.Symlink(to, q)
	case "symlink absolute":
		return os.Symlink(p, q)
	case "utimes":
		old := time.Unix(1e9, 0)
		return os.Chtimes(p, old, old)
	case "chmod":
		return os.Chmod(p, s.Mode)
	case "remove":
		return os.RemoveAll(p)
	case "exchange":
		return unix.Renameat2(unix.AT_FDCWD, p, unix.AT_FDCWD, q, unix.RENAME_EXCHANGE)
	}
	return fmt.Errorf("no step %q", s.Do)
}

// step makes one up.
func (m *model) step() step {
	s := step{P: m.name(), Q: m.name()}
	switch m.rand.IntN(14) {
	case 0, 1:
		s.Do = "mkdir"
	case 2, 3, 4:
		s.Do, s.Text = "write", m.text(s.P)
	case 5, 6, 7:
		s.Do = "rename"
	case 8:
		s.Do = "link"
	case 9:
		s.Do = "symlink"
		if m.rand.IntN(3) == 0 {
			s.Do = "symlink absolute"
		}
	case 10:
		s.Do = "utimes"
	case 11:
		s.Do, s.Mode = "chmod", []fs.FileMode{0o700, 0o755 | fs.ModeSetuid, 0o711}[m.rand.IntN(3)]
	case 12:
		s.Do = "remove"
	case 13:
		s.Do = "exchange"
	}
	return s
}

// text is what a file says: what its tool runs, or what another one runs, since it may be
// renamed. All of it has the word "evil", for the oracle.
func (m *model) text(path string) string {
	name := filepath.Base(path)
	if name == "x" && m.canary != "" {
		of := []string{"config", "mise.toml", "lefthook.yml", ".exrc", "git-rebase-todo"}
		name = of[m.rand.IntN(len(of))]
	}
	switch name {
	case "HEAD":
		return "ref: refs/heads/x\n"
	case ".git":
		return "gitdir: " + []string{"../data", "../sub/.git", "../tools", "../new"}[m.rand.IntN(4)] + "\n"
	case "commondir":
		return []string{"../..", "../data", "."}[m.rand.IntN(3)] + "\n"
	}
	evil := "evil"
	if m.canary != "" {
		evil = "echo " + name + " >>" + m.canary + "; : evil"
	}
	switch name {
	case "config":
		return "[core]\n\tfsmonitor = \"" + evil + "\"\n"
	case "git-rebase-todo":
		return "exec " + evil + "\n"
	case "mise.toml", ".mise.toml", "mise.local.toml":
		return "[env]\nX = \"{{ exec(command='" + evil + "') }}\"\n"
	case "lefthook.yml":
		return "pre-commit:\n  jobs:\n    - run: \"" + evil + "\"\n"
	case ".exrc":
		return "silent !" + evil + "\n"
	}
	return evil
}
