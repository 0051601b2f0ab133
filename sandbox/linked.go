package sandbox

import (
	"path/filepath"

	"github.com/sbxrun/sbx/sandbox/runlater"
)

// noteLinked names the changed files that have names elsewhere, where the command could not
// write but by these. One that is moved aside runs later there as before. It is no error: the
// name may be that of what an earlier run had moved aside.
func (c *Cmd) noteLinked(report runlater.Report) {
	var noted []runlater.Finding
	for _, f := range report.Linked {
		name := filepath.Join(f.Root, f.Path)
		switch {
		case !c.Spec.AllowRunLater && report.Moves(f.Root, f.Path):
			c.notice(true, "look for the other names (hard links) of %s: there it is as the command left it", name)
		case f.What == runlater.Doubtful:
			c.left(func(r *Receipt) { r.LinkedDoubtful = append(r.LinkedDoubtful, name) })
			continue
		default:
			noted = append(noted, f)
		}
		c.left(func(r *Receipt) { r.Linked = append(r.Linked, name) })
	}
	if len(noted) > 0 {
		c.note("files that have other names elsewhere (hard links) changed, and there too: %s", c.some(noted))
	}
	if report.LinkedMore {
		c.note("too many changed files have several names (hard links): which of them have names elsewhere is not known")
	}
}
