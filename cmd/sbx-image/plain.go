package main

import "github.com/sbxrun/sbx/sandbox/hint"

// plain is text that comes from an image or a registry, without anything that could
// drive a terminal.
func plain(text string) string { return hint.SafeText(text) }
