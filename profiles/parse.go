package profiles

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2"
)

const (
	// maxSize and maxLine bound a text before the parser sees it: a key of a
	// hundred thousand parts takes it minutes, and the text may be an attacker's.
	maxSize = 64 << 10
	maxLine = 4 << 10
	maxDots = 64
	// maxDepth bounds the brackets that are open at once. The parser recurses.
	maxDepth = 64
)

// Parse reads the text of a profile. The file's name is for the lines in errors
// and values, and its last part is the name of the profile.
func Parse(file string, text []byte) (Profile, error) {
	p := Profile{Name: strings.TrimSuffix(filepath.Base(file), ".toml")}
	if err := bounded(file, text); err != nil {
		return p, err
	}
	doc := map[string]any{}
	if err := toml.Unmarshal(text, &doc); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			line, _ := at.Position()
			return p, fmt.Errorf("%s: %s", Line{file, max(line, 1)}, quietly(at.Error()))
		}
		return p, fmt.Errorf("%s: %s", file, quietly(err.Error()))
	}
	r := reader{file: file, lines: locate(string(text)), to: &p}
	r.unknown(doc)
	for i := range schema {
		r.read(&schema[i], doc)
	}
	return p, r.wrong()
}

// quietly is a message of the parser's, which may repeat parts of the text.
func quietly(message string) string {
	if len(message) > 200 {
		message = message[:200] + "..."
	}
	return clean(message)
}

// bounded refuses what would cost the parser too much.
func bounded(file string, text []byte) error {
	if len(text) > maxSize {
		return fmt.Errorf("%s: larger than %d KiB", file, maxSize>>10)
	}
	n, depth := 0, 0
	for line := range bytes.Lines(text) {
		if bytes.Count(line, []byte(".")) > maxDots {
			return fmt.Errorf("%s: more than %d dots in a line", Line{file, n + 1}, maxDots)
		}
		n++
		if len(line) > maxLine {
			return fmt.Errorf("%s: the line is longer than %d bytes", Line{file, n}, maxLine)
		}
		// Brackets in strings are counted too. A text that is a profile has
		// none that it does not close.
		depth = max(0, depth+bytes.Count(line, []byte("["))+bytes.Count(line, []byte("{"))-bytes.Count(line, []byte("]"))-bytes.Count(line, []byte("}")))
		if depth > maxDepth {
			return fmt.Errorf("%s: more than %d brackets are open", Line{file, n}, maxDepth)
		}
	}
	return nil
}

// A reader fills a profile from what the parser gave, and keeps what is wrong.
type reader struct {
	file     string
	lines    map[string]int
	to       *Profile
	problems []problem
}

type problem struct {
	at   Line
	text string
}

// Problems are what is wrong with a profile, in the order of its lines.
type Problems []string

// mostProblems bounds them: the file may be an attacker's.
const mostProblems = 20

func (p Problems) Error() string { return strings.Join(p, "; ") }

// Lines are the problems, each for a line of its own.
func (p Problems) Lines() []string { return p }

// wrong is what is wrong with the file, or nil.
func (r *reader) wrong() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortFunc(r.problems, func(a, b problem) int {
		if a.at.N != b.at.N {
			return a.at.N - b.at.N
		}
		return strings.Compare(a.text, b.text)
	})
	var all Problems
	for _, p := range r.problems[:min(len(r.problems), mostProblems)] {
		all = append(all, fmt.Sprintf("%s: %s", p.at, p.text))
	}
	if more := len(r.problems) - len(all); more > 0 {
		all = append(all, fmt.Sprintf("%s: %d problems more", r.file, more))
	}
	return all
}

func (r *reader) problem(at Line, format string, args ...any) {
	r.problems = append(r.problems, problem{at, fmt.Sprintf(format, args...)})
}

// at is the line of a name that locate gave, or of what it is in.
func (r *reader) at(name string) Line {
	for {
		if n := r.lines[name]; n > 0 {
			return Line{r.file, n}
		}
		i := strings.LastIndexByte(name, 0)
		if i < 0 {
			return Line{r.file, 1}
		}
		name = name[:i]
	}
}

