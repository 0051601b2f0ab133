package runlater

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// The table that is linked in, and the one in the docs, say what names.toml says.
func TestTableIsCurrent(t *testing.T) {
	if out, err := exec.Command("go", "run", "generate.go", "-check").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// runsLater are other names of what has been guarded by one name, and their like.
var runsLater = []string{
	"lefthook-local.json", "lefthook-local.toml", "lefthook.yaml", "lefthook.jsonc", ".lefthook-local.yml", ".lefthook/pre-commit/x", ".lefthook-local/pre-commit/x",
	".config/lefthook.yml", ".config/lefthook-local.yaml", ".pre-commit-config.yml", "prek.toml", "hk.pkl", ".config/hk.local.pkl", ".local-overcommit.yml", ".git-hooks/pre_commit/x",
	"captainhook.json", "grumphp.yml.dist", ".huskyrc.json", ".lintstagedrc.mjs", "commitlint.config.js",
	"mise/config.toml", "mise/config.local.toml", ".config/mise/config.toml", ".config/mise/conf.d/x.toml", ".config/mise.toml", ".config/mise.prod.local.toml", ".mise.prod.toml",
	"mise.prod.toml", ".rtx.toml", ".rtx.local.toml", "sub/mise.x.toml", "sub/.config/mise/config.toml", "sub/mise/config.toml", ".miserc.toml", ".shadowenv.d/x.lisp", ".autoenv_leave.zsh", ".envrc.local", ".rvmrc",
	".helix/config.toml", ".vim/coc-settings.json", ".lazy.lua", "hie.yaml", ".factorypath", ".project", "x.code-workspace", ".run/x.run.xml", ".kateproject", ".lite_project.lua", ".clangd", "x.sublime-project",
	".Rprofile", ".RData", ".irbrc", ".pryrc", ".ghci", ".iex.exs", ".ocamlinit", ".octaverc", ".pdbrc", ".perldb", ".psysh.php", ".radare2rc", ".erlang", "sub/.ghci", "bunfig.toml", "jupyter_server_config.py", "jupyter_config.json", ".direnv/flake-profile-1.rc", ".repo/repo/main.py", "rust-analyzer.toml", ".ctags.d/x.ctags", ".arcconfig",
	".sl/config", "_darcs/prefs/defaults", ".pijul/config", ".jj/repo/config.toml", "sub/.jj/repo/config.toml",
	"opencode.jsonc", "crush.json", "AGENTS.override.md", "QWEN.md", ".agents/x", ".agent/x", ".factory/settings.json", ".kilocode/mcp.json", ".github/copilot-instructions.md",
	".github/hooks/x.json", ".github/agents/x.md", ".amp/settings.json", ".pi/extensions/x.ts", ".copilot/mcp-config.json", ".rules", ".openhands/setup.sh", ".claude-plugin/plugin.json",
	"mise/tasks/x", ".vfox/sdks/x", "sub/prek.toml", ".ropeproject/config.py", ".crushrc", "sub/crushrc", ".github/mcp.json", ".github/extensions/x/extension.mjs", ".kilo/kilo.jsonc", "$irbrc", ".clinerules-x",
	".GitHub/Hooks/x.json", "LeftHook.YML", ".config/MISE/config.toml", "lefthook\u00ad.yml",
}

// TestNames has a run make each, alone, and finds it.
func TestNames(t *testing.T) {
	dir := tempDir(t)
	g := find(t, dir)
	for _, n := range runsLater {
		write(t, dir, n, "x")
		got := found(check(t, g))
		if len(got) != 1 || got[0] != n && !strings.HasPrefix(n, got[0]+"/") {
			t.Errorf("%s: found %q", n, got)
		}
		first, _, _ := strings.Cut(n, "/")
		must(t, os.RemoveAll(filepath.Join(dir, first)))
	}
}

// TestNamesAtTop has them there before: they are read-only, and a change is found.
func TestNamesAtTop(t *testing.T) {
	for _, n := range runsLater {
		if strings.HasPrefix(n, "sub/") {
			continue
		}
		dir := tempDir(t)
		write(t, dir, n, "x")
		g, err := findIn(dir)
		must(t, err)
		if !slices.ContainsFunc(g.Binds, func(b Bind) bool { return b.ReadOnly && strings.HasPrefix(filepath.Join(dir, n)+"/", b.Path+"/") }) {
			t.Errorf("%s is writable: %q", n, binds(g.Binds, dir))
		}
	}
}

func TestNamesThatAreData(t *testing.T) {
	dir := tempDir(t)
	repository(t, filepath.Join(dir, "old"))
	write(t, dir, "linux/.config", "CONFIG_X=y")
	g := find(t, dir)
	for _, n := range []string{
		"mise/main.go", "sub/AGENTS.md", "node_modules/x/.github/copilot-instructions.md", "node_modules/x/.project", ".github/workflows/ci.yml", ".config/nextest.toml", "sub/lefthook.yml",
		"prefs/defaults", "config.toml", "repo/config.toml", "lefthook.txt", "mise.lock", ".jj/repo/store/x", ".sl/store/x", "rust/lefthook", "code-workspace", "startup.mat", "x/hooks/y", ".tool-versions", "bin/x", ".local/bin/x",
		".config/fish/config.fish",
	} {
		write(t, dir, n, "x")
	}
	write(t, dir, "linux/.config", "CONFIG_X=m")
	want(t, found(check(t, g)))
	write(t, dir, "old/.github/hooks/x.json", "x")
	want(t, found(check(t, g)), "old/.github/hooks")
}

// TestHome has a home that the run may write.
func TestHome(t *testing.T) {
	dir, home := tempDir(t), tempDir(t)
	t.Setenv("HOME", home)
	write(t, home, ".local/bin/mine", "")
	write(t, home, ".config/x/y", "")
	g := find(t, dir)
	for _, n := range []string{".local/bin/ls", ".config/autostart/x.desktop", ".config/fish/conf.d/x.fish", ".cargo/env", "sub/.local/bin/x", ".zshenv"} {
		write(t, home, n, "")
	}
	want(t, found(check(t, g, home)), ".cargo/env", ".config/autostart/x.desktop", ".config/fish/conf.d/x.fish", ".local/bin/ls", ".zshenv")
	want(t, found(check(t, g, filepath.Join(home, ".config"))), "autostart/x.desktop", "fish/conf.d/x.fish")
}

// TestHomeStartup has each alone in a home that the run may write.
func TestHomeStartup(t *testing.T) {
	dir := tempDir(t)
	for _, n := range []string{
		".local/lib/python3.11/site-packages/usercustomize.py", ".local/lib/python3.13/site-packages/sitecustomize.py", ".local/lib/python3.12/site-packages/x.pth",
		".config/xonsh/rc.xsh", ".config/elvish/rc.elv", ".config/powershell/profile.ps1", ".config/nushell/config.nu", ".config/zsh/.zshrc", ".config/fish/config.fish",
		".config/plasma-workspace/env/x.sh", ".config/i3/config", ".config/sway/config", ".config/hypr/hyprland.conf", ".local/share/bash-completion/completions/ls",
		".local/share/mise/shims/ls", ".local/share/applications/x.desktop", ".local/share/dbus-1/services/x.service", ".config/systemd/user/x.service", ".config/environment.d/x.conf",
		".config/autostart/x.desktop", ".nvm/nvm.sh", ".xonshrc", ".bash_completion",
		".direnvrc", ".asdfrc", ".gradle/init.d/x.gradle", ".config/husky/init.sh", ".config/hk/config.pkl", ".julia/config/startup.jl", ".ipython/profile_default/startup/x.py", ".sbt/1.0/plugins/x.sbt",
		".config/jj/config.toml", ".config/vim/vimrc", "Documents/Cline/Hooks/PreToolUse",
	} {
		home := tempDir(t)
		t.Setenv("HOME", home)
		g := find(t, dir)
		write(t, home, n, "")
		if got := found(check(t, g, home)); len(got) != 1 || got[0] != n {
			t.Errorf("%s: found %q", n, got)
		}
	}
}

// TestNamesByLink has the directory be a link, or come with its files.
func TestNamesByLink(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "dots/mise/config.toml", "mine")
	write(t, dir, "more/hooks/x.json", "theirs")
	write(t, dir, "kept/mise/config.toml", "theirs")
	link(t, "dots", filepath.Join(dir, ".config"))
	g := find(t, dir)
	want(t, binds(g.Binds, dir), "ro dots")
	must(t, os.Rename(filepath.Join(dir, "more"), filepath.Join(dir, ".github")))
	must(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	link(t, "../kept", filepath.Join(dir, "sub/.config"))
	want(t, found(check(t, g)), ".github/hooks", "sub/.config")
}

func TestVersions(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, "mine/.tool-versions", "node path:./mine\n")
	g := find(t, dir)
	for n, text := range map[string]string{
		".tool-versions": "# see https://example.org\nnode 22.1.0 system\npython prefix:3.12 ref:master\n", ".nvmrc": "lts/*", ".node-version": "lts/hydrogen", ".python-version": "3.12 3.11\n>=3.10,<4\n",
		".ruby-version": "ruby-3.3.0@gems", ".sdkmanrc": "java=17.0.1-tem\n", ".terraform-version": "latest:^1.2", "rust-toolchain.toml": "[toolchain]\nchannel = \"1.80\"\ncomponents = [\"clippy\"]\n",
	} {
		write(t, dir, n, text)
	}
	must(t, os.Mkdir(filepath.Join(dir, "rust-toolchain"), 0o755))
	want(t, found(check(t, g)))
	for i, text := range []string{
		"node path:./evil", "node path:evil", "a 1\nnode PATH:x", "/evil", "..\\evil", "x 1 {{exec(command='evil')}}", "{% set x = 1 %}", "https://x", "[toolchain]\npath = \"evil\"", "x 1 # y\n3.12 ./evil",
		strings.Repeat("x 1\n", 20000), "lts/../evil",
	} {
		sub := "sub" + string(rune('a'+i))
		write(t, dir, sub+"/.Tool-Versions", text)
		want(t, found(check(t, g)), sub+"/.Tool-Versions")
		must(t, os.RemoveAll(filepath.Join(dir, sub)))
	}
	link(t, "mine/.tool-versions", filepath.Join(dir, ".go-version"))
	want(t, found(check(t, g)), ".go-version")
}

