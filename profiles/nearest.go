package profiles

import (
	"strconv"
	"strings"

	"github.com/sbxrun/sbx/sandbox/hint"
)

// nearest is the word that somebody most likely meant, or nothing where none is
// near.
func nearest(word string, known []string) string {
	best, least := "", 1+len(word)/3
	for _, k := range known {
		if d := distance(strings.ToLower(word), k, least); d <= least && (best == "" || d < least) {
			best, least = k, d
		}
	}
	return best
}

// distance is the number of letters to insert, remove, replace, or swap with the
// next one, to make one word of the other. It gives up above a limit.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}

// meant is the end of an error about a word that is not known.
func meant(word string, known []string) string {
	if k := nearest(word, known); k != "" {
		return ", did you mean " + strconv.Quote(k) + "?"
	}
	return ""
}

// quote gives outsiders' text as something that a terminal can be shown: of
// printable characters, and not too long.
func quote(text string) string {
	const most = 80
	if len(text) > most {
		return strconv.Quote(text[:most]) + "..."
	}
	return strconv.Quote(text)
}

// printable tells whether a text has nothing in it that changes how a terminal
// shows it.
func printable(text string) bool {
	return hint.SafeText(text) == text && !strings.ContainsRune(text, '\uFFFD')
}

// clean is a message with such characters taken out.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, text)
}
