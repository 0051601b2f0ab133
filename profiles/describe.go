package profiles

import (
	"slices"
	"strings"
)

// Describe prints a profile in its own language, and behind each value the line
// that it comes from. What it prints can be written to a file and is the same
// profile.
func Describe(p Profile) string {
	var b strings.Builder
	b.WriteString("# profile " + clean(p.Name) + "\n")
	for _, table := range tables {
		var t strings.Builder
		for i := range schema {
			if k := &schema[i]; k.table == table {
				k.describe(&t, &p)
			}
		}
		if t.Len() > 0 && table != "" {
			b.WriteString("\n[" + table + "]\n")
			b.WriteString(p.limitsInForce(table))
		}
		b.WriteString(t.String())
	}
	return b.String()
}

// limitsInForce says when the limits that sbx brings hold: a profile that is chosen by the
// command's name takes no cgroup, which takes longer than a command may run.
func (p *Profile) limitsInForce(table string) string {
	l := p.Limits
	for _, v := range []Value{l.Memory, l.MemorySwap, l.CPUs, l.CPUWeight, l.CPUSet} {
		if table == "limits" && v.Said() && v.From.BuiltIn() {
			return "# with --profile; where the command's name chooses the profile, only pids holds, for each user\n"
		}
	}
	return ""
}

func (k *key) describe(b *strings.Builder, p *Profile) {
	switch {
	case k.kind == assignments:
		for _, a := range p.Env.Set {
			b.WriteString(k.name + "." + a.Name + " = " + tomlString(a.Value) + from(a.From))
		}
	case k.kind.list():
		list := *k.many(p)
		if len(list) == 0 {
			return
		}
		b.WriteString(k.name + " = [\n")
		for _, v := range list {
			b.WriteString("  " + tomlString(v.Text) + "," + from(v.From))
		}
		b.WriteString("]\n")
	case k.one(p).Said():
		v := *k.one(p)
		if k.kind == aSwitch {
			b.WriteString(k.name + " = " + v.Text + from(v.From))
		} else {
			b.WriteString(k.name + " = " + tomlString(v.Text) + from(v.From))
		}
	}
}

// tomlString writes a string of printable characters, which is what all values
// are.
func tomlString(text string) string {
	return `"` + strings.ReplaceAll(strings.ReplaceAll(text, `\`, `\\`), `"`, `\"`) + `"`
}

func from(l Line) string { return "  # " + clean(l.String()) + "\n" }

// A Row is a profile in a list.
type Row struct {
	Name, Description string
	// Own is the user's, and Replaces one that is built in and has its name.
	Own, Replaces bool
	Commands      []string
	// Err is why the profile is of no use.
	Err error
}

// List gives all profiles, in order of their names.
func (u *User) List() ([]Row, error) {
	own, err := u.Names()
	if err != nil {
		return nil, err
	}
	names := append(Names(), own...)
	slices.Sort(names)
	var rows []Row
	for _, name := range slices.Compact(names) {
		_, built := Embedded(name)
		row := Row{Name: name, Own: slices.Contains(own, name)}
		row.Replaces = row.Own && built
		p, err := u.Resolve([]string{name})
		row.Description, row.Err = p.Description.Text, err
		for _, c := range p.Commands {
			row.Commands = append(row.Commands, c.Text)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Key is a key of the schema, for help and for completion.
type Key struct {
	Name, Wants string
	// Widens tells whether a project's file that says it needs to be trusted.
	Widens bool
}

// Schema gives all keys.
func Schema() []Key {
	keys := make([]Key, len(schema))
	for i := range schema {
		k := &schema[i]
		keys[i] = Key{k.String(), k.wants(), k.wider != "" || k.kind == profileNames}
	}
	return keys
}
