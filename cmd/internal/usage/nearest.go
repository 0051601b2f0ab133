package usage

import (
	"errors"
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// Nearest is the word that a mistyped one stands for, or "". The first letter is right in
// nearly every typing error; a word that begins otherwise is another word (--gpus is not
// --cpus).
func Nearest(typed string, words []string) string {
	best, least := "", most(typed)+1
	for _, word := range words {
		if !sameBeginning(typed, word) {
			continue
		}
		d := distance(typed, word)
		if d < least || best != "" && d == least && len(word) == len(typed) && len(best) != len(typed) {
			best, least = word, d
		}
	}
	if best == "" {
		best = completed(typed, words)
	}
	return best
}

// most is how many errors a word of that length may have.
func most(word string) int {
	switch {
	case len(word) < 3:
		return 0
	case len(word) < 6:
		return 1
	}
	return 2
}

func sameBeginning(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	return a[0] == b[0] || len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0]
}

// completed is the word that begins with what was typed, and with which all others begin
// that do.
func completed(typed string, words []string) (found string) {
	if len(typed) < 3 {
		return ""
	}
	for _, word := range words {
		switch {
		case !strings.HasPrefix(word, typed), found != "" && strings.HasPrefix(word, found):
		case found == "" || strings.HasPrefix(found, word):
			found = word
		default:
			return ""
		}
	}
	return found
}

// distance counts the letters that are missing, too many, others, or swapped.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j]+cost, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// Explain puts an error of kong's in words of the command line.
func Explain(err error, node *kong.Node) error {
	if err == nil || node == nil {
		return err
	}
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "unknown flag "):
		flag, _, _ := strings.Cut(strings.TrimPrefix(text, "unknown flag "), ",")
		if name, ok := strings.CutPrefix(flag, "--"); ok {
			return unknown("unknown flag ", "--", name, flagsOf(node))
		}
		return errors.New("unknown flag " + flag)
	case strings.HasPrefix(text, "unexpected argument "):
		word, _, _ := strings.Cut(strings.TrimPrefix(text, "unexpected argument "), ", did you mean")
		return unknown("unexpected argument ", "", word, childrenOf(node))
	case strings.HasPrefix(text, "--") && strings.Contains(text, " must be one of "):
		return errors.New(plainChoices(text))
	case strings.HasPrefix(text, "expected \"<"), strings.HasPrefix(text, "expected <"), strings.HasPrefix(text, "missing positional arguments "):
		return &missingError{wordsOf(node)}
	case strings.HasPrefix(text, "expected one of "):
		return fmt.Errorf("expected a command: %s", strings.Join(childrenOf(node), ", "))
	}
	return err
}

// missingError says that an argument is missing.
type missingError struct{ usage string }

func (e *missingError) Error() string { return "an argument is missing" }
func (e *missingError) Hint() string  { return "usage: " + e.usage }

func wordsOf(node *kong.Node) string {
	name := node.Name
	for p := node.Parent; p != nil; p = p.Parent {
		name = p.Name + " " + name
	}
	return Of(name, node).Line()
}

func unknown(what, dashes, word string, words []string) error {
	if near := Nearest(word, words); near != "" {
		return fmt.Errorf("%s%s%s, did you mean %q?", what, dashes, word, dashes+near)
	}
	return errors.New(what + dashes + word)
}

func flagsOf(node *kong.Node) (names []string) {
	for ; node != nil; node = node.Parent {
		for _, f := range node.Flags {
			if f.Hidden {
				continue
			}
			names = append(names, f.Name)
			names = append(names, f.Aliases...)
			if f.Tag.Negatable != "" {
				names = append(names, "no-"+f.Name)
			}
		}
	}
	return names
}

func childrenOf(node *kong.Node) (names []string) {
	for _, c := range node.Children {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	return names
}

// plainChoices removes the empty choice, which stands for a flag that is not given, and the
// quotes of the others.
func plainChoices(text string) string {
	flag, rest, _ := strings.Cut(text, " must be one of ")
	choices, got, _ := strings.Cut(rest, " but got ")
	var words []string
	for _, c := range strings.Split(choices, ",") {
		if c = strings.Trim(c, `"`); c != "" {
			words = append(words, c)
		}
	}
	return fmt.Sprintf("%s must be one of %s but got %s", flag, strings.Join(words, ", "), got)
}
