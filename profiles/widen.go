package profiles

import "strings"

// Widens lists what a profile gives beyond what a command has without any
// profile, a line each, with its place. It is for the file of a project, whose
// author the user may never have heard of, and is asked of it with all that it
// extends.
//
// The schema says of each key what it widens, and a key that says nothing can
// only tighten: hide, drop, the limits. A writable place in memory and a variable
// that is set count as widening too. They are small, but PATH is a variable.
func Widens(p Profile) (lines []string) {
	for _, w := range Widenings(p) {
		lines = append(lines, w.Text)
	}
	return lines
}

// A Widening is a line of Widens, and where it is from.
type Widening struct {
	Text string
	From Line
}

// Widenings are those of Widens.
func Widenings(p Profile) (all []Widening) {
	say := func(k *key, text string, from Line) {
		all = append(all, Widening{strings.Replace(k.wider, "%", text, 1) + " (" + from.String() + ")", from})
	}
	for i := range schema {
		k := &schema[i]
		switch {
		case k.wider == "":
		case k.kind == assignments:
			for _, a := range p.Env.Set {
				say(k, a.Name+"="+a.Value, a.From)
			}
		case k.kind.list():
			for _, v := range *k.many(&p) {
				say(k, strings.TrimSuffix(v.Text, "?"), v.From)
			}
		default:
			if v := *k.one(&p); v.Said() && k.tightness(v.Text) > k.tightness(k.usual) {
				say(k, v.Text, v.From)
			}
		}
	}
	return all
}
