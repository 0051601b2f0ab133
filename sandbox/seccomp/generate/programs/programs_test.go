package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is committed is what the profile compiles to now.
func TestProgramsAreFresh(t *testing.T) {
	want, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../zprograms.go")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("zprograms.go is stale, run go generate: %s", diff)
	}
}
