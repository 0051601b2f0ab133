package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/control"
)

// A screen is a table that is written anew in its place. It changes nothing of the
// terminal that would have to be put back.
type screen struct {
	lines int
	anew  bool // from the top of the terminal
}

// show writes the table over the last one, as far as there is room: a line that is wrapped,
// or that scrolls, could not be gone back to.
func (s *screen) show(w io.Writer, list []reading, size *specs.Box) error {
	var b bytes.Buffer
	width, height := 0, len(list)+1
	if size != nil && size.Width > 0 && size.Height > 1 {
		width, height = int(size.Width), int(size.Height)-1
	}
	if err := writeStats(&b, list, width); err != nil {
		return err
	}
	lines := strings.SplitAfter(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) > height {
		lines = lines[:height]
		lines[height-1] = fmt.Sprintf("... and %d more\n", len(list)-height+2)
	}
	back := ""
	if up := min(s.lines, height); up > 0 {
		back = fmt.Sprintf("\x1b[%dA", up)
	}
	if s.anew {
		back = "\x1b[H"
	}
	s.lines, s.anew = len(lines), false
	text := strings.TrimSuffix(strings.Join(lines, ""), "\n") + "\n"
	_, err := io.WriteString(w, "\r"+back+"\x1b[J"+text)
	return err
}

// writeStats writes a table, of which no line is wider than that many columns. 0 is no
// bound.
func writeStats(w io.Writer, list []reading, width int) error {
	var b bytes.Buffer
	t := tabwriter.NewWriter(&b, 0, 8, 3, ' ', 0)
	fmt.Fprintln(t, "ID\tNAME\tCPU\tMEMORY\tLIMIT\tPEAK\tPROCESSES\tREAD\tWRITTEN")
	for _, r := range list {
		var taken control.Taken
		if r.Taken != nil {
			taken = *r.Taken
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, cut(plain(r.Name), 24, false), percent(r.Processors),
			size(taken.Memory), size(taken.MemoryLimit), size(taken.MemoryPeak), of(taken), size(taken.ReadBytes), size(taken.WrittenBytes))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(b.String()) {
		line = strings.TrimRight(line, " \n")
		if runes := []rune(line); width > 0 && len(runes) > width {
			line = string(runes[:width])
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// What is not known is a dash, and never 0.
const unknown = "-"

func percent(processors *float64) string {
	if processors == nil {
		return unknown
	}
	return fmt.Sprintf("%.1f%%", 100**processors)
}

// size says bytes with three digits or so.
func size(n *uint64) string {
	if n == nil {
		return unknown
	}
	if *n < 1<<10 {
		return fmt.Sprintf("%dB", *n)
	}
	x, units := float64(*n)/(1<<10), "KMGTPE"
	for x >= 1000 {
		x, units = x/(1<<10), units[1:]
	}
	if x < 9.95 {
		return fmt.Sprintf("%.1f%ciB", x, units[0])
	}
	return fmt.Sprintf("%.0f%ciB", x, units[0])
}

// of is how many processes there are, and may be.
func of(t control.Taken) string {
	switch {
	case t.Processes == nil:
		return unknown
	case t.ProcessLimit == nil:
		return fmt.Sprint(*t.Processes)
	}
	return fmt.Sprintf("%d / %d", *t.Processes, *t.ProcessLimit)
}
