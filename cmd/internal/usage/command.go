package usage

import (
	"strings"

	"github.com/alecthomas/kong"
)

// A Command is a verb as its grammar has it.
type Command struct {
	Name     string // with the program's: sbx image pull
	Summary  string
	Args     []Arg     `json:",omitempty"`
	Flags    []Flag    `json:",omitempty"`
	Commands []Command `json:",omitempty"`
}

// An Arg is a positional argument.
type Arg struct {
	Name, Help         string
	Optional, Repeated bool
	Rest               bool // it and what follows are a command's
}

// A Flag is one of a command's flags.
type Flag struct {
	Name, Help string
	Short      string   `json:",omitempty"`
	Value      string   `json:",omitempty"` // the form of its value; "" for a switch
	Optional   bool     `json:",omitempty"` // the value may be left out
	Group      string   `json:",omitempty"`
	Aliases    []string `json:",omitempty"`
	Negatable  bool     `json:",omitempty"`
}

// Of reads a kong grammar. name is the program's.
func Of(name string, node *kong.Node) Command {
	c := Command{Name: name, Summary: node.Help}
	for _, f := range node.Flags {
		if !f.Hidden && f.Name != "help" {
			c.Flags = append(c.Flags, flagOf(f))
		}
	}
	c.Flags = append(c.Flags, Flag{Name: "help", Short: "h", Help: "Print this help.", Group: lastGroup(c.Flags)})
	for _, p := range node.Positional {
		c.Args = append(c.Args, Arg{p.Name, p.Help, !p.Required, p.IsCumulative(), p.PassthroughMode != kong.PassThroughModeNone})
	}
	for _, child := range node.Children {
		if !child.Hidden {
			c.Commands = append(c.Commands, Of(name+" "+child.Name, child))
		}
	}
	return c
}

func flagOf(f *kong.Flag) Flag {
	out := Flag{Name: f.Name, Help: f.Help, Aliases: f.Aliases, Negatable: f.Tag.Negatable != ""}
	if f.Short != 0 {
		out.Short = string(f.Short)
	}
	if f.Group != nil {
		out.Group = f.Group.Title
	}
	switch {
	case !f.IsBool() && f.PlaceHolder == "" && f.HasDefault:
		out.Value = strings.ToUpper(f.Name)
	case !f.IsBool():
		out.Value = f.FormatPlaceHolder()
	case f.PlaceHolder != "":
		out.Value, out.Optional = f.PlaceHolder, true
	}
	return out
}

func lastGroup(flags []Flag) string {
	if len(flags) == 0 {
		return ""
	}
	return flags[len(flags)-1].Group
}

// Line is the usage line without the word before it.
func (c Command) Line() string {
	words := []string{c.Name}
	if len(c.Commands) > 0 {
		return c.Name + " COMMAND"
	}
	if len(c.Flags) > 1 {
		words = append(words, "[flags]")
	}
	for _, a := range c.Args {
		word := a.Name
		switch {
		case a.Rest:
			words = append(words, "[--]")
			if word += " [ARG...]"; a.Optional {
				word = "[" + word + "]"
			}
		case a.Repeated:
			word += "..."
		}
		if a.Optional && !a.Rest {
			word = "[" + word + "]"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// Find is the command of these words below c, and how many of them it took.
func (c Command) Find(words []string) (Command, int) {
	for i, word := range words {
		sub, ok := c.sub(word)
		if !ok {
			return c, i
		}
		c = sub
	}
	return c, len(words)
}

func (c Command) sub(word string) (Command, bool) {
	for _, s := range c.Commands {
		if s.Word() == word {
			return s, true
		}
	}
	return Command{}, false
}

// Word is the last word of the name.
func (c Command) Word() string { return c.Name[strings.LastIndexByte(c.Name, ' ')+1:] }
