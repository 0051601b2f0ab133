package terminal

import (
	"io"
	"strings"
	"testing"
)

func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct{ name, unit string }{
		{"plain", "cc -O2 -Wall -c -o build/main.o src/main.c && echo done with it all\r\n"},
		{"utf-8", "größer – 漢字かな交じり文 – Ελληνικά\r\n"},
		{"colours", samples["top"]},
		{"dropped", "\x1b]0;title\a\x1b[6n"},
	} {
		b.Run(c.name, func(b *testing.B) {
			text := []byte(strings.Repeat(c.unit, 32<<10/len(c.unit)))
			f := New(io.Discard)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Write(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
