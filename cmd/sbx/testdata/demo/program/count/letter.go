package count

import "unicode"

func notLetter(r rune) bool { return !unicode.IsLetter(r) }
