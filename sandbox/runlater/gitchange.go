package runlater

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A change is what became of all the settings of one name in a git configuration.
type change struct {
	section, sub, key string
	name              string // the key as it was written
	before, after     []string
}

func (c change) setting() setting { return setting{c.section, c.sub, c.key, ""} }

// String names the setting as it was written.
func (c change) String() string { return setting{c.section, c.sub, c.name, ""}.String() }

// A listing is the settings of a configuration by name: git takes a name's last value, or
// all of them in their order.
type listing struct {
	order  []setting // the names, without values
	keys   map[setting]string
	values map[setting][]string
}

func (p *configParser) listing() listing {
	l := listing{keys: map[setting]string{}, values: map[setting][]string{}}
	for i, s := range p.found {
		name := s
		name.value = ""
		if _, known := l.keys[name]; !known {
			l.order = append(l.order, name)
			l.keys[name] = p.text[p.spans[i].from:][:len(s.key)]
		}
		l.values[name] = append(l.values[name], s.value)
	}
	return l
}

// changesOf are those from one configuration to another.
func changesOf(was, is listing) (changes []change) {
	add := func(n setting, keys map[setting]string) {
		if !slices.Equal(was.values[n], is.values[n]) {
			changes = append(changes, change{n.section, n.sub, n.key, keys[n], was.values[n], is.values[n]})
		}
	}
	for _, n := range was.order {
		add(n, was.keys)
	}
	for _, n := range is.order {
		if _, known := was.keys[n]; !known {
			add(n, is.keys)
		}
	}
	return changes
}

// judgeChanges parts the changes that a command made of its copy from those that the
// developer's file is not to have. Gone tells of a branch that it is not there any more.
func judgeChanges(before, after listing, gone func(branch string) bool) (good, bad []change) {
	j := changeJudge{remotes: map[string]bool{}, gone: gone}
	for _, n := range before.order {
		if n.section == "remote" && n.sub != "" {
			j.remotes[n.sub] = true
		}
	}
	j.was, j.is = before, after
	for _, c := range changesOf(before, after) {
		if j.harmless(c) {
			good = append(good, c)
		} else {
			bad = append(bad, c)
		}
	}
	return good, bad
}

// A changeJudge knows both configurations.
type changeJudge struct {
	was, is listing
	remotes map[string]bool // that were there before
	gone    func(branch string) bool
}

// harmless tells whether the developer's file may have a change. It is a list of what git
// switch, push -u, branch -d, remote add and submodule init write, and of who commits; all else
// may have git pass over what the command changed, or push elsewhere. What was not harmless
// before is the developer's own, and stays.
func (j changeJudge) harmless(c change) bool {
	nowhere := func(string) bool { return false }
	for _, value := range slices.Concat(c.before, c.after) {
		if !harmless(setting{c.section, c.sub, c.key, value}, nowhere) || !isPrintable(value) {
			return false
		}
	}
	switch c.section {
	case "branch":
		return isName(c.sub) && j.harmlessBranch(c)
	case "remote":
		return isRemote(c.sub) && j.harmlessRemote(c)
	case "submodule":
		// The URL of one that was there is where it is fetched from; without it, another could be set.
		return isName(c.sub) && (c.key == "active" || c.key == "url" && len(c.before) == 0 && len(c.after) == 1)
	case "user":
		return c.sub == "" && among(c.key, "name", "email")
	case "init", "pull", "merge", "rebase", "diff", "advice", "color", "lfs":
		return c.sub == ""
	}
	return false
}

// harmlessBranch lets a branch that led nowhere lead to a remote, and one that is gone lose all.
func (j changeJudge) harmlessBranch(c change) bool {
	switch c.key {
	case "remote", "pushremote", "merge":
		if len(c.before) > 0 {
			return len(c.after) == 0 && j.gone(c.sub)
		}
	}
	if c.key != "remote" && c.key != "pushremote" {
		return true
	}
	if len(j.was.values[setting{"branch", c.sub, "remote", ""}]) > 0 { // it was pushed there
		return len(c.after) == 0
	}
	return !slices.ContainsFunc(c.after, func(value string) bool { return value != "." && !j.leads(value) })
}

// leads tells whether a name is that of a remote, and no address.
func (j changeJudge) leads(name string) bool {
	_, made := j.is.values[setting{"remote", name, "url", ""}]
	return isRemote(name) && (j.remotes[name] || made)
}

// harmlessRemote lets a remote be added. One that was there stays as it is: without it, another of
// the same name could be added by the next command.
func (j changeJudge) harmlessRemote(c change) bool {
	switch {
	case c.key == "fetch":
		return (!j.remotes[c.sub] || len(c.after) > 0) &&
			!slices.ContainsFunc(c.after, func(value string) bool { return !slices.Contains(c.before, value) && !fetchesOwn(c.sub, value) })
	case j.remotes[c.sub]:
		return among(c.key, "tagopt", "prune", "followremotehead")
	}
	return c.key == "url" && len(c.after) == 1 || among(c.key, "tagopt", "prune", "followremotehead", "skipdefaultupdate", "skipfetchall")
}

// isRemote tells whether git takes a name for that of a remote wherever it reads it: not for an
// option (git fetch --all starts git fetch NAME), an address, this repository or a path.
func isRemote(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
		if !letter && (i == 0 || !strings.ContainsRune("-./", r)) {
			return false
		}
	}
	return name != "" && !strings.Contains(name, "..") && !strings.Contains(name, "//")
}

