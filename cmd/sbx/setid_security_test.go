package main

import (
	"io/fs"
	"os"
)

// setIDRows leave setuid and setgid on the project's own directory.
var setIDRows = []row{
	{id: "setid-project", group: "run later", tries: "leave the project's directory setuid and setgid", views: both, cmd: []string{"sh", "-c", "chmod 7777 .; echo TRIED: set"},
		judge: func(s *scene) string {
			info, err := os.Stat(s.path("{PROJECT}"))
			s.check(err)
			if info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 {
				return "it has mode " + info.Mode().String()
			}
			return ""
		}},
}
