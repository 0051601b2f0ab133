package sandbox

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/sbxrun/sbx/sandbox/hint"
	"github.com/sbxrun/sbx/sandbox/runlater"
)

// toldNames is how many names are on a line.
const toldNames = 12

// noteLeft names what stays where it is: new hidden files and directories, since the
// next tool that runs a file without being asked is on no list yet, and programs in the
// caller's PATH that stand before no other.
func (c *Cmd) noteLeft(report runlater.Report) {
	for _, f := range report.Unknown {
		c.left(func(r *Receipt) { r.Unknown = append(r.Unknown, filepath.Join(f.Root, f.Path)) })
	}
	for _, f := range report.Programs {
		c.left(func(r *Receipt) { r.Programs = append(r.Programs, filepath.Join(f.Root, f.Path)) })
	}
	for _, f := range report.Index {
		c.left(func(r *Receipt) { r.Index = append(r.Index, filepath.Join(f.Root, f.Path)) })
	}
	if len(report.Index) > 0 {
		c.notice(true, "look at git's index before git restore or git stash: %s", c.some(report.Index))
	}
	if len(report.Unknown) > 0 {
		c.notice(true, "new names, check them before you use the project: %s", c.some(report.Unknown))
	}
	if len(report.Programs) > 0 {
		c.notice(true, "new or changed programs in your PATH: %s", c.some(report.Programs))
	}
}

// some names the first few, each reason once.
func (c *Cmd) some(all []runlater.Finding) string {
	first := slices.Clone(all)
	// The command can make any number of names that no tool is known to run.
	slices.SortStableFunc(first, func(a, b runlater.Finding) int {
		return cmp.Or(cmp.Compare(unknownLast(a), unknownLast(b)), strings.Compare(b.Why, a.Why))
	})
	first = first[:min(len(first), toldNames)]
	var names []string
	for i, f := range first {
		name := filepath.Join(f.Root, f.Path)
		if f.Root == c.Spec.Project {
			name = f.Path
		}
		name = hint.Short(name)
		if f.Why != "" && (i+1 == len(first) || first[i+1].Why != f.Why) {
			name += " (" + hint.Short(f.Why) + ")"
		}
		names = append(names, name)
	}
	line := strings.Join(names, ", ")
	if n := len(all) - len(names); n > 0 {
		line += fmt.Sprintf(" and %d more, which --receipt FILE lists", n)
	}
	return line
}

func unknownLast(f runlater.Finding) int {
	if f.Why == runlater.StrangeWhy {
		return 1
	}
	return 0
}