// TestVersionsBefore has a line of the developer's that leads to a program.
func TestVersionsBefore(t *testing.T) {
	dir := tempDir(t)
	write(t, dir, ".tool-versions", "node path:./mine\n")
	write(t, dir, ".nvmrc", "22\n")
	g, err := findIn(dir)
	must(t, err)
	want(t, binds(g.Binds, dir), "ro .tool-versions")
}

func unknown(r Report) (names []string) {
	for _, f := range r.Unknown {
		names = append(names, f.Path)
	}
	return names
}

func TestStrange(t *testing.T) {
	dir, other := tempDir(t), tempDir(t)
	write(t, dir, ".mine", "")
	write(t, dir, "template/x", "")
	write(t, dir, "moved", "")
	g := find(t, dir)
	for _, n := range []string{".foo", ".next/x", ".venv/x", ".env.local", ".gitignore", ".DS_Store", ".npmrc", ".Yarnrc.yml", "plain", "sub/.foo", ".coverage.host.1", ".x.swp", ".odd\n\xff"} {
		write(t, dir, n, "")
	}
	write(t, dir, ".mine", "changed")
	must(t, os.Rename(filepath.Join(dir, "template"), filepath.Join(dir, ".tool")))
	must(t, os.Rename(filepath.Join(dir, "moved"), filepath.Join(dir, ".toolrc")))
	r := check(t, g, other)
	want(t, found(r))
	want(t, unknown(r), ".Yarnrc.yml", ".foo", ".npmrc", ".odd\n\xff", ".tool", ".toolrc")
	write(t, other, ".bar", "")
	if r := check(t, g, other); !slices.Contains(unknown(r), ".bar") && statTells(t, other) {
		t.Errorf("unknown: %q", unknown(r))
	}
	if dir, err := check(t, g, other).Quarantine(tempDir(t)); dir != "" || err != nil {
		t.Error("moved:", dir, err)
	}

	write(t, other, ".old", "")
	afterTick()
	elsewhere := Elsewhere(GitConfig{}, mounttable.Read) // there is no project
	write(t, other, ".new", "")
	if r := check(t, elsewhere, other); !slices.Equal(unknown(r), []string{".new"}) && statTells(t, other) {
		t.Errorf("without a project: %q", unknown(r))
	}
}

