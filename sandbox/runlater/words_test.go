package runlater

import (
	"slices"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	t.Setenv("HOME", "/home/ada")
	for command, found := range map[string]string{
		"delta":                        "",
		"tools/x":                      "tools/x",
		"sh fm.sh":                     "fm.sh",
		"sh -c 'tools/x \"$@\"' -":     "tools/x",
		`sh -c "sh -c 'cat; tools/x'"`: "tools/x",
		"!f() { tools/x; }; f":         "tools/x",
		"LESS=FRX tools/x | less":      "tools/x",
		"a && tools/x":                 "tools/x",
		"$(git rev-parse --show-toplevel)/tools/x": "./tools/x",
		`"$(git rev-parse --show-toplevel)"/x`:     "./x",
		"`git rev-parse --show-toplevel`/tools/x":  "./tools/x",
		"$HOME/p/x":                   "~/p/x",
		`"${HOME}"/p/x`:               "~/p/x",
		"/home/ada/my project/x":      "/home/ada/my project/x",
		`"/home/ada/my project/x" -f`: "/home/ada/my project/x",
		`/home/ada/my\ project/x -f`:  "/home/ada/my project/x",
		"x --config=tools/x":          "tools/x",
		"x -ftools/x":                 "tools/x",
		"curl -d @tools/x":            "tools/x",
		"cd tools && ./x":             "tools/./x",
		"make -C tools -f x":          "tools/x",
		"x >tools/x":                  "tools/x",
		"too'ls/x":                    "tools/x",
		"ext::sh tools/x":             "tools/x",
	} {
		got := words(command)
		if found == "" && len(got) > 0 || found != "" && !slices.Contains(got, found) {
			t.Errorf("%s: %q, want %s", command, got, found)
		}
	}
	if n := len(words(strings.Repeat("'a b' ", 10000))); n > wordLimit {
		t.Errorf("%d words", n)
	}
}

// FuzzWords: whatever a configuration says is a setting's value.
func FuzzWords(f *testing.F) {
	f.Add(`sh -c "a 'b\"' c`)
	f.Fuzz(func(t *testing.T, text string) {
		for _, word := range words(text) {
			if word == "" || home(word) == "" {
				t.Error("an empty word")
			}
		}
	})
}
