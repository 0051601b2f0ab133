package usage

import (
	"fmt"
	"io"
	"strings"
)

// An Example is a command line and what it is for.
type Example struct{ Line, Does string }

const (
	width  = 100
	column = 34 // where the help of a flag begins
)

// Help prints what -h prints.
func Help(w io.Writer, c Command, examples []Example) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Usage: %s\n\n%s\n", c.Line(), wrap(c.Summary, 0))
	if len(c.Commands) > 0 {
		b.WriteString("\nCommands:\n")
		for _, s := range c.Commands {
			row(&b, s.Word(), s.Summary)
		}
	}
	if args := described(c.Args); len(args) > 0 {
		b.WriteString("\nArguments:\n")
		for _, a := range args {
			row(&b, a.Name, a.Help)
		}
	}
	group := "\n" // no group has that name
	for _, f := range c.Flags {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, "\n%s:\n", orWord(group, "Flags"))
		}
		row(&b, f.Spelling(), f.Help)
	}
	if len(examples) > 0 {
		b.WriteString("\nExamples:\n")
		for _, e := range examples {
			row(&b, e.Line, e.Does)
		}
	}
	if len(c.Commands) > 0 {
		fmt.Fprintf(&b, "\n%s COMMAND --help prints more of each.\n", c.Name)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func orWord(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func described(args []Arg) (some []Arg) {
	for _, a := range args {
		if a.Help != "" {
			some = append(some, a)
		}
	}
	return some
}

// Spelling is how a flag is typed: -m, --memory=SIZE.
func (f Flag) Spelling() string {
	s := "    --"
	if f.Short != "" {
		s = "-" + f.Short + ", --"
	}
	if f.Negatable {
		s += "[no-]"
	}
	s += f.Name
	switch {
	case f.Optional:
		s += "[=" + f.Value + "]"
	case f.Value != "":
		s += "=" + f.Value
	}
	return s
}

// row prints a word and, from a fixed column on, what it is.
func row(b *strings.Builder, word, help string) {
	switch {
	case help == "":
		fmt.Fprintf(b, "  %s\n", word)
	case len(word) > column-4:
		fmt.Fprintf(b, "  %s\n%*s%s\n", word, column, "", wrap(help, column))
	default:
		fmt.Fprintf(b, "  %-*s%s\n", column-2, word, wrap(help, column))
	}
}

// wrap breaks text into lines, the later ones indented.
func wrap(text string, indent int) string {
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			fmt.Fprintf(&b, "\n%*s", indent, "")
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
