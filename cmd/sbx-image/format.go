package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/sbxrun/sbx/sandbox/hint"
)

// formatFunctions are those of docker's templates.
func formatFunctions() template.FuncMap {
	return template.FuncMap{
		"json": func(v any) (string, error) {
			var b strings.Builder
			err := hint.WriteJSONLine(&b, v)
			return strings.TrimSuffix(b.String(), "\n"), err
		},
		"join": func(list []any, between string) string {
			var words []string
			for _, v := range list {
				words = append(words, fmt.Sprint(v))
			}
			return strings.Join(words, between)
		},
		"split": strings.Split, "lower": strings.ToLower, "upper": strings.ToUpper,
		"truncate": func(s string, n int) string { return string([]rune(s)[:min(n, len([]rune(s)))]) },
		"println":  fmt.Sprintln,
	}
}

// formatCommand prints the values of a JSON array, from standard input, as docker's --format
// has it. It is here for sbx, whose every start package template would make longer.
type formatCommand struct {
	Format string `arg:""`
}

func (c *formatCommand) Run(r *run) error {
	decoder := json.NewDecoder(os.Stdin)
	decoder.UseNumber()
	var list []any
	if err := decoder.Decode(&list); err != nil {
		return err
	}
	for i := range list {
		list[i] = plainNumbers(list[i])
	}
	return printFormat(r.out, c.Format, list)
}

// An object is one of JSON, as templates see it.
type object map[string]any

// Label is the value of one label, for a template of ps.
func (o object) Label(name string) string {
	labels, _ := o["LabelValues"].(object)
	value, _ := labels[name].(string)
	return value
}

// plainNumbers gives a template numbers that it can compare, and objects.
func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return int(n)
		}
		f, _ := v.Float64() // it is one, by JSON
		return f
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = plainNumbers(v[key])
		}
		return object(v)
	}
	return v
}

// printFormat prints each value by a Go template, as a table with "table" before it, or as
// JSON.
func printFormat(w io.Writer, format string, list []any) error {
	if format == "json" {
		format = "{{json .}}"
	}
	format = strings.NewReplacer(`\t`, "\t", `\n`, "\n").Replace(format)
	format, table := strings.CutPrefix(format, "table ")
	t, err := template.New("").Option("missingkey=error").Funcs(formatFunctions()).Parse(format)
	if err != nil {
		return formatError(err)
	}
	var b strings.Builder
	if table {
		fmt.Fprintln(&b, heading(format))
	}
	for _, v := range list {
		if err := t.Execute(&b, v); err != nil {
			return formatError(err)
		}
		b.WriteByte('\n')
	}
	return printTable(w, b.String(), table)
}

// formatError leaves out what package template says about itself.
func formatError(err error) error {
	return fmt.Errorf("--format: %s", strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), ":1: "))
}

// heading is a template's own words, in capitals.
func heading(format string) string {
	var b strings.Builder
	for rest := format; rest != ""; {
		before, action, found := strings.Cut(rest, "{{")
		b.WriteString(before)
		if !found {
			break
		}
		action, rest, _ = strings.Cut(action, "}}")
		words := strings.Fields(strings.NewReplacer(".", " ", `"`, " ").Replace(action))
		if len(words) > 0 {
			b.WriteString(strings.ToUpper(words[len(words)-1]))
		}
	}
	return b.String()
}

// printTable prints lines. What untrusted commands have named is in them.
func printTable(w io.Writer, text string, table bool) error {
	var out io.Writer = w
	columns := tabwriter.NewWriter(w, 0, 8, 3, ' ', 0)
	if table {
		out = columns
	}
	for line := range strings.Lines(text) {
		cells := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		for i := range cells {
			cells[i] = plain(cells[i])
		}
		if _, err := fmt.Fprintln(out, strings.Join(cells, "\t")); err != nil {
			return err
		}
	}
	return columns.Flush()
}
