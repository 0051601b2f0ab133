package usage

import "strings"

// What a word may be: one of some, or what the shell or sbx knows.
type What struct {
	Words []Example // a word and what it is
	Kind  Kind
}

// A Kind is where words come from that the grammar does not have.
type Kind string

const (
	Files     Kind = "files"
	Dirs      Kind = "dirs"
	Programs  Kind = "programs" // and the files of their arguments
	Sandboxes Kind = "sandboxes"
	Images    Kind = "images"
	Profiles  Kind = "profiles"
	Sets      Kind = "sets"
	Verbs     Kind = "verbs"
)

// Complete says what the last word may be, which is typed in part. The others are what is
// before it, behind the command's own words.
func Complete(c Command, words []string) (w What, prefix string) {
	typed := words[len(words)-1]
	at := 0 // of the arguments
	for i := 0; i < len(words)-1; i++ {
		word := words[i]
		if word == "--" {
			return c.behind(at, len(words)-i > 2), ""
		}
		if !strings.HasPrefix(word, "-") || word == "-" {
			if rest, ok := c.arg(at); ok && rest.Rest {
				return What{Kind: Programs}, ""
			}
			at++
			continue
		}
		f, ok := c.flag(word)
		if ok && f.Value != "" && !f.Optional && !strings.Contains(word, "=") {
			if i == len(words)-2 {
				return f.what(), ""
			}
			i++
		}
	}
	if name, _, ok := strings.Cut(typed, "="); ok && strings.HasPrefix(typed, "--") {
		if f, known := c.flag(name); known && f.Value != "" {
			return f.what(), name + "="
		}
	}
	if strings.HasPrefix(typed, "-") {
		return c.flagWords(), ""
	}
	return c.behind(at, false), ""
}

// behind is what comes as an argument. PastFirst says that another word stands between "--" and it.
func (c Command) behind(at int, pastFirst bool) What {
	if len(c.Commands) > 0 {
		var w What
		for _, s := range c.Commands {
			w.Words = append(w.Words, Example{s.Word(), s.Summary})
		}
		return w
	}
	a, ok := c.arg(at)
	switch {
	case !ok && !pastFirst:
		return What{}
	case pastFirst || a.Rest:
		return What{Kind: Programs}
	}
	return What{Kind: kindOf(a.Name)}
}

func (c Command) arg(at int) (Arg, bool) {
	if at >= len(c.Args) && len(c.Args) > 0 && c.Args[len(c.Args)-1].Repeated {
		at = len(c.Args) - 1
	}
	if at >= len(c.Args) {
		return Arg{}, false
	}
	return c.Args[at], true
}

func (c Command) flag(word string) (Flag, bool) {
	name, isLong := strings.CutPrefix(word, "--")
	name, _, _ = strings.Cut(name, "=")
	for _, f := range c.Flags {
		if isLong && (f.Name == name || contains(f.Aliases, name)) {
			return f, true
		}
		// Of -it the last is the one that takes a value.
		if !isLong && f.Short != "" && strings.HasSuffix(word, f.Short) {
			return f, true
		}
	}
	return Flag{}, false
}

func contains(words []string, word string) bool {
	for _, w := range words {
		if w == word {
			return true
		}
	}
	return false
}

func (c Command) flagWords() (w What) {
	for _, f := range c.Flags {
		w.Words = append(w.Words, Example{"--" + f.Name, f.Help})
		if f.Negatable {
			w.Words = append(w.Words, Example{"--no-" + f.Name, "Not: " + f.Help})
		}
	}
	return w
}

// what is what a flag's value may be, by its form.
func (f Flag) what() (w What) {
	switch f.Name {
	case "profile":
		return What{Kind: Profiles}
	case "allow", "deny":
		return What{Kind: Sets}
	case "image":
		return What{Kind: Images}
	}
	for _, choice := range strings.Split(f.Value, "|") {
		if isWord(choice) {
			w.Words = append(w.Words, Example{Line: choice})
		}
	}
	if strings.Contains(f.Value, "|") && len(w.Words) > 0 {
		return w
	}
	return What{Kind: kindOf(f.Value)}
}

func kindOf(form string) Kind {
	switch {
	case strings.HasPrefix(form, "SANDBOX"):
		return Sandboxes
	case strings.HasPrefix(form, "IMAGE"), form == "REFERENCE":
		return Images
	case form == "PROFILE":
		return Profiles
	case form == "@SET":
		return Sets
	case form == "COMMAND":
		return Verbs
	case strings.HasPrefix(form, "DIR"):
		return Dirs
	}
	for _, part := range [...]string{"FILE", "PATH", "SRC", "SOURCE", "DEST"} {
		if strings.Contains(form, part) {
			return Files
		}
	}
	return ""
}

func isWord(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && r != '-' {
			return false
		}
	}
	return s != ""
}

// Safe tells whether a word means itself in every shell. What is completed is put into a
// command line, where $(...) of a name that another process chose would be run.
func Safe(word string) bool {
	for i := range len(word) {
		c := word[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && !strings.ContainsRune("-_./:@%+=,", rune(c)) {
			return false
		}
	}
	return word != ""
}
