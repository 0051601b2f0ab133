package main

import (
	"fmt"
	"strings"
)

// longPathRows leave files by paths that are longer than PATH_MAX.
var longPathRows = []row{
	{id: "long-path", group: "run later", tries: "fill the caller's terminal with paths of what was moved aside", views: both,
		cmd: []string{"sh", "-c", `n=$(printf 'x%.0s' $(seq 250)); for i in $(seq 50); do mkdir $n && cd $n || break; done; for i in $(seq 12); do mkdir d$i; echo OWNED > d$i/.envrc; done; mkdir u; : > u/s; chmod u+s u/s; echo TRIED: made`},
		judge: func(s *scene) string {
			if !strings.Contains(s.output, "moved aside ") {
				return "there is no note: " + s.output
			}
			for line := range strings.Lines(s.output) {
				if len(line) > 1000 {
					return fmt.Sprintf("a line has %d bytes: %.200s", len(line), line)
				}
			}
			return ""
		}},
}
