package userns

import "strings"

// A Step is one thing the child does, in words and as system calls. Steps are
// plain structs: a plan is compared in tests as data, and the string of a step
// is what --dry-run prints, what -v prints, and what an error says of it.
type Step interface {
	String() string
	lower(a *assembler)
}

// words joins the parts that are not empty by spaces.
func words(parts ...string) string {
	var kept []string
	for _, p := range parts {
		if p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}
