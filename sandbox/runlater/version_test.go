package runlater

import "testing"

func TestVersionLines(t *testing.T) {
	for line, harmless := range map[string]bool{
		"nodejs 20.1.0":                       true,
		"ruby: 3.1":                           true,
		"python 3.12.1 3.11 system":           true,
		"latest:^0.12":                        true,
		"node latest:20":                      true,
		"node prefix:20":                      true,
		"node sub-1:latest":                   true,
		"lts/iron":                            true,
		"node lts-hydrogen":                   true,
		"cpython@3.12":                        true,
		"java=17.0.1-tem":                     true,
		"[toolchain]":                         true,
		`components = [ "rustfmt", "clippy"]`: true,
		`components=["rustfmt"]`:              true,
		"npm:evil 1.0.0":                      false,
		"pipx:evil latest":                    false,
		"NPM:evil 1":                          false,
		`"cargo:evil" = "1"`:                  false,
		"core:node ref:main":                  false,
		"node ref:0123456789":                 false,
		"node ref:main":                       true,
		"node tag:x":                          false,
		"latest:a:b":                          false,
		"node:: npm:evil":                     false,
		"npm:evil: 1.0":                       false,
		"node[postinstall=x] 20":              false,
		"node path:../x":                      false,
	} {
		if got := harmlessVersionLine(line); got != harmless {
			t.Errorf("%q: harmless %t", line, got)
		}
	}
}
