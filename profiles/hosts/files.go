package hosts

import (
	"fmt"
	"path"
	"strings"
)

// files are the user's files in which the tools of a set look for hosts by themselves, by
// their documentation. ~ is the home, and a variable with a default is as a shell has it.
var files = map[string][]string{
	"@cargo":  {"${CARGO_HOME:-~/.cargo}/config.toml", "${CARGO_HOME:-~/.cargo}/config"},
	"@github": {"~/.gitconfig", "${XDG_CONFIG_HOME:-~/.config}/git/config", "${GIT_CONFIG_GLOBAL:-~/.gitconfig}"},
	"@go":     {"${GOENV:-${XDG_CONFIG_HOME:-~/.config}/go/env}"},
	"@maven":  {"~/.m2/settings.xml", "~/.m2/settings-security.xml", "~/.mavenrc"},
	"@npm": {
		"${npm_config_userconfig:-~/.npmrc}", "${NPM_CONFIG_USERCONFIG:-~/.npmrc}", "~/.npmrc", "~/.yarnrc", "~/.yarnrc.yml", "~/.config/yarn", "${XDG_CONFIG_HOME:-~/.config}/pnpm/rc",
		"${XDG_CONFIG_HOME:-~/.config}/pnpm/config.yaml", "~/.npm-global/etc/npmrc", "~/.local/etc/npmrc",
	},
	"@pypi": {
		"${XDG_CONFIG_HOME:-~/.config}/pip/pip.conf", "~/.pip/pip.conf", "${PIP_CONFIG_FILE:-~/.pip/pip.conf}", "${XDG_CONFIG_HOME:-~/.config}/uv/uv.toml", "${UV_CONFIG_FILE:-~/.pip/pip.conf}",
	},
	"@rubygems": {"~/.gemrc", "${XDG_CONFIG_HOME:-~/.config}/gem/gemrc", "~/.bundle/config", "${XDG_CONFIG_HOME:-~/.config}/bundle/config", "${GEMRC:-~/.gemrc}"},
}

// trusted refuses a set of whose files one is where a sandbox may write, as ~/.npmrc that
// is a link into a repository of dotfiles: it could name any host. What the tool says of
// the file is not asked: it reads for itself, and follows links.
func (a *Asker) trusted(set string) error {
	if a.Leads == nil {
		return nil
	}
	for _, file := range files[set] {
		p := a.place(file)
		if path.IsAbs(p) && a.Leads(p) {
			return fmt.Errorf("a sandbox can write to %s, so it could allow any host", p)
		}
	}
	return nil
}

// place puts the values of variables in.
func (a *Asker) place(file string) string {
	if rest, ok := strings.CutPrefix(file, "${"); ok {
		end := closing(rest)
		name, usual, _ := strings.Cut(rest[:end], ":-")
		value := a.Getenv(name)
		if value == "" {
			value = a.place(usual)
		}
		return value + rest[end+1:]
	}
	if rest, ok := strings.CutPrefix(file, "~"); ok {
		return a.Home + rest
	}
	return file
}

// closing finds the brace that ends what has begun.
func closing(text string) int {
	depth := 1
	for i, c := range text {
		switch c {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(text) - 1
}
