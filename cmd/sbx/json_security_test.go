package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestOneJSONWriter: what a person or a terminal is shown as JSON goes through package
// hint, which escapes what a terminal obeys. The encoder leaves most of it.
func TestOneJSONWriter(t *testing.T) {
	elsewhere := []string{ // what no terminal is shown
		"asowner.go",        // between
		"audience.go",       // between sbx's own processes
		"sbx-image/pack.go", // in a file of sbx's own
	}
	encoder := regexp.MustCompile(`json\.(NewEncoder|Marshal)`)
	seen := 0
	for _, dir := range []string{".", "../sbx-image"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name := strings.TrimPrefix(file, "../")
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			seen++
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if at := encoder.FindIndex(text); at != nil && !slices.Contains(elsewhere, name) {
				t.Errorf("%s has an encoder of JSON of its own, at line %d; use package hint", name, 1+bytes.Count(text[:at[0]], []byte("\n")))
			}
		}
	}
	if seen < 50 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// hostileName has what a terminal obeys: both forms of CSI, OSC, the turning of writing, a
// line separator, DEL, and bytes that are not UTF-8.
const hostileName = "e\u009b5n\x1b[5n\u009d0;x\u009c\u202e\u2066\u061c\u200f\u2028\x7f\x9b\xff"

// TestSecurityJSON: names of processes, files and arguments reach no terminal as what it
// obeys, in all that sbx prints, as JSON or as text.
func TestSecurityJSON(t *testing.T) {
	dir, sbx := lives(t)
	sbx("run", "-d", "--name", "json", "--", "sh", "-c", `echo "$1"; cp /bin/sleep "./$1"; : > named; exec "./$1" 100`, "sh", hostileName)
	defer sbx("rm", "-f", "json")
	until(t, "the name", func() bool { _, err := os.Stat(dir + "/named"); return err == nil })
	const envrc = `mkdir -p "$1x"; echo e > "$1x/.envrc"`
	for _, args := range [][]string{
		{"ps", "--json"}, {"ps"}, {"inspect", "json"}, {"top", "json"}, {"top", "--json", "json"}, {"stats", "--json"}, {"logs", "--json", "json"},
		{"run", "--dry-run=json", "--", "true", hostileName}, {"run", "--dry-run=spec", "--", "true", strings.ToValidUTF8(hostileName, "")}, {"run", "--dry-run", "--", "true", hostileName},
		{"run", "--receipt", "-", "--", "sh", "-c", envrc, "sh", hostileName}, {"run", "--receipt", "made.json", "--", "sh", "-c", envrc, "sh", hostileName},
	} {
		cmd := exec.Command(tool(t, "sbx"), args...)
		cmd.Dir = dir
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Run(); err != nil {
			t.Errorf("%q: %v\n%s", args, err, said.String())
		}
		both := out.String() + said.String()
		if slices.Contains(args, "made.json") {
			b, err := os.ReadFile(dir + "/made.json")
			if err != nil {
				t.Error(err)
			}
			both += string(b)
			out = *bytes.NewBuffer(b)
		}
		if obeyed(both) {
			t.Errorf("%q prints %q", args, both)
		}
		if i := slices.IndexFunc(args, func(a string) bool { return strings.Contains(a, "json") && a != "json" || a == "-" }); i > 0 && !json.Valid(out.Bytes()) && !slices.Contains(args, "logs") {
			t.Errorf("%q prints no JSON: %s", args, out.String())
		}
	}
}

func obeyed(s string) bool {
	for i, r := range s {
		_, size := utf8.DecodeRuneInString(s[i:])
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x61c || r == 0x200e || r == 0x200f || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069 ||
			r == utf8.RuneError && size == 1 {
			return true
		}
	}
	return false
}
