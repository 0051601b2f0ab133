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

func notBuiltIn(a, b Line) Line {
	if a.BuiltIn() {
		return b
	}
	return a
}

// fewerProcessors is b where it has none that a has not. Other processors are not fewer.
func fewerProcessors(a, b Value) Value {
	la, _ := amounts.Processors(a.Text) // both were checked when they were read
	lb, _ := amounts.Processors(b.Text)
	if slices.ContainsFunc(lb, func(n int) bool { return !slices.Contains(la, n) }) {
		return a
	}
	return b
}
