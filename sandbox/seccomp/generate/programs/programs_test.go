package main

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is committed is what the profile compiles to now.
func TestProgramsAreFresh(t *testing.T) {
	for _, arch := range archs {
		want, err := programs(arch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("../../" + file(arch))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale, run go generate: %s", file(arch), diff)
		}
	}
}
