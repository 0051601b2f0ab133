// Package count counts words.
package count

import (
	"bufio"
	"io"
	"sort"
	"strings"
)

// A Word is a word and how often it was seen.
type Word struct {
	Text  string
	Times int
}

// Top gives the n most frequent words.
func Top(r io.Reader, n int) []Word {
	times := map[string]int{}
	for s := bufio.NewScanner(r); s.Scan(); {
		for _, w := range strings.FieldsFunc(strings.ToLower(s.Text()), notLetter) {
			times[w]++
		}
	}
	var words []Word
	for text, k := range times {
		words = append(words, Word{text, k})
	}
	sort.Slice(words, func(i, j int) bool {
		if words[i].Times != words[j].Times {
			return words[i].Times > words[j].Times
		}
		return words[i].Text < words[j].Text
	})
	return words[:min(n, len(words))]
}