// isName tells whether a name can be shown, and is no option.
func isName(name string) bool {
	return name != "" && name[0] != '-' && !strings.ContainsFunc(name, func(r rune) bool { return r == utf8.RuneError || !unicode.IsPrint(r) })
}

// fetchesOwn tells whether a refspec brings the branches of a remote to where git looks for
// them, and nothing to the developer's own.
func fetchesOwn(remote, refspec string) bool {
	from, to, _ := strings.Cut(strings.TrimPrefix(refspec, "+"), ":")
	branch, ok := strings.CutPrefix(from, "refs/heads/")
	return ok && to == "refs/remotes/"+remote+"/"+branch
}

// isPrintable tells whether a value has no control characters but those that git escapes.
func isPrintable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' || r == 0x7f })
}

// isPlain tells whether a whole text is read alike by git and by other readers of its
// configuration: with no control character, and no line that goes on in the next.
func isPlain(text []byte) bool {
	return isPrintable(string(text)) && !strings.Contains(string(text), "\\\n")
}

// inOrder tells whether all that has not changed is in the order in which it was: a setting
// before an include that sets the same is another than one behind it.
func inOrder(before, after []setting, changes []change) bool {
	changed := map[setting]bool{}
	for _, c := range changes {
		changed[c.setting()] = true
	}
	rest := func(settings []setting) []setting {
		return slices.DeleteFunc(slices.Clone(settings), func(s setting) bool { return changed[setting{s.section, s.sub, s.key, ""}] })
	}
	return slices.Equal(rest(before), rest(after))
}

var errMerge = errors.New("the changes do not fit into the file")

// merge makes changes in a configuration, with all else as it is. One of a setting that is
// neither as before the change nor as behind it is not made, unless by force.
func merge(text []byte, changes []change, force bool) (merged []byte, conflicts []change, err error) {
	p, err := readConfig(text)
	if err != nil {
		return nil, nil, err
	}
	now, made := p.listing(), map[setting]change{}
	want := map[setting][]string{}
	for _, c := range changes {
		n := c.setting()
		switch have := now.values[n]; {
		case slices.Equal(have, c.after):
		case slices.Equal(have, c.before) || force:
			c.before = have
			made[n], want[n] = c, c.after
		default:
			conflicts = append(conflicts, c)
		}
	}
	merged = []byte(p.edit(changes, made))
	again, err := readConfig(merged)
	if err != nil || len(merged) > configLimit {
		return nil, nil, errMerge
	}
	is := again.listing()
	for _, n := range slices.Concat(now.order, is.order) {
		expected, changed := want[n]
		if !changed {
			expected = now.values[n]
		}
		if !slices.Equal(is.values[n], expected) {
			return nil, nil, errMerge
		}
	}
	return merged, conflicts, nil
}

// edit makes the changes in the text, those of a section behind its last setting.
func (p *configParser) edit(order []change, made map[setting]change) string {
	header := func(s setting) setting { return setting{s.section, s.sub, "", ""} }
	lines := map[setting]*strings.Builder{} // that each section gets
	dropped := map[setting]bool{}
	var sections []setting
	for _, c := range order {
		c, ok := made[c.setting()]
		if !ok {
			continue
		}
		add := c.after
		if len(c.after) >= len(c.before) && slices.Equal(c.before, c.after[:len(c.before)]) {
			add = c.after[len(c.before):]
		} else {
			dropped[c.setting()] = true
		}
		at := header(c.setting())
		if lines[at] == nil {
			lines[at] = &strings.Builder{}
			sections = append(sections, at)
		}
		for _, value := range add {
			lines[at].WriteString("\t" + c.name + " = " + quoted(value) + "\n")
		}
	}
	last := map[setting]int{}
	for i, s := range p.found {
		last[header(s)] = i
	}
	var b strings.Builder
	at := 0
	for i, s := range p.found {
		name := setting{s.section, s.sub, s.key, ""}
		if dropped[name] {
			from := len(strings.TrimRight(p.text[at:p.spans[i].from], " \t")) + at
			b.WriteString(p.text[at:from])
			if from > 0 && p.text[from-1] != '\n' { // the header is on the same line
				b.WriteByte('\n')
			}
			at = p.spans[i].to
		}
		if more := lines[header(s)]; more != nil && more.Len() > 0 && last[header(s)] == i {
			b.WriteString(p.text[at:p.spans[i].to])
			at = p.spans[i].to
			newLine(&b)
			b.WriteString(more.String())
		}
	}
	b.WriteString(p.text[at:])
	for _, s := range sections {
		if _, there := last[s]; there || lines[s].Len() == 0 {
			continue
		}
		newLine(&b)
		b.WriteString("[" + s.section)
		if s.sub != "" {
			b.WriteString(` "` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s.sub) + `"`)
		}
		b.WriteString("]\n" + lines[s].String())
	}
	return b.String()
}

func newLine(b *strings.Builder) {
	if text := b.String(); text != "" && text[len(text)-1] != '\n' {
		b.WriteByte('\n')
	}
}

// quoted writes a value as git does (git-config(1), "Values").
func quoted(value string) string {
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\b", `\b`).Replace(value)
	if value == "" || strings.ContainsAny(value, "#;") || strings.Trim(value, " \t\n") != value {
		return `"` + escaped + `"`
	}
	return escaped
}
