package egress

import (
	"encoding/hex"
	"strings"
	"testing"
)

func TestUnreached(t *testing.T) {
	const (
		four = "0303" + "00000000 0000" + "4500002100004000 4011 0000 c6120001 c6120100 c001 01bb 000d 0000"
		// with an option in the header
		long = "0303" + "00000000 0000" + "4600002100004000 4011 0000 c6120001 c6120100 01010101 c001 0035 000d 0000"
		six  = "0104" + "00000000 0000" + "60000000000d 11 40 fd736278000000000000000000000001 fd736278000000000000000000000100 c001 01bb 000d 0000"
	)
	for text, want := range map[string]string{four: "198.18.1.0:443", long: "198.18.1.0:53", six: "[fd73:6278::100]:443"} {
		m, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		isSix := text == six
		if got, ok := unreached(m, isSix); !ok || got.String() != want {
			t.Errorf("%s: %s, %v", text, got, ok)
		}
		for n := range len(m) - 4 { // the port is there, or it is none
			if got, ok := unreached(m[:n], isSix); ok && got.String() != want {
				t.Errorf("%d bytes of %s: %s", n, text, got)
			}
		}
		protocol := 17
		if isSix {
			protocol = 14
		}
		for i, b := range map[int]byte{0: 11, 1: 1, protocol: 6} {
			changed := append([]byte{}, m...)
			changed[i] = b
			if got, ok := unreached(changed, isSix); ok {
				t.Errorf("byte %d of %s: %s", i, text, got)
			}
		}
	}
}

// FuzzUnreached: what is in an error is the sandbox's.
func FuzzUnreached(f *testing.F) {
	f.Add([]byte("\x03\x03"), false)
	f.Fuzz(func(t *testing.T, m []byte, six bool) { unreached(m, six) })
}
