package profiles

import (
	"math"
	"slices"

	amounts "github.com/sbxrun/sbx/sandbox/amount"
)

// How much values are, of this machine, where shares and numbers are compared.

func memoryAmount(text string) (float64, error) {
	n, err := amounts.Memory(text, amounts.ThisMachine())
	return orUnlimited(float64(n)), err
}

func pidsAmount(text string) (float64, error) {
	n, err := amounts.Pids(text, amounts.ThisMachine())
	return orUnlimited(float64(n)), err
}

func cpusAmount(text string) (float64, error) {
	n, err := amounts.CPUs(text, amounts.ThisMachine())
	return orUnlimited(n), err
}

func weightAmount(text string) (float64, error) {
	n, err := amounts.Weight(text)
	return float64(n), err
}

func orUnlimited(n float64) float64 {
	if n == amounts.Unlimited {
		return math.Inf(1)
	}
	return n
}

// askedFor is a limit that won over another. Of one that sbx brings, and only wishes
// for, and one that somebody wrote, the tighter is as the one that was written.
func askedFor(v, other Value) Value {
	if v.From.BuiltIn() {
		v.From = other.From
	}
	return v
}

// fewerProcessors tells whether a has none that b has not. Other processors are not
// fewer.
func fewerProcessors(a, b Value) bool {
	la, _ := amounts.Processors(a.Text) // both were checked when they were read
	lb, _ := amounts.Processors(b.Text)
	return !slices.ContainsFunc(la, func(n int) bool { return !slices.Contains(lb, n) })
}
