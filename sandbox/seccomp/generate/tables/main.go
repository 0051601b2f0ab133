// Command tables writes tables of package seccomp, in the directory of that
// package: "calls", the numbers of the system calls, and "base", the list of
// what moby's profile allows. It does without the package itself, which does not
// build without them.
package main

import (
	"fmt"
	"os"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fail(fmt.Errorf("usage: tables calls|base"))
	}
	var text []byte
	var err error
	switch os.Args[1] {
	case "calls":
		text, err = calls()
	case "base":
		text, err = base()
	default:
		err = fmt.Errorf("there is no step %q", os.Args[1])
	}
	if err == nil {
		err = os.WriteFile("z"+os.Args[1]+".go", text, 0o644)
	}
	if err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "tables:", err)
	os.Exit(1)
}

// lines writes items side by side, as wide as code may be.
func lines(b *strings.Builder, items []string) {
	width := 0
	for _, s := range items {
		if width+len(s) > 110 {
			b.WriteByte('\n')
			width = 0
		}
		b.WriteString(s)
		width += len(s)
	}
	b.WriteByte('\n')
}
