package main

import (
	"os"
	"testing"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// The tests are of what sbx does with images: both programs, as a user has them.
func TestMain(m *testing.M) {
	code := testenv.Main(m, "cmd/sbx", "cmd/sbx-image", "cmd/sbx-image/testdata/manifest")
	fixture.close()
	os.Exit(code)
}

// What is shared with the tests of the other program.
var (
	tool          = testenv.Tool
	skip          = testenv.Skip
	shell         = testenv.Shell
	missingDebian = testenv.MissingDebian
	kills         = testenv.Kills
)