// unknown finds the keys that are not in the schema. A key that is not
// understood may be the one that was to hide something, so none is passed over.
func (r *reader) unknown(doc map[string]any) {
	for name, v := range doc {
		at := under("", name)
		if name != "" && slices.Contains(tables[:], name) {
			table, ok := v.(map[string]any)
			if !ok {
				r.problem(r.at(at), "%s: want a table, as in [%s]", name, name)
			}
			for inner := range table {
				if find(name, inner) == nil {
					r.problem(r.at(under(at, inner)), "unknown key %s in [%s]%s", quote(inner), name, suggest(name, inner))
				}
			}
			continue
		}
		if find("", name) == nil {
			r.problem(r.at(at), "unknown key %s%s", quote(name), suggest("", name))
		}
	}
}

func find(table, name string) *key {
	for i := range schema {
		if schema[i].table == table && schema[i].name == name {
			return &schema[i]
		}
	}
	return nil
}

// suggest names the key that was meant: one of the same table, the same word in
// another table, or any word that is near.
func suggest(table, name string) string {
	var here, all []string
	for i := range schema {
		k := &schema[i]
		if k.table == table {
			here = append(here, k.name)
		}
		all = append(all, k.String())
	}
	if table == "" {
		here = append(here, tables[1:]...)
	}
	if s := meant(name, here); s != "" {
		return s
	}
	for i := range schema {
		if k := &schema[i]; nearest(name, []string{k.name}) != "" {
			return ", did you mean " + k.name + " in [" + k.table + "]?"
		}
	}
	return meant(name, all)
}

// read reads the value of one key, if it is there.
func (r *reader) read(k *key, doc map[string]any) {
	name := under("", k.name)
	if k.table != "" {
		doc, _ = doc[k.table].(map[string]any)
		name = under(under("", k.table), k.name)
	}
	v, ok := doc[k.name]
	switch {
	case !ok:
	case k.kind == assignments:
		r.assignments(k, name, v)
	case k.kind.list():
		r.list(k, name, v)
	default:
		r.single(k, name, v)
	}
}

func (r *reader) single(k *key, name string, v any) {
	at := r.at(name)
	text, ok := v.(string)
	if n, number := v.(int64); number && k.kind == anAmount {
		text, ok = strconv.FormatInt(n, 10), true
	}
	if k.kind == aSwitch {
		var on bool
		if on, ok = v.(bool); on {
			text = "true"
		} else {
			text = "false"
		}
	}
	if !ok {
		r.problem(at, "%s: want %s", k, k.wants())
		return
	}
	if err := k.check(text); err != nil {
		r.problem(at, "%s: %v", k, err)
		return
	}
	*k.one(r.to) = Value{text, at}
}

func (r *reader) list(k *key, name string, v any) {
	items, ok := v.([]any)
	if !ok {
		r.problem(r.at(name), "%s: want %s", k, k.wants())
		return
	}
	for i, item := range items {
		at := r.at(element(name, i))
		text, ok := item.(string)
		if !ok {
			r.problem(at, "%s: want %s", k, k.wants())
			continue
		}
		if err := k.check(text); err != nil {
			r.problem(at, "%s: %v", k, err)
			continue
		}
		add(k.many(r.to), Value{text, at})
	}
}

func (r *reader) assignments(k *key, name string, v any) {
	table, ok := v.(map[string]any)
	if !ok {
		r.problem(r.at(name), "%s: want %s", k, k.wants())
		return
	}
	for variable, v := range table {
		at := r.at(under(name, variable))
		text, ok := v.(string)
		switch {
		case !ok:
			r.problem(at, "%s: want %s", k, k.wants())
		case !variableName(variable):
			r.problem(at, "%s: %s is no name of a variable: want letters, digits and _", k, quote(variable))
		case !printable(text):
			r.problem(at, "%s: %s has characters that cannot be printed", k, quote(text))
		default:
			r.to.Env.Set = append(r.to.Env.Set, Assignment{variable, text, at})
		}
	}
	// A map has no order; the file has one.
	slices.SortFunc(r.to.Env.Set, func(a, b Assignment) int {
		if a.From.N != b.From.N {
			return a.From.N - b.From.N
		}
		return strings.Compare(a.Name, b.Name)
	})
}

// add appends a value that is not there.
func add(list *[]Value, v Value) {
	if !slices.ContainsFunc(*list, func(have Value) bool { return have.Text == v.Text }) {
		*list = append(*list, v)
	}
}
