package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/control"
)

// TestStats: what two sandboxes take is what they do.
func TestStats(t *testing.T) {
	_, sbx := lives(t)
	if out := sbx("stats"); strings.Count(out, "\n") != 1 {
		t.Errorf("of nothing: %s", out)
	}
	sbx("run", "-d", "--name", "busy", "--", "sh", "-c", "while :; do :; done")
	sbx("run", "-d", "--name", "fat", "-p", ":80", "--", "sh", "-c", "head -c 50000000 /dev/zero | tail -c 50000000 | sleep 60")
	defer sbx("rm", "-f", "busy", "fat")
	stat := func(args ...string) (list []reading) {
		t.Helper()
		if err := json.Unmarshal([]byte(sbx(append([]string{"stats", "--json"}, args...)...)), &list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	until(t, "what the sandbox does", func() bool {
		l := stat("fat")
		return l[0].Memory != nil && *l[0].Memory > 50_000_000 && *l[0].Processors < 0.5
	})
	list := stat("busy", "fat")
	busy, fat := list[0], list[1]
	if busy.Name != "busy" || *busy.Processors < 0.02 || *busy.Processors > 1.5 || busy.CPU < 0.1 || *busy.Memory > 5<<20 || *busy.Processes != 2 {
		t.Errorf("%+v %+v", busy, busy.Taken)
	}
	if *fat.Processors > 0.5 || *fat.Memory > 60<<20 || *fat.Processes < 4 || fat.From != control.FromProcesses || fat.ReadBytes == nil {
		t.Errorf("%+v %+v", fat, fat.Taken)
	}
	if all := stat(); len(all) != 2 || all[0].Name != "fat" {
		t.Errorf("%+v", all)
	}
	table := sbx("stats", "--no-stream", "fat")
	if lines := strings.Split(table, "\n"); len(lines) != 3 || !matches(`ID +NAME +CPU +MEMORY +LIMIT +PEAK +PROCESSES +READ +WRITTEN`, lines[0]) ||
		!matches(`[0-9a-f]{12} +fat +[0-9.]+% +(4[89]|5[0-9])MiB +- +- +[45] +[0-9.]+[KM]?i?B +0B`, lines[1]) {
		t.Errorf("%s", table)
	}
	var inspected []live
	if err := json.Unmarshal([]byte(sbx("inspect", "fat")), &inspected); err != nil {
		t.Fatal(err)
	}
	l := inspected[0]
	if l.Usage == nil || *l.Usage.Memory < 50_000_000 || len(l.Processes) < 4 || l.Net != "none" || len(l.Published) != 1 || !matches(`127\.0\.0\.1:[1-9][0-9]*:80/tcp`, l.Published[0]) {
		t.Errorf("%+v", l)
	}
	if out := sbx("ps"); !strings.Contains(out, l.Published[0]) {
		t.Errorf("%s", out)
	}
	sbx("stop", "-t", "0", "busy")
	if all := stat(); len(all) != 1 {
		t.Errorf("%+v", all)
	}
	if out := sbx("inspect", "busy"); strings.Contains(out, `"usage"`) || strings.Contains(out, `"processes"`) {
		t.Errorf("%s", out)
	}
	// The processes' names are theirs to choose.
	sbx("run", "-d", "--name", "named", "--", "sh", "-c", "sh -c 'sleep 60; :' \"$(printf 'x\\033]0;title\\007')\"")
	defer sbx("rm", "-f", "named")
	until(t, "what the sandbox does", func() bool { return strings.Contains(sbx("top", "named"), `x\x1b]0;title\a`) })
}

// TestStatsAtTerminal: the table is written over itself, follows the terminal's size, and
// ends by ctrl-c.
func TestStatsAtTerminal(t *testing.T) {
	_, sbx := lives(t)
	sbx("run", "-d", "--name", "one", "--", "sleep", "60")
	defer sbx("rm", "-f", "one")
	y := shell(t)
	y.Types("sbx stats; echo code $?\n")
	y.Sees("WRITTEN")
	y.Sees("one")
	y.Sees("\x1b[2A\x1b[J")
	sbx("run", "-d", "--name", "two", "--", "sleep", "60")
	y.Sees("two")
	y.Sees("\x1b[3A\x1b[J")
	y.Resizes(24, 30)
	y.Sees("\x1b[H\x1b[J")
	y.Sees("ID             NAME   CPU    M\r\n")
	y.Resizes(3, 80)
	y.Sees("\x1b[H\x1b[J")
	y.Sees("... and 2 more\r\n")
	sbx("rm", "-f", "two")
	y.Types("\x03")
	y.Sees("code 0\r\nouter> ")
	y.Types("stty -a | grep -o -e '-*icanon'\n")
	y.Sees("'\r\nicanon")
}

func TestScreen(t *testing.T) {
	n := func(n uint64) *uint64 { return &n }
	busy := 0.5
	list := []reading{{ID: "0123456789ab", Name: "a", Processors: &busy, Taken: &control.Taken{Memory: n(1536), MemoryLimit: n(2 << 30), MemoryPeak: n(1 << 20), Processes: n(3), ProcessLimit: n(64),
		ReadBytes: n(0), WrittenBytes: n(999)}}, {ID: "ba9876543210", Name: strings.Repeat("n", 100)}}
	var b bytes.Buffer
	var s screen
	if err := s.show(&b, list, nil); err != nil {
		t.Fatal(err)
	}
	want := "\r\x1b[J" + `ID             NAME                       CPU     MEMORY   LIMIT    PEAK     PROCESSES   READ   WRITTEN
0123456789ab   a                          50.0%   1.5KiB   2.0GiB   1.0MiB   3 / 64      0B     999B
ba9876543210   nnnnnnnnnnnnnnnnnnnnnnn…   -       -        -        -        -           -      -
`
	if b.String() != want {
		t.Errorf("%q\nwant %q", b.String(), want)
	}
	for rows := 2; rows < 6; rows++ { // it never scrolls
		b.Reset()
		if err := s.show(&b, list, &specs.Box{Height: uint(rows), Width: 20}); err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(b.String(), "\n"); lines > rows-1 {
			t.Errorf("%d lines in %d rows", lines, rows)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[uint64]string{0: "0B", 1023: "1023B", 1024: "1.0KiB", 10 << 10: "10KiB", 999 << 10: "999KiB", 1000 << 10: "1.0MiB", 1 << 40: "1.0TiB", 1<<64 - 1: "16EiB"} {
		if got := size(&n); got != want {
			t.Errorf("%d: %s, not %s", n, got, want)
		}
	}
	if got := size(nil); got != unknown {
		t.Error(got)
	}
	if fmt.Sprint(percent(nil), of(control.Taken{})) != "--" {
		t.Error("what is not known is shown")
	}
}
