package hosts

import (
	"errors"
	"strconv"
	"strings"
	"sync"

	"github.com/pelletier/go-toml/v2"
)

// askPip takes the index from the text of --help, the one place that has pip's own
// default; and what is besides it from the settings.
func askPip(a *Asker) (r answer, err error) {
	pip := a.pip()
	if pip == nil {
		return r, ErrNotInstalled
	}
	ask := func(args ...string) (out []byte, err error) {
		args = append(pip[1:len(pip):len(pip)], args...)
		return a.Run(pip[0], args...)
	}
	var help, config []byte
	var helpErr, configErr error
	var both sync.WaitGroup
	both.Go(func() { help, helpErr = ask("install", "--help") })
	both.Go(func() { config, configErr = ask("config", "list") })
	both.Wait()
	if err := errors.Join(helpErr, configErr); err != nil {
		return r, err
	}
	if url, ok := defaultIndex(string(help)); ok {
		a.add(&r, url, "pip install --help")
	}
	for _, line := range strings.Split(string(config), "\n") {
		name, quoted, _ := strings.Cut(strings.TrimSpace(line), "=")
		section, key, _ := cutLast(name, ".")
		if key != "extra-index-url" && key != "find-links" {
			continue
		}
		for _, url := range strings.Fields(pythonString(quoted)) {
			if strings.Contains(url, "://") { // find-links may name directories
				a.add(&r, url, "pip config list: "+section+"."+key)
			}
		}
	}
	return r, r.besideTold()
}

// pip is how pip is started, or nothing.
func (a *Asker) pip() []string {
	for _, program := range []string{"pip3", "pip"} {
		if _, err := a.Find(program); err == nil {
			return []string{program}
		}
	}
	if _, err := a.Find("python3"); err == nil {
		return []string{"python3", "-m", "pip"}
	}
	return nil
}

// defaultIndex is what the help text says of --index-url. It says it of the settings
// and of the environment, with passwords as stars.
func defaultIndex(help string) (url string, ok bool) {
	_, help, _ = strings.Cut(help, "--index-url")
	help, _, _ = strings.Cut(help, "--extra-index-url")
	_, help, _ = strings.Cut(help, "(default ")
	url, _, ok = strings.Cut(strings.Join(strings.Fields(help), ""), ")")
	return url, ok
}

// pythonString reads a string as Python's repr writes it.
func pythonString(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] {
		return s
	}
	s = s[1 : len(s)-1]
	if text, err := strconv.Unquote(`"` + strings.ReplaceAll(s, `"`, `\"`) + `"`); err == nil {
		return text
	}
	return s
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+len(sep):], true
}

// askUV reads what uv reads of the user's and the machine's, since no command of it
// tells that (https://docs.astral.sh/uv/concepts/configuration-files/). Its own default
// index is pip's.
func askUV(a *Asker) (r answer, err error) {
	if _, err := a.Find("uv"); err != nil {
		return r, err
	}
	for _, name := range []string{"UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL"} {
		for _, url := range strings.Fields(a.Getenv(name)) {
			if before, after, ok := strings.Cut(url, "="); ok && !strings.ContainsAny(before, ":/") {
				url = after // NAME=URL
			}
			a.add(&r, url, name)
		}
	}
	dir := a.Getenv("XDG_CONFIG_HOME")
	if dir == "" {
		dir = a.Home + "/.config"
	}
	for _, file := range []string{dir + "/uv/uv.toml", "/etc/uv/uv.toml"} {
		text, err := a.Read(file)
		if err != nil {
			continue
		}
		if err := uvFile(a, &r, file, text); err != nil {
			return r, err
		}
	}
	return r, r.besideTold()
}

func uvFile(a *Asker, r *answer, file string, text []byte) error {
	type indexes struct {
		URL   string   `toml:"index-url"`
		Extra []string `toml:"extra-index-url"`
	}
	doc := struct {
		Index []struct {
			URL string `toml:"url"`
		} `toml:"index"`
		indexes
		Pip indexes `toml:"pip"`
	}{}
	if toml.Unmarshal(text, &doc) != nil {
		return errors.New(file + ": it is not as uv has it")
	}
	urls := append(append([]string{doc.URL, doc.Pip.URL}, doc.Extra...), doc.Pip.Extra...)
	for _, index := range doc.Index {
		urls = append(urls, index.URL)
	}
	for _, url := range urls {
		if url != "" {
			a.add(r, url, file)
		}
	}
	return nil
}
