package main

import (
	"context"
	"fmt"
	"slices"
	"text/tabwriter"

	"github.com/sbxrun/sbx/sandbox"
)

// doctorVerb is sbx doctor [--json]: what this machine grants. It succeeds where sbx run
// would.
func doctorVerb(u ui, args []string) int {
	var flags struct {
		Json bool `help:"Print a JSON array."`
	}
	help := "Check what this machine grants to sandboxes, and print what would fix the rest. The exit code is 0 where sbx run works."
	if done, code := parseVerb(u, "doctor", help, &flags, args); done {
		return code
	}
	findings, err := sandbox.Examine(context.Background())
	if err == nil && flags.Json {
		err = printJSON(u, findings)
	} else if err == nil {
		err = printFindings(u, findings)
	}
	if err != nil {
		u.fail(err, sandbox.Hint(err))
		return exitFailed
	}
	if slices.ContainsFunc(findings, func(f sandbox.Finding) bool { return f.Needed && !f.Granted }) {
		return exitFailed
	}
	return 0
}

func printFindings(u ui, findings []sandbox.Finding) error {
	w := tabwriter.NewWriter(u.out, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		verdict := "ok"
		if !f.Granted {
			verdict = "no"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", verdict, f.Name, plain(f.Says))
		if f.Hint != "" {
			fmt.Fprintf(w, "\t\thint: %s\n", plain(f.Hint))
		}
	}
	return w.Flush()
}
