package main

import (
	"os"
	"testing"
)

// TestTrustAsks: what is trusted is what was shown, and only a y that is typed after it
// was shown counts.
func TestTrustAsks(t *testing.T) {
	needNamespaces(t)
	dir := t.TempDir()
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	file := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(dir+"/"+name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const one, other = "[env]\npass = [\"ONE\"]\n", "[env]\npass = [\"OTHER\"]\n"
	file(".sbx.toml", one)
	y := shell(t)
	y.Types("cd " + dir + "\n")
	y.Sees("outer> ")
	for _, answer := range []string{"\n", "n\n", "yup\n", "\x04"} {
		y.Types("sbx trust; echo code $?\n")
		y.Sees("ONE")
		y.Sees("[y/N] ")
		y.Types(answer)
		y.Sees("not trusted")
		y.Sees("code 125")
		y.Sees("outer> ")
	}
	// What was typed before is no answer.
	y.Types("until [ -e ready ]; do sleep 0.05; done; sbx trust; echo code $?\n")
	y.Types("y\ny\n")
	file("ready", "")
	y.Sees("[y/N] ")
	y.Types("\n")
	y.Sees("not trusted")
	y.Sees("outer> ")
	// The file is another when the answer comes.
	y.Types("sbx trust; echo code $?\n")
	y.Sees("[y/N] ")
	file(".sbx.toml", other)
	y.Types("y\n")
	y.Sees("code 0")
	y.Sees("outer> ")
	y.Types("sbx run -- true; echo run $?\n")
	y.Sees("ignoring .sbx.toml")
	y.Sees("run 0")
	y.Sees("outer> ")
	file(".sbx.toml", one)
	y.Types("sbx run -- true; echo run $?\n")
	y.Sees("/.sbx.toml, which you trusted")
	y.Sees("run 0")
	y.Sees("outer> ")
	file(".sbx.toml", "[files]\nproject = \"read\"\n")
	y.Types("sbx trust; echo code $?\n")
	y.Sees("it widens nothing")
	y.Sees("code 0")
}