// statTells whether a file system keeps when files were made.
func statTells(t *testing.T, dir string) bool {
	var st unix.Statx_t
	must(t, unix.Statx(unix.AT_FDCWD, dir, 0, statMask, &st))
	return st.Mask&unix.STATX_BTIME != 0
}

// FuzzLookup has any name decided without a panic, and alike however it is written.
func FuzzLookup(f *testing.F) {
	for _, n := range runsLater {
		f.Add(n)
	}
	f.Fuzz(func(t *testing.T, n string) {
		if n == "" || len(n) > nameMax || strings.ContainsAny(n, "/\x00") {
			return
		}
		if top, below := lookup([]byte(n), true), lookup([]byte(n), false); below != nil && top != below {
			t.Errorf("%q: %v at a top, %v below", n, top, below)
		}
		if upper := strings.ToUpper(n); len(upper) == len(n) && (lookup([]byte(n), true) == nil) != (lookup([]byte(upper), true) == nil) && isASCII(n) {
			t.Errorf("%q is decided otherwise than %q", upper, n)
		}
	})
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// BenchmarkLookup is what a file costs that is none of these.
func BenchmarkLookup(b *testing.B) {
	for _, n := range []string{"file12.js", "__init__.py", "README.md", ".package-lock.json"} {
		b.Run(n, func(b *testing.B) {
			b.ReportAllocs()
			name := []byte(n)
			for b.Loop() {
				lookup(name, false)
			}
		})
	}
}
