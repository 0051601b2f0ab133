package runlater

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLeadsOfHome has the home's names lead into a project of dotfiles.
func TestLeadsOfHome(t *testing.T) {
	everyClock(t, func(t *testing.T, guard func(string, []string, ...string) Guard) {
		dir, home := tempDir(t), tempDir(t)
		t.Setenv("HOME", home)
		for _, n := range []string{"zsh/zlogin", "zsh/other", "fish/config.fish", "fish/README", "conf/nvim/init.lua", "conf/unrelated/x", "bin/tool", "asdf", "gitconfig", "vim/vimrc"} {
			write(t, dir, n, "1.2\n")
		}
		write(t, dir, "gitconfig", "[user]\n\tname = a\n")
		for at, to := range map[string]string{".zlogin": "zsh/zlogin", ".config/fish": "fish", ".config/nvim/init.lua": "conf/nvim/init.lua", ".local/bin/tool": "bin/tool", ".tool-versions": "asdf", ".gitconfig": "gitconfig", ".vimrc": "vim/vimrc", ".zprofile": "zsh/new"} {
			must(t, os.MkdirAll(filepath.Dir(home+"/"+at), 0o755))
			link(t, dir+"/"+to, home+"/"+at)
		}
		g := guard(dir, environ("PATH", "/usr/bin"))
		want(t, found(check(t, g)))
		for _, n := range []string{"zsh/zlogin", "zsh/new", "zsh/other", "fish/config.fish", "fish/README", "conf/nvim/init.lua", "conf/unrelated/x", "bin/tool"} {
			write(t, dir, n, "evil")
		}
		write(t, dir, "asdf", "python 3.12\n")
		write(t, dir, "gitconfig", "[user]\n\tname = b\n")
		want(t, found(check(t, g)), "conf/nvim/init.lua", "fish/config.fish", "zsh/new", "zsh/zlogin")
		write(t, dir, "asdf", "python path:/evil\n")
		write(t, dir, "gitconfig", "[core]\n\tfsmonitor = evil\n")
		want(t, found(check(t, g)), "asdf", "conf/nvim/init.lua", "fish/config.fish", "gitconfig", "zsh/new", "zsh/zlogin")
	})
}

// TestLinksOfHome has links that no list has: what they lead to is named and stays.
func TestLinksOfHome(t *testing.T) {
	everyClock(t, func(t *testing.T, guard func(string, []string, ...string) Guard) {
		dir, home := tempDir(t), tempDir(t)
		t.Setenv("HOME", home)
		for _, n := range []string{"lesskey", "gdb/gdbinit", "newtoolrc", "newtool/a/rc", "conf.toml", "cache/x", "plain", "version"} {
			write(t, dir, n, "1\n")
		}
		for at, to := range map[string]string{".lesskey": "lesskey", ".config/gdb": "gdb", ".newtoolrc": "newtoolrc", ".newtool": "newtool", ".config/new.toml": "conf.toml", ".cache": "cache", "plain": "plain",
			".later": "made", ".work": "", ".nvmrc": "version"} {
			must(t, os.MkdirAll(filepath.Dir(home+"/"+at), 0o755))
			link(t, dir+"/"+to, home+"/"+at)
		}
		g := guard(dir, environ("PATH", "/usr/bin"))
		r := check(t, g)
		want(t, found(r))
		want(t, unknown(r))
		for _, n := range []string{"lesskey", "gdb/gdbinit", "newtoolrc", "newtool/a/rc", "conf.toml", "cache/x", "plain", "made"} {
			write(t, dir, n, "evil")
		}
		write(t, dir, "version", "22\n")
		r = check(t, g)
		want(t, found(r), "gdb/gdbinit", "lesskey")
		want(t, unknown(r), "conf.toml", "made", "newtool/a/rc", "newtoolrc")
	})
}

// TestConfigOfHome has all of ~/.config be in the project.
func TestConfigOfHome(t *testing.T) {
	dir, home := tempDir(t), tempDir(t)
	t.Setenv("HOME", home)
	write(t, dir, "config/newtool/rc", "mine")
	link(t, dir+"/config", home+"/.config")
	g := find(t, dir)
	want(t, unknown(check(t, g)))
	write(t, dir, "config/newtool/rc", "evil")
	write(t, dir, "other", "evil")
	want(t, unknown(check(t, g)), "config/newtool/rc")
}
