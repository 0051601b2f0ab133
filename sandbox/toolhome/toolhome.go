// Package toolhome knows which names of a home are tools: what is shown of a home that
// is shown read-only. It is an allow-list, because no list of what to hide is ever
// complete: of 679 places of secrets that were tried, 508 were on none.
//
// The list is tools.toml, with each tool's name and where its files are documented.
package toolhome

import (
	"slices"
	"strings"
)

//go:generate go run generate.go

// An Answer says what of a name of the home is shown.
type Answer uint8

const (
	// Nothing of it is.
	Nothing Answer = iota
	// Part is a directory with shown names below it.
	Part
	// All of it is.
	All
)

// Shows tells what is shown of a path below the home.
func Shows(path string) Answer {
	i, found := slices.BinarySearch(shown[:], path)
	if found {
		return All
	}
	// Names that are below the path sort behind it, though not always right behind:
	// ".m2-x" is between ".m2" and ".m2/repository".
	for _, name := range shown[i:] {
		if !strings.HasPrefix(name, path) {
			break
		}
		if name[len(path)] == '/' {
			return Part
		}
	}
	for dir := path; ; {
		n := strings.LastIndexByte(dir, '/')
		if n < 0 {
			return Nothing
		}
		dir = dir[:n]
		if _, found := slices.BinarySearch(shown[:], dir); found {
			return All
		}
	}
}

// Paths are all paths of the list.
func Paths() []string { return slices.Clone(shown[:]) }

// Prefix is the name of the list that a path is, or is below.
func Prefix(path string) (string, bool) {
	for {
		if _, found := slices.BinarySearch(shown[:], path); found {
			return path, true
		}
		n := strings.LastIndexByte(path, '/')
		if n < 0 {
			return "", false
		}
		path = path[:n]
	}
}
