// Package dotenv finds the files of a project that hold secrets: .env and its like, by
// their names, at the project's top and below.
//
// The names are files.toml, with each tool and where it documents them. They are all
// there is to go by; a few, as *.pem, are secrets only with certain contents.
package dotenv

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

//go:generate go run generate.go

// A rule is one name of the list.
type rule struct {
	key      string   // the name, or its beginning or end, in lower case
	dir      string   // the directory that it must be in, or empty
	rest     string   // what a name with that beginning must end with
	contents []string // of which the file must have one, or nil
}

// harmless are words of names whose files are made to be shared.
var harmless = [...]string{"example", "sample", "template", "tmpl", "dist", "defaults", "schema"}

// Name tells whether a file is a secret by its name, in a directory of that name. With
// contents it is one only if it has one of them. A backup of a secret is one.
func Name(dir, name string) (secret bool, contents []string) {
	name = lower(name)
	of := original(name)
	r := match(dir, name)
	if r == nil && of != name {
		if r = match(dir, of); r == nil && of[0] == '.' {
			r = match(dir, of[1:]) // vim puts a dot before the name
		}
	}
	if r == nil || isHarmless(name) || of != name && isHarmless(of) {
		return false, nil
	}
	return true, r.contents
}

// lower makes ASCII letters small, as file systems that fold case do. It allocates
// nothing for a name that has no other.
func lower(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 'A' && c <= 'Z' {
			return strings.ToLower(name)
		}
	}
	return name
}

// match finds the rule of a name in lower case.
func match(dir, name string) *rule {
	if name == "" {
		return nil
	}
	first, last := name[0], name[len(name)-1]
	some := exactly(first) // a search by halves gains nothing with so few
	for i := range some {
		if r := &some[i]; r.key == name && r.in(dir) {
			return r
		}
	}
	some = beginning(first)
	for i := range some {
		if r := &some[i]; strings.HasPrefix(name, r.key) && strings.HasSuffix(name[len(r.key):], r.rest) && r.in(dir) {
			return r
		}
	}
	some = ending(last)
	for i := range some {
		if r := &some[i]; strings.HasSuffix(name, r.key) && r.in(dir) {
			return r
		}
	}
	return nil
}

func (r *rule) in(dir string) bool { return r.dir == "" || r.dir == lower(dir) }

// encrypted is dotenv-vault's, which is made to be committed. The key is in .env.keys.
const encrypted = ".env.vault"

// isHarmless is for a name in lower case.
func isHarmless(name string) bool {
	if name == encrypted {
		return true
	}
	for word := range strings.FieldsFuncSeq(name, func(r rune) bool { return r == '.' || r == '-' || r == '_' }) {
		if slices.Contains(harmless[:], word) {
			return true
		}
	}
	return slices.ContainsFunc(harmless[:], func(word string) bool { return strings.HasSuffix(name, word) })
}

// File tells whether a file of a project is a secret, by its name and where that is not
// enough by what is in it. Below the top a directory called .env is a virtual environment's.
func File(file string, top bool) bool {
	name := path.Base(file)
	secret, contents := Name(path.Base(path.Dir(file)), name)
	if !secret {
		return false
	}
	if info, err := os.Lstat(file); err == nil && (info.IsDir() && !top || info.Mode()&fs.ModeSymlink != 0 && isLock(name)) {
		return false
	}
	f := finder{dir: path.Dir(file), top: -1}
	defer f.close()
	return f.contains(name, contents)
}
