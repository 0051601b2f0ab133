package main

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/sbxrun/sbx/"

// mayImport says which of our packages each may import. Imports point one way:
// userns knows nothing of sandboxes, and the leaves nothing of each other.
var mayImport = map[string]string{
	"cmd/sbx":             "cmd/internal/usage cmd/sbx/ahead profiles profiles/hosts sandbox sandbox/amount sandbox/egress sandbox/image/store sandbox/hint sandbox/layer sandbox/outfile sandbox/runlater sandbox/refusal sandbox/seccomp sandbox/terminal sandbox/control sandbox/journal sandbox/procs sandbox/state sandbox/transfer sandbox/workspace userns idmap",
	"cmd/sbx-image":       "cmd/internal/usage sandbox/image sandbox/image/pack sandbox/image/store sandbox/image/tree sandbox/image/unpack sandbox/hint sandbox/state",
	"sandbox/image":       "sandbox/image/pack sandbox/image/store sandbox/image/unpack sandbox/outfile sandbox/refusal userns idmap",
	"sandbox/image/pack":  "sandbox/image/tree",
	"sandbox/image/tree":  "",
	"sandbox/image/store": "",
	"cmd/sbx/ahead":       "userns/child",
	"cmd/bench":           "",
	"profiles":            "sandbox/amount sandbox/hint",
	"profiles/hosts":      "profiles",
	"sandbox": "userns sandbox/amount sandbox/cgroup sandbox/dotenv sandbox/egress sandbox/gitindex sandbox/hint sandbox/landlock sandbox/layer sandbox/mounttable sandbox/nofile sandbox/procs sandbox/refusal sandbox/runlater sandbox/seccomp sandbox/secrets sandbox/toolhome " +
		"sandbox/terminal sandbox/usernet idmap",
	"sandbox/amount":       "",
	"sandbox/cgroup":       "sandbox/amount",
	"sandbox/control":      "",
	"sandbox/dotenv":       "",
	"sandbox/gitindex":     "",
	"sandbox/journal":      "",
	"sandbox/procs":        "",
	"sandbox/transfer":     "",
	"sandbox/state":        "",
	"sandbox/egress":       "",
	"sandbox/image/unpack": "",
	"sandbox/hint":         "",
	"sandbox/landlock":     "",
	"sandbox/layer":        "userns idmap",
	"sandbox/nofile":       "",
	"sandbox/outfile":      "",
	"sandbox/refusal":      "userns idmap",
	"sandbox/runlater":     "sandbox/gitindex sandbox/mounttable",
	"sandbox/seccomp":      "",
	// They write its tables, and are in no program.
	"sandbox/seccomp/generate/programs": "sandbox/seccomp",
	"sandbox/seccomp/generate/tables":   "",
	"sandbox/secrets":                   "",
	"sandbox/terminal":                  "",
	"sandbox/toolhome":                  "",
	"sandbox/usernet":                   "userns",
	"sandbox/workspace":                 "",
	"userns":                            "userns/child idmap",
	"userns/child":                      "",
	"idmap":                             "",
	// It is for tests, and in no program.
	"cmd/internal/testenv":         "",
	"cmd/internal/usage":           "",
	"sandbox/mounttable/mounttest": "sandbox/mounttable",

	"sandbox/mounttable":    "",
	"sandbox/secrets/table": "",
}

func TestImportsPointOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(line)
		from := strings.TrimPrefix(words[0], module)
		if strings.Contains(from, "testdata") {
			continue
		}
		allowed, known := mayImport[from]
		if !known {
			t.Errorf("package %s has no place among the arrows", from)
		}
		for _, imported := range words[1:] {
			to, ours := strings.CutPrefix(imported, module)
			if ours && !contains(strings.Fields(allowed), to) {
				t.Errorf("%s imports %s", from, to)
			}
			// Bars are for the program that a person looks at.
			if strings.HasPrefix(imported, "github.com/vbauerster/") && from != "cmd/sbx-image" {
				t.Errorf("%s imports %s", from, imported)
			}
			// runlater asks the kernel about every file of a project, and may not
			// allocate for each.
			if imported == "unsafe" && !contains(strings.Fields("userns userns/child cmd/sbx/ahead sandbox/runlater"), from) {
				t.Errorf("%s imports unsafe, which is for userns", from)
			}
		}
	}
}

func contains(list []string, word string) bool {
	for _, w := range list {
		if w == word {
			return true
		}
	}
	return false
}
