package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/state"
)

// psVerb is sbx ps.
func psVerb(u ui, args []string) int {
	var flags struct {
		All     bool   `short:"a" help:"Also those that have ended."`
		Quiet   bool   `short:"q" help:"Print ids only."`
		Json    bool   `help:"Print a JSON array of what sbx inspect says."`
		NoTrunc bool   `help:"Print whole commands."`
		Filter  []text `short:"f" sep:"none" placeholder:"KEY=VALUE" help:"Print those only: label=NAME[=VALUE], name=PART, id=BEGINNING, status=WORD, exited=CODE, ancestor=IMAGE."`
		Format  string `placeholder:"TEMPLATE|json" help:"Print each by a Go template, as docker does ('table ...' for columns)."`
		Last    int    `short:"n" placeholder:"N" help:"Print the N newest, whatever they do."`
		Latest  bool   `short:"l" help:"Print the newest, whatever it does."`
	}
	if done, code := parseVerb(u, "ps", "List the sandboxes that run in the background or have a name.", &flags, args); done {
		return code
	}
	filters, err := parseFilters(flags.Filter)
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	showNotices(u)
	list, failed := all.List()
	if flags.Latest {
		flags.Last = 1
	}
	shown := []state.Record{}
	for _, r := range list {
		if (flags.All || r.Alive() || filters.ended() || flags.Last > 0) && filters.match(r) {
			shown = append(shown, r)
		}
	}
	if flags.Last > 0 {
		shown = shown[:min(len(shown), flags.Last)]
	}
	switch {
	case flags.Format != "":
		err = printFormat(u, flags.Format, psViews(shown, flags.NoTrunc))
	case flags.Json:
		err = printJSON(u, shown)
	case flags.Quiet:
		for _, r := range shown {
			fmt.Fprintln(u.out, r.ID)
		}
	default:
		err = psTable(u, shown, flags.NoTrunc)
		for _, o := range orphans() {
			u.say("%v", o)
		}
	}
	code := exitOf(u, err, "")
	for _, err := range failed {
		u.fail(err, sandbox.Hint(err))
		code = exitFailed
	}
	return code
}

func printJSON(u ui, what any) error { return hint.WriteJSON(u.out, what) }

func psTable(u ui, list []state.Record, whole bool) error {
	w := tabwriter.NewWriter(u.out, 0, 8, 3, ' ', 0)
	fmt.Fprintln(w, "ID\tNAME\tROOT\tCOMMAND\tSTATUS\tPORTS")
	for _, r := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, plain(r.Name), cut(plain(root(r)), 30, whole), cut(plain(strings.Join(r.Command, " ")), 40, whole),
			status(r), ports(r))
	}
	return w.Flush()
}

// ports are those that are published. They are others' again when it has ended.
func ports(r state.Record) string {
	if !r.Alive() {
		return ""
	}
	return strings.Join(r.Published, ", ")
}

// root says what a sandbox has for a root, as run is told.
func root(r state.Record) string {
	switch {
	case r.Image != "":
		return r.Image
	case r.Rootfs != "":
		return r.Rootfs
	case r.View == "" || r.View == sandbox.HostView.String():
		return "host"
	}
	return r.View
}

// cut shortens what is longer than a column, at a rune.
func cut(s string, most int, whole bool) string {
	runes := []rune(s)
	if whole || len(runes) <= most {
		return s
	}
	return string(runes[:most-1]) + "…"
}

func status(r state.Record) string {
	since := ago(r.Since())
	switch r.Status {
	case state.Running:
		return "up " + since
	case state.Paused:
		return "up " + since + " (paused)"
	case state.Exited, state.Dead:
		code := 0
		if r.Exit != nil {
			code = *r.Exit
		}
		return fmt.Sprintf("%s (%d) %s ago", r.Status, code, since)
	}
	return string(r.Status)
}

// ago says a duration with one unit, as people do.
func ago(d time.Duration) string {
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}} {
		if n := d / unit.of; n > 0 {
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than a second"
}

// inspectVerb is sbx inspect.
func inspectVerb(u ui, args []string) int {
	var flags struct {
		Json   bool     `help:"Is what it prints."`
		Format string   `short:"f" placeholder:"TEMPLATE|json" help:"Print each by a Go template, as docker does."`
		Box    []string `arg:"" name:"SANDBOX" help:"A name, an id, or the beginning of one."`
	}
	if done, code := parseVerb(u, "inspect", "Print all that is known of sandboxes, as a JSON array.", &flags, args); done {
		return code
	}
	all, err := sandboxes()
	if err != nil {
		return exitOf(u, err, sandbox.Hint(err))
	}
	list, code := []live{}, 0
	for _, name := range flags.Box {
		r, err := all.Find(name)
		if err != nil {
			u.fail(ofBox(name, err), boxHint(err))
			code = exitFailed
			continue
		}
		list = append(list, liveOf(all, r))
	}
	if flags.Format != "" {
		err = printFormat(u, flags.Format, inspectViews(list))
	} else {
		err = printJSON(u, list)
	}
	if err != nil {
		return exitOf(u, err, "")
	}
	return code
}
