package runlater

// where a name is obeyed.
type where uint8

const (
	anywhere where = iota
	// atTop: only at the top of a project or of a home. Below it the same name
	// is data: a root file system that is being built has a .bashrc in /etc/skel,
	// and packages ship an AGENTS.md each.
	atTop
)

// A name is one that some program runs or obeys without being asked to.
type name struct {
	name  string // as fold has it
	where where
	why   string // who obeys it
}

// names are sorted. Chosen are those that take effect by opening the folder, by
// changing into it, or by a command that says nothing of them (git commit). What
// a build is told to read (Makefile, package.json, .npmrc) is not here, nor what
// only chooses a version (.tool-versions).
//
// Instructions to agents are here: an agent that is started outside acts on them
// with all that the developer has. An .env is not: builds write it, and only
// tools that were told to read it.
var names = []name{
	{".aider.conf.yml", anywhere, "aider runs the lint and test commands in it"},
	{".amazonq", anywhere, "Amazon Q obeys it and starts servers it names"},
	{".augment", anywhere, "Augment obeys it"},
	{".autoenv", anywhere, "autoenv runs it on cd"},
	{".autoenv.zsh", anywhere, "zsh-autoenv runs it on cd"},
	{".bash_aliases", atTop, "bash runs it in a home"},
	{".bash_login", atTop, "bash runs it in a home"},
	{".bash_logout", atTop, "bash runs it in a home"},
	{".bash_profile", atTop, "bash runs it in a home"},
	{".bashrc", atTop, "bash runs it in a home"},
	{".claude", anywhere, "Claude Code runs the hooks in it"},
	{".claude.json", atTop, "Claude Code starts the servers it names"},
	{".clinerules", anywhere, "Cline obeys it"},
	{".codex", anywhere, "Codex obeys it and starts servers it names"},
	{".continue", anywhere, "Continue obeys it and starts servers it names"},
	{".continuerc.json", anywhere, "Continue obeys it"},
	{".crush.json", anywhere, "Crush starts the servers it names"},
	{".cursor", anywhere, "Cursor runs the hooks and servers in it"},
	{".cursorrules", anywhere, "Cursor obeys it"},
	{".devcontainer", anywhere, "dev container tools run initializeCommand on the host"},
	{".devcontainer.json", anywhere, "dev container tools run initializeCommand on the host"},
	{".dir-locals-2.el", anywhere, "Emacs evaluates it"},
	{".dir-locals.el", anywhere, "Emacs evaluates it"},
	{".envrc", anywhere, "direnv runs it on cd"},
	{".exrc", anywhere, "vi runs it"},
	{".fleet", anywhere, "Fleet runs the configurations in it"},
	{".gdbinit", anywhere, "gdb runs it"},
	{".gemini", anywhere, "Gemini CLI obeys it and starts servers it names"},
	{".git", anywhere, "git obeys its configuration and runs its hooks"},
	{".gitconfig", atTop, "git obeys it in a home"},
	{".goosehints", anywhere, "Goose obeys it"},
	{".gvimrc", anywhere, "vim runs it"},
	{".hg", anywhere, hgWhy},
	{".husky", anywhere, "git hooks run what is in it"},
	{".idea", anywhere, "JetBrains editors run the configurations in it"},
	{".inputrc", atTop, "readline obeys it in a home"},
	{".junie", anywhere, "Junie obeys it"},
	{".kiro", anywhere, "Kiro runs the hooks in it"},
	{".lefthook-local.yml", atTop, "Lefthook runs it at git's hooks"},
	{".lefthook.yml", atTop, "Lefthook runs it at git's hooks"},
	{".lldbinit", anywhere, "lldb runs it"},
	{".local.vimrc", anywhere, "vim runs it"},
	{".lvimrc", anywhere, "vim runs it"},
	{".mcp.json", anywhere, "agents start the servers it names"},
	{".mise", anywhere, "mise runs the hooks in it on cd"},
	{".mise.local.toml", anywhere, "mise runs the hooks in it on cd"},
	{".mise.toml", anywhere, "mise runs the hooks in it on cd"},
	{".nvim.lua", anywhere, "Neovim runs it"},
	{".nvimrc", anywhere, "Neovim runs it"},
	{".opencode", anywhere, "OpenCode runs the plugins in it"},
	{".overcommit.yml", atTop, "Overcommit runs it at git's hooks"},
	{".pre-commit-config.yaml", atTop, "pre-commit runs it at git's hooks"},
	{".profile", atTop, "shells run it in a home"},
	{".qwen", anywhere, "Qwen Code obeys it and starts servers it names"},
	{".roo", anywhere, "Roo obeys it and starts servers it names"},
	{".roomodes", anywhere, "Roo obeys it"},
	{".roorules", anywhere, "Roo obeys it"},
	{".sbx.toml", anywhere, "sbx takes its settings from it"},
	{".screenrc", atTop, "screen runs it in a home"},
	{".ssh", atTop, "ssh runs what its config names, in a home"},
	{".theia", anywhere, "Theia runs the tasks in it"},
	{".tmux.conf", atTop, "tmux runs it in a home"},
	{".trae", anywhere, "Trae obeys it"},
	{".vimrc", anywhere, "vim runs it"},
	{".vs", anywhere, "Visual Studio runs the tasks in it"},
	{".vscode", anywhere, "VS Code runs the tasks and settings in it"},
	{".windsurf", anywhere, "Windsurf obeys it"},
	{".windsurfrules", anywhere, "Windsurf obeys it"},
	{".xinitrc", atTop, "startx runs it in a home"},
	{".xprofile", atTop, "display managers run it in a home"},
	{".xsession", atTop, "display managers run it in a home"},
	{".zed", anywhere, "Zed runs the tasks in it"},
	{".zlogin", atTop, "zsh runs it in a home"},
	{".zlogout", atTop, "zsh runs it in a home"},
	{".zprofile", atTop, "zsh runs it in a home"},
	{".zshenv", atTop, "zsh runs it in a home"},
	{".zshrc", atTop, "zsh runs it in a home"},
	{"agents.md", atTop, "agents obey it"},
	{"claude.local.md", atTop, "Claude Code obeys it"},
	{"claude.md", atTop, "Claude Code obeys it"},
	{"gemini.md", atTop, "Gemini CLI obeys it"},
	{"lefthook-local.yml", atTop, "Lefthook runs it at git's hooks"},
	{"lefthook.yml", atTop, "Lefthook runs it at git's hooks"},
	{"mise.local.toml", anywhere, "mise runs the hooks in it on cd"},
	{"mise.toml", anywhere, "mise runs the hooks in it on cd"},
	{"opencode.json", atTop, "OpenCode starts the servers it names"},
}

