package hosts

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/sbxrun/sbx/profiles"
)

// A Host is one that a set stands for, and where that is said. Host is a rule in the
// words of --allow: HOST or HOST:PORT.
type Host struct {
	Set  string `json:"set"`
	Host string `json:"host"`
	From string `json:"from"`
}

// A set is the hosts of one ecosystem: those that any of its tools uses.
type set struct {
	name string
	// tools are those of the ecosystem. The first is the one to install where none is there.
	tools []tool
	// own are the tools that a command of that name takes its hosts from. Others take those
	// of all.
	own map[string][]string
	// words are in the names of hosts that it usually has.
	words []string
}

// A tool is one that can be asked.
type tool struct {
	name string
	ask  func(*Asker) (answer, error)
	// script is how its program ends where it is a script of Node's, in its package. What
	// that answers may be remembered: it depends on these files, and those of the set.
	script string
	files  []string
}

// sets are in the order in which they are printed.
var sets = [...]set{
	{name: "@cargo", tools: []tool{{name: "cargo", ask: askCargo}}, words: []string{"crates", "cargo"}},
	{name: "@debian", tools: []tool{{name: "apt-get", ask: askApt}}, words: []string{"debian", "ubuntu"}},
	{name: "@github", tools: []tool{{name: "git", ask: askGit}}, words: []string{"github"}},
	{name: "@go", tools: []tool{{name: "go", ask: askGo}}, words: []string{"golang", "goproxy"}},
	{name: "@maven", tools: []tool{{name: "mvn", ask: askMaven}}, words: []string{"maven"}},
	{name: "@npm",
		tools: []tool{
			{"npm", askNPM, "/npm/bin/npm-cli.js", []string{"/.npmrc", "/package.json"}},
			{"yarn", askYarn, "/yarn/bin/yarn.js", []string{"~/.config/yarn/config", "/.yarnrc", "/.yarnrc.yml", "/.npmrc", "/usr/local/share/.yarnrc"}},
			{"pnpm", askPNPM, "/pnpm/bin/pnpm.cjs", []string{"/.npmrc", "/pnpm-workspace.yaml", "/package.json"}},
		},
		// Yarn takes what a lock file of npm's names from npm's registry. Bun reads npm's files.
		own:   map[string][]string{"npm": {"npm"}, "npx": {"npm"}, "bun": {"npm"}, "bunx": {"npm"}, "yarn": {"yarn", "npm"}, "yarnpkg": {"yarn", "npm"}, "pnpm": {"pnpm"}, "pnpx": {"pnpm"}},
		words: []string{"npm", "yarn"},
	},
	{name: "@pypi", tools: []tool{{name: "pip", ask: askPip}, {name: "uv", ask: askUV}}, own: map[string][]string{"pip": {"pip"}, "pip3": {"pip"}}, words: []string{"pypi", "python"}},
	{name: "@rubygems", tools: []tool{{name: "gem", ask: askGem}, {name: "bundle", ask: askBundler}}, own: map[string][]string{"gem": {"gem"}}, words: []string{"rubygems"}},
}

// Likely are the sets that may have a host, by its name. Only their tools know.
func Likely(host string) (names []string) {
	for i := range sets {
		if slices.ContainsFunc(sets[i].words, func(word string) bool { return strings.Contains(host, word) }) {
			names = append(names, sets[i].name)
		}
	}
	return names
}

// toolsFor are those that a command uses. Where none of its own is there, all are: another
// one may come with it.
func (s *set) toolsFor(a *Asker) []tool {
	own := s.own[path.Base(a.Command)]
	tools := slices.DeleteFunc(slices.Clone(s.tools), func(t tool) bool { return !slices.Contains(own, t.name) })
	for _, t := range tools {
		if _, err := a.Find(t.name); err == nil {
			return tools
		}
	}
	return s.tools
}

