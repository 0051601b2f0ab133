package main

import "github.com/sbxrun/sbx/cmd/internal/testenv"

// What is shared with the tests of the other program.
var (
	tool           = testenv.Tool
	skip           = testenv.Skip
	project        = testenv.Project
	shell          = testenv.Shell
	debian         = testenv.Debian
	needDebian     = testenv.NeedDebian
	needImage      = testenv.DebianImage
	needNamespaces = testenv.NeedNamespaces
	missingDebian  = testenv.MissingDebian
	missingFuse    = testenv.MissingFuse
	missingHelpers = testenv.MissingHelpers
	kills          = testenv.Kills
	gone           = testenv.Gone
)
