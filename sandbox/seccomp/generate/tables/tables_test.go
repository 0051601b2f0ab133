package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is committed is what the modules of go.mod say now.
func TestTablesAreFresh(t *testing.T) {
	for name, step := range map[string]func() ([]byte, error){"zcalls.go": calls, "zbase.go": base} {
		want, err := step()
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale, run go generate: %s", name, diff)
		}
	}
}
