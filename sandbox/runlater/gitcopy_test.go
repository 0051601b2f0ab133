package runlater

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A copying is a project with a configuration, and the directory with the command's copy.
type copying struct {
	t                    *testing.T
	g                    Guard
	dir, config, private string
	copies               int
}

func copied(t *testing.T) *copying {
	t.Helper()
	dir, config := configured(t)
	must(t, os.Chmod(config, 0o640))
	c := &copying{t: t, g: find(t, dir), dir: dir, config: config, private: t.TempDir()}
	if n, config := c.g.Config(c.config); n != 0 || string(config.Text) != oldConfig || config.Mode != 0o640 {
		t.Fatalf("copy %d, %+v", n, config)
	}
	put(t, filepath.Join(c.private, "0/config"), oldConfig)
	fd, err := openRoot(c.private)
	must(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	c.copies = fd
	return c
}

func (c *copying) inside(text string) { put(c.t, filepath.Join(c.private, "0/config"), text) }

func (c *copying) adopt(wantErr string, left ...string) {
	c.t.Helper()
	got, err := c.g.Adopt(c.copies, 0)
	slices.Sort(got)
	if !slices.Equal(got, left) || (err == nil) != (wantErr == "") || err != nil && !strings.Contains(err.Error(), wantErr) {
		c.t.Errorf("left %q, %v", got, err)
	}
	if r := check(c.t, c.g); len(r.Findings) > 0 {
		c.t.Errorf("found %+v", r.Findings)
	}
}

func (c *copying) is(want string) {
	c.t.Helper()
	text, err := os.ReadFile(c.config)
	if err != nil || string(text) != want {
		c.t.Errorf("%v: %q, want %q", err, text, want)
	}
	info, err := os.Lstat(c.config)
	if err != nil || info.Mode() != 0o640 {
		c.t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAdopt(t *testing.T) {
	const user = "[user]\n\tname = x\n"
	t.Run("unchanged", func(t *testing.T) {
		c := copied(t)
		c.adopt("")
		c.is(oldConfig)
	})
	t.Run("harmless", func(t *testing.T) {
		c := copied(t)
		c.inside(user + "# as written\n" + oldConfig)
		c.adopt("")
		c.is(user + "# as written\n" + oldConfig)
	})
	t.Run("not plain", func(t *testing.T) {
		c := copied(t)
		c.inside("# \\\n" + oldConfig + user)
		c.adopt("")
		c.is(oldConfig + user)
	})
	t.Run("reordered", func(t *testing.T) {
		c := copied(t)
		c.inside("[core]\n\tpager = mine\n[remote \"o\"]\n\turl = u\n[core]\n\tbare = false\n" + user)
		c.adopt("")
		c.is(oldConfig + user)
	})
	t.Run("some", func(t *testing.T) {
		c := copied(t)
		c.inside(badConfig + user)
		c.adopt("", "alias.x", "core.fsmonitor")
		c.is(oldConfig + user)
	})
	t.Run("meanwhile", func(t *testing.T) {
		c := copied(t)
		put(t, c.config, oldConfig+"[gc]\n\tauto = 1\n[user]\n\temail = mine\n")
		c.inside(oldConfig + user + "\temail = theirs\n")
		c.adopt("", "user.email")
		c.is(oldConfig + "[gc]\n\tauto = 1\n[user]\n\temail = mine\n\tname = x\n")
	})
	t.Run("locked", func(t *testing.T) {
		c := copied(t)
		put(t, c.config+".lock", "")
		c.inside(oldConfig + user)
		c.adopt("exists")
		c.is(oldConfig)
		if _, err := os.Lstat(c.config + ".lock"); err != nil {
			t.Error(err)
		}
	})
	t.Run("linked outside", func(t *testing.T) {
		c := copied(t)
		secret := filepath.Join(t.TempDir(), "secret")
		put(t, secret, oldConfig)
		must(t, os.Remove(c.config))
		link(t, secret, c.config)
		c.inside(oldConfig + user)
		if left, err := c.g.Adopt(c.copies, 0); err == nil || left != nil {
			t.Errorf("%v, %v", left, err)
		}
		if text, _ := os.ReadFile(secret); string(text) != oldConfig {
			t.Errorf("%q", text)
		}
	})
}

// TestAdoptHostile: a copy is the command's to replace by anything.
func TestAdoptHostile(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, copy string){
		"no configuration": func(t *testing.T, copy string) { put(t, copy, "[core\n") },
		"nothing":          func(t *testing.T, copy string) { must(t, os.Remove(copy)) },
		"fifo":             func(t *testing.T, copy string) { must(t, os.Remove(copy)); must(t, unix.Mkfifo(copy, 0o600)) },
		"directory":        func(t *testing.T, copy string) { must(t, os.Remove(copy)); must(t, os.Mkdir(copy, 0o700)) },
		"huge":             func(t *testing.T, copy string) { must(t, os.Truncate(copy, 1<<40)) },
		"link":             func(t *testing.T, copy string) { must(t, os.Remove(copy)); link(t, "/etc/passwd", copy) },
		"link above": func(t *testing.T, copy string) {
			other := t.TempDir()
			put(t, other+"/config", "[user]\n\tname = x\n")
			must(t, os.RemoveAll(filepath.Dir(copy)))
			link(t, other, filepath.Dir(copy))
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := copied(t)
			change(t, filepath.Join(c.private, "0/config"))
			c.adopt("not a git configuration")
			c.is(oldConfig)
		})
	}
}

// TestAdoptMany: a copy with as many settings as fit is dealt with at once.
func TestAdoptMany(t *testing.T) {
	for _, line := range []string{"merge=x\n", "remote=.\n", "pushremote=https://x\n"} {
		c := copied(t)
		c.inside(oldConfig + "[branch \"b\"]\n" + strings.Repeat(line, (configLimit-1000)/len(line)))
		began := time.Now()
		left, err := c.g.Adopt(c.copies, 0)
		if took := time.Since(began); err != nil || took > 20*time.Second {
			t.Errorf("%q: %v, %v", line, took, err)
		}
		if bad := strings.HasPrefix(line, "push"); bad != (len(left) > 0) {
			t.Errorf("%q: left %d", line, len(left))
		}
	}
	c := copied(t)
	text := strings.Builder{}
	for text.Len() < configLimit-1000 {
		fmt.Fprintf(&text, "[branch \"%d\"]\nmerge=x\nx=y\n", text.Len())
	}
	c.inside(oldConfig + text.String())
	began := time.Now()
	if left, err := c.g.Adopt(c.copies, 0); err != nil || len(left) == 0 || time.Since(began) > 20*time.Second {
		t.Errorf("%d, %v, %v", len(left), err, time.Since(began))
	}
}

func TestRefresh(t *testing.T) {
	c := copied(t)
	c.inside(oldConfig + "[user]\n\tname = theirs\n\temail = theirs\n[alias]\n\tx = !y\n")
	put(t, c.config, oldConfig+"[user]\n\tname = mine\n[core]\n\teditor = mine\n")
	must(t, c.g.Refresh(c.copies, 0))
	text, err := os.ReadFile(filepath.Join(c.private, "0/config"))
	want := "[core]\n\tbare = false\n\tpager = mine\n\teditor = mine\n[remote \"o\"]\n\turl = u\n[user]\n\temail = theirs\n\tname = mine\n[alias]\n\tx = !y\n"
	if err != nil || string(text) != want {
		t.Errorf("%v: %q", err, text)
	}
	c.g.Renew(c.config, Hosts)
	c.adopt("", "alias.x")
	c.is(oldConfig + "[user]\n\tname = mine\n\temail = theirs\n[core]\n\teditor = mine\n")

	put(t, c.config, oldConfig)
	put(t, filepath.Join(c.private, "0/config.lock"), "")
	began := time.Now()
	if err := c.g.Refresh(c.copies, 0); err != unix.EEXIST || time.Since(began) > 10*time.Second {
		t.Errorf("locked: %v", err)
	}
}

// TestCopies: which configurations the command gets a copy of.
func TestCopies(t *testing.T) {
	dir, config := configured(t)
	for _, name := range []string{".git/worktrees/w", ".git/modules/m"} {
		put(t, filepath.Join(dir, name, "HEAD"), "x\n")
		put(t, filepath.Join(dir, name, "config"), oldConfig)
		put(t, filepath.Join(dir, name, "config.worktree"), "[user]\n")
	}
	put(t, filepath.Join(dir, "included"), "[user]\n")
	put(t, config, oldConfig+"[include]\n\tpath = ../included\n")
	g := find(t, dir)
	var got []string
	for i, c := range g.Configs {
		rel, err := filepath.Rel(dir, c.Path)
		must(t, err)
		got = append(got, rel)
		if n, found := g.Config(c.Path); n != i || found == nil {
			t.Errorf("%s: %d", rel, n)
		}
	}
	want(t, got, ".git/config", ".git/modules/m/config", ".git/modules/m/config.worktree", ".git/worktrees/w/config", ".git/worktrees/w/config.worktree")
	if n, _ := g.Config(filepath.Join(dir, "included")); n >= 0 {
		t.Error("what is included is copied")
	}

	must(t, os.Link(config, filepath.Join(dir, "second")))
	must(t, os.Rename(filepath.Join(dir, ".git/modules/m/config"), filepath.Join(dir, "target")))
	link(t, "../../../target", filepath.Join(dir, ".git/modules/m/config"))
	put(t, filepath.Join(dir, ".git/worktrees/w/config"), "[core")
	put(t, filepath.Join(dir, ".git/worktrees/w/config.worktree"), "# "+strings.Repeat("x", copiesLimit))
	g = find(t, dir)
	if len(g.Configs) != 1 || g.Configs[0].Path != filepath.Join(dir, ".git/modules/m/config.worktree") {
		t.Errorf("%+v", g.Configs)
	}
}
