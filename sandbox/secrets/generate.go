//go:build ignore

// Generate writes zplaces.go: the table of places.toml as plain data that is laid out
// when sbx is linked.
package main

import (
	"fmt"
	"os"

	"github.com/sbxrun/sbx/sandbox/secrets/table"
)

func main() {
	text, err := os.ReadFile("places.toml")
	if err == nil {
		text, err = table.Generate(text)
	}
	if err == nil {
		err = os.WriteFile("zplaces.go", text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}