// lookup finds the entry of a name, or nil.
func lookup(n []byte, top bool) *name {
	// Nearly every file is done here.
	if c := n[0]; c != '.' && c < 0x80 && c|0x20 != 'm' && !top {
		return nil
	}
	var room [64]byte
	key := fold(room[:0], n)
	low, high := 0, len(names)
	for low < high {
		mid := (low + high) / 2
		switch m := &names[mid]; {
		case m.name == string(key):
			if m.where == atTop && !top {
				return nil
			}
			return m
		case m.name < string(key):
			low = mid + 1
		default:
			high = mid
		}
	}
	return nil
}

// fold gives the name by which a directory that does not tell upper case from
// lower would know it (casefold of ext4 and f2fs, shares of other systems): there
// ".ENVRC" is .envrc. It is done for all: nobody gives an honest file such a
// name. Two letters beyond ASCII fold into it, long s and the Kelvin sign, and
// what is not seen is not there (git's CVE-2014-9390). A name longer than any in
// the table comes out too long.
func fold(to, n []byte) []byte {
	for i := 0; i < len(n) && len(to) < cap(to); i++ {
		c := n[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c |= 0x20
		case c == 0xc5 && at(n, i+1) == 0xbf: // U+017F
			c, i = 's', i+1
		case c == 0xe2 && at(n, i+1) == 0x84 && at(n, i+2) == 0xaa: // U+212A
			c, i = 'k', i+2
		case ignorable(at(n, i), at(n, i+1), at(n, i+2)):
			i += 2
			continue
		}
		to = append(to, c)
	}
	return to
}

// ignorable tells three bytes of UTF-8 that are not seen: U+200B to U+200F,
// U+202A to U+202E, U+2060 to U+206F and U+FEFF.
func ignorable(a, b, c byte) bool {
	switch {
	case a == 0xe2 && b == 0x80:
		return 0x8b <= c && c <= 0x8f || 0xaa <= c && c <= 0xae
	case a == 0xe2 && b == 0x81:
		return 0xa0 <= c && c <= 0xaf
	}
	return a == 0xef && b == 0xbb && c == 0xbf
}

func at(b []byte, i int) byte {
	if i < len(b) {
		return b[i]
	}
	return 0
}
