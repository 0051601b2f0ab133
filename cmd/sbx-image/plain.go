package main

import (
	"strconv"
	"strings"
)

// plain is text that comes from an image or a registry, without anything that could
// drive a terminal (CVE-2023-28101).
func plain(text string) string {
	quoted := strconv.Quote(text)
	return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(quoted[1 : len(quoted)-1])
}
