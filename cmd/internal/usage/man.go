package usage

import (
	"fmt"
	"strings"
)

// A Page is a man page's file.
type Page struct {
	Name string
	Text []byte
}

// Manual makes sbx.1, and a page for each command and each of theirs.
func Manual(version string, commands []Command) []Page {
	top := Command{Name: "sbx", Summary: "Run a command in a sandbox: no root, no daemon, no setuid program.", Commands: commands}
	return pages(version, top)
}

func pages(version string, c Command) []Page {
	all := []Page{{strings.ReplaceAll(c.Name, " ", "-") + ".1", manPage(version, c)}}
	for _, s := range c.Commands {
		if strings.HasPrefix(s.Name, c.Name+" ") { // a shorter way to another command has its page
			all = append(all, pages(version, s)...)
		}
	}
	return all
}

func manPage(version string, c Command) []byte {
	var b strings.Builder
	name := strings.ReplaceAll(c.Name, " ", "-")
	fmt.Fprintf(&b, ".TH \"%s\" 1 \"\" \"sbx %s\" \"sbx\"\n.SH NAME\n%s \\- %s\n", strings.ToUpper(roff(name)), roff(version), roff(name), roff(short(c.Summary)))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n.SH DESCRIPTION\n%s\n", roff(c.Line()), roff(c.Summary))
	if len(c.Commands) > 0 {
		b.WriteString(".SH COMMANDS\n")
		for _, s := range c.Commands {
			item(&b, s.Name, s.Summary)
		}
	}
	if args := described(c.Args); len(args) > 0 {
		b.WriteString(".SH ARGUMENTS\n")
		for _, a := range args {
			item(&b, a.Name, a.Help)
		}
	}
	if len(c.Flags) > 0 {
		b.WriteString(".SH OPTIONS\n")
	}
	group := ""
	for _, f := range c.Flags {
		if f.Group != group {
			group = f.Group
			fmt.Fprintf(&b, ".SS %s\n", roff(group))
		}
		help := f.Help
		for _, alias := range f.Aliases {
			help += " Also --" + alias + "."
		}
		item(&b, strings.TrimSpace(f.Spelling()), help)
	}
	if examples := Examples(c.Name); len(examples) > 0 {
		b.WriteString(".SH EXAMPLES\n")
		for _, e := range examples {
			item(&b, e.Line, e.Does)
		}
	}
	exits(&b, c)
	if c.Name != "sbx" {
		above := c.Name[:strings.LastIndexByte(c.Name, ' ')]
		fmt.Fprintf(&b, ".SH SEE ALSO\n.BR %s (1)\n", roff(strings.ReplaceAll(above, " ", "-")))
	}
	return []byte(b.String())
}

// exits is the section of the exit code, where that is more than success and failure.
func exits(b *strings.Builder, c Command) {
	if c.Name != "sbx" && c.Name != "sbx run" && c.Name != "sbx exec" {
		return
	}
	b.WriteString(".SH EXIT STATUS\n")
	for _, e := range [...]Example{
		{"124", "The command was ended by --timeout."}, {"125", "sbx failed, and the command did not run."},
		{"126", "The command is not executable."}, {"127", "The command was not found."},
		{"128+N", "The command was ended by signal N."}, {"other", "The command's own."},
	} {
		item(b, e.Line, e.Does)
	}
}

func item(b *strings.Builder, what, help string) {
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(what), roff(help))
}

func short(summary string) string {
	s := strings.TrimSuffix(summary, ".")
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// roff escapes text for a line of roff(7).
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "\n", " ").Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}
