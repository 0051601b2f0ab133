package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"text/template"

	"github.com/sbxrun/sbx/sandbox/hint"
)

// formatFunctions are those of docker's templates.
func formatFunctions() template.FuncMap {
	return template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(hint.EscapeJSON(b)), err
		},
		"join":  func(list []string, between string) string { return strings.Join(list, between) },
		"split": strings.Split, "lower": strings.ToLower, "upper": strings.ToUpper,
		"truncate": func(s string, n int) string { return string([]rune(s)[:min(n, len([]rune(s)))]) },
		"println":  fmt.Sprintln,
	}
}

// printFormat prints each value as docker's --format has it: by a Go template, as a table
// with "table" before it, or as JSON.
func printFormat(w io.Writer, format string, list []any) error {
	if format == "json" {
		for _, v := range list {
			b, err := json.Marshal(v)
			if err == nil {
				_, err = fmt.Fprintf(w, "%s\n", hint.EscapeJSON(b))
			}
			if err != nil {
				return err
			}
		}
		return nil
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
		if err := execute(t, &b, v); err != nil {
			return formatError(err)
		}
		b.WriteByte('\n')
	}
	return printTable(w, b.String(), table)
}

// execute fills in a template, by the fields of the value, or by those of its JSON form.
func execute(t *template.Template, w *strings.Builder, v any) error {
	var line strings.Builder
	err := t.Execute(&line, v)
	if err != nil {
		var object any
		b, e := json.Marshal(v)
		if e == nil {
			e = json.Unmarshal(b, &object)
		}
		line.Reset()
		if e != nil || t.Execute(&line, object) != nil {
			return err
		}
	}
	w.WriteString(line.String())
	return nil
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

func anys[T any](list []T) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = v
	}
	return out
}