// Names are the sets that there are.
func Names() []string {
	names := make([]string, len(sets))
	for i := range sets {
		names[i] = sets[i].name
	}
	return names
}

// An answer is what one tool told.
type answer struct {
	hosts []Host
	notes []string // what was left out, and what it cannot tell
	mend  string   // what would have helped with that
	files []string // that it says it depends on
}

func (r *answer) note(format string, args ...any) {
	r.notes = append(r.notes, fmt.Sprintf(format, args...))
}

// ErrNotInstalled is a tool that is not there.
var ErrNotInstalled = errors.New("is not installed")

// An Error is a set of which nothing could be learned.
type Error struct {
	Set  string
	Err  error
	hint string
}

func (e *Error) Error() string { return e.Set + ": " + e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

// Hint is what would mend it.
func (e *Error) Hint() string { return e.hint }

// An Answer is what a set stands for, or why that is not known.
type Answer struct {
	Set   string
	Hosts []Host
	// Notes are what its tools could not tell, and what was left out.
	Notes []string
	Err   error
}

// Ask has the tools of some sets asked at the same time: all, or those that the command uses.
func (a *Asker) Ask(names []string) []Answer {
	all := make([]Answer, len(names))
	var asked sync.WaitGroup
	for i, name := range names {
		all[i].Set = name
		if all[i].Err = profiles.CheckHostSet(name); all[i].Err == nil {
			asked.Go(func() { all[i] = a.ask(named(name)) })
		}
	}
	asked.Wait()
	return all
}

func named(name string) *set {
	i := slices.IndexFunc(sets[:], func(s set) bool { return s.name == name })
	return &sets[i]
}

func (a *Asker) ask(s *set) Answer {
	if err := a.trusted(s.name); err != nil {
		return Answer{Set: s.name, Err: &Error{s.name, err, "name the host: --allow HOST"}}
	}
	tools := s.toolsFor(a)
	answers, errs := make([]answer, len(tools)), make([]error, len(tools))
	var asked sync.WaitGroup
	for i, t := range tools {
		asked.Go(func() { answers[i], errs[i] = a.recall(s.name, t) })
	}
	asked.Wait()
	return s.join(answers, errs)
}

// join makes one answer of those of a set's tools. A tool that is not there uses no
// host, and one that fails has none allowed to it.
func (s *set) join(answers []answer, errs []error) Answer {
	all := Answer{Set: s.name}
	for i, r := range answers {
		for _, h := range r.hosts {
			if !slices.ContainsFunc(all.Hosts, func(other Host) bool { return other.Host == h.Host }) {
				h.Set = s.name
				all.Hosts = append(all.Hosts, h)
			}
		}
		for _, n := range r.notes {
			if !slices.Contains(all.Notes, n) {
				all.Notes = append(all.Notes, n)
			}
		}
		if errs[i] != nil && !errors.Is(errs[i], ErrNotInstalled) {
			all.Notes = append(all.Notes, errs[i].Error())
		}
	}
	if len(all.Hosts) == 0 {
		return Answer{Set: s.name, Err: s.nothing(answers, errs)}
	}
	return all
}

// nothing says why a set has no host.
func (s *set) nothing(answers []answer, errs []error) error {
	for _, err := range errs {
		if err != nil && !errors.Is(err, ErrNotInstalled) {
			return &Error{s.name, err, "run it to see why; or name the host: --allow HOST"}
		}
	}
	for _, r := range answers {
		if len(r.notes) > 0 {
			return &Error{s.name, errors.New(r.notes[0]), cmp.Or(r.mend, "name the host: --allow HOST")}
		}
	}
	if slices.Contains(errs, nil) {
		return &Error{s.name, fmt.Errorf("%s names no host", s.tools[0].name), "name it: --allow HOST"}
	}
	return &Error{s.name, fmt.Errorf("%s %w", s.tools[0].name, ErrNotInstalled), "install " + s.tools[0].name + ", or name the host: --allow HOST"}
}
