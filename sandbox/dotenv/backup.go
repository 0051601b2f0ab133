package dotenv

import "strings"

// Editors leave copies of a secret beside it, with all that is in it: a backup, a swap file,
// an undo history. People make others by hand.

// backups are ends of their names.
var backups = [...]string{
	"~", ",v", ".bak", ".backup", ".orig", ".old", ".save", ".rej", ".tmp", ".kate-swp", "_bak", "-bak", "_old", "-old", " copy", " (copy)", " - copy", " (1)",
}

// backupEnds are their last bytes.
const backupEnds = "~vkpgdejty)"

// layers bounds how often a copy may be one of a copy: a swap file of a backup.
const layers = 3

// original is the name of what a file is a copy of, by its name in lower case, or the name.
// Of vim's the dot in front stays, since it may be the file's own.
func original(name string) string {
	for range layers {
		of := once(name)
		if of == name || of == "" || of == "." {
			return name
		}
		name = of
	}
	return name
}

func once(name string) string {
	end := len(name) - 1
	if end < 2 || name[0] != '#' && name[0] != '.' && strings.IndexByte(backupEnds, name[end]) < 0 {
		return name // as nearly all
	}
	switch {
	case name[0] == '#' && name[end] == '#': // Emacs, while it is edited
		return name[1:end]
	case strings.HasPrefix(name, ".#"):
		return name[2:]
	case name[0] == '.' && end > 4 && (name[end-3:end] == ".sw" || name[end-3:] == ".un~"): // vim: .swp, .swo and so on
		return name[:end-3]
	}
	for i := range backups {
		if b := backups[i]; b[len(b)-1] != name[end] {
			continue
		}
		of, is := strings.CutSuffix(name, backups[i])
		if !is {
			continue
		}
		if at := strings.LastIndex(of, ".~"); i == 0 && at > 0 { // Emacs: .env.~1~
			return of[:at]
		}
		return of
	}
	return name
}

// isLock reports whether a link is an Emacs lock file (.#NAME).
func isLock(name string) bool { return strings.HasPrefix(name, ".#") }
