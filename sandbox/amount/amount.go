package amount

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Unlimited is what no limit is.
const Unlimited = -1

// MinMemory is the least memory that is taken for meant, as in docker.
const MinMemory = 6 << 20

// Memory reads a size of memory: bytes, a number with a unit, a share, or that there
// is no limit.
func Memory(text string, m Machine) (int64, error) {
	n, err := bounded(text, m.Memory, Size)
	switch {
	case err != nil:
		return 0, fmt.Errorf("memory %q: want 512m, 2g, a share as 50%%, or unlimited", text)
	case n != Unlimited && n < MinMemory:
		return 0, fmt.Errorf("memory %q is less than %s, in which nothing runs", text, Bytes(MinMemory))
	}
	return n, nil
}

// Pids reads a number of processes.
func Pids(text string, m Machine) (int64, error) {
	n, err := bounded(text, m.Pids, func(s string) (int64, error) { return strconv.ParseInt(s, 10, 32) })
	if err != nil || n == 0 {
		return 0, fmt.Errorf("processes %q: want a number as 512, a share as 50%%, or unlimited", text)
	}
	return n, nil
}

// bounded reads a number, a share of all, or that there is no limit. Other negative
// numbers are no amounts.
func bounded(text string, all int64, parse func(string) (int64, error)) (int64, error) {
	if text == "unlimited" || text == "-1" {
		return Unlimited, nil
	}
	if part, err := share(text); err == nil {
		return max(1, int64(part*float64(all))), nil
	}
	n, err := parse(text)
	if err == nil && n < 0 {
		err = strconv.ErrRange
	}
	return n, err
}

// share reads a part of a whole: 50% is 0.5.
func share(text string) (float64, error) {
	number, ok := strings.CutSuffix(text, "%")
	f, err := decimal(number)
	if !ok || err != nil || f <= 0 || f > 100 {
		return 0, strconv.ErrSyntax
	}
	return f / 100, nil
}

// decimal reads digits with a point among them: no exponent, sign, NaN or hexadecimals.
func decimal(text string) (float64, error) {
	if text == "" || strings.Trim(text, "0123456789.") != "" || len(text) > 24 {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseFloat(text, 64)
}

// Size reads bytes: 4096, 512m, 1.5g, 2GiB. A unit is a power of 1024 whatever its
// form, as in docker.
func Size(text string) (int64, error) {
	const units = "bkmgtp"
	lower := strings.ToLower(text)
	number := strings.TrimRight(lower, "ibkmgtp")
	unit := lower[len(number):]
	power := 0
	if unit != "" {
		power = strings.IndexByte(units, unit[0])
		if rest := unit[1:]; power < 0 || power == 0 && rest != "" || rest != "" && rest != "b" && rest != "ib" {
			return 0, fmt.Errorf("size %q: want bytes, or a number with k, m, g or t", text)
		}
	}
	f, err := decimal(number)
	bytes := f * math.Pow(1024, float64(power))
	if err != nil || bytes >= 1<<62 {
		return 0, fmt.Errorf("size %q: want bytes, or a number with k, m, g or t", text)
	}
	return int64(bytes), nil
}

// CPUs reads how many processors' time there is: 1.5, a share of all, or no limit.
func CPUs(text string, m Machine) (float64, error) {
	if text == "unlimited" {
		return Unlimited, nil
	}
	f, err := decimal(text)
	if part, e := share(text); e == nil {
		f, err = part*float64(m.CPUs), nil
	}
	// The kernel takes no quota below a millisecond in 100 (kernel/sched/core.c).
	if err != nil || f < 0.01 || f > 1<<16 {
		return 0, fmt.Errorf("cpus %q: want a number as 1.5, at least 0.01, a share as 50%%, or unlimited", text)
	}
	return f, nil
}

// Weight reads the share of the processors' time among those who all want it. The
// usual one is 100.
func Weight(text string) (uint64, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	if err != nil || n < 1 || n > 10000 {
		return 0, fmt.Errorf("cpu weight %q: want 1 to 10000; 100 is the usual one", text)
	}
	return n, nil
}

// Bytes is a size in words: 2 GiB, 1.5 GiB, 4096 bytes.
func Bytes(n int64) string {
	units := [...]string{"KiB", "MiB", "GiB", "TiB", "PiB"}
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " bytes"
	}
	f, i := float64(n)/1024, 0
	for f >= 1023.95 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0") + " " + units[i]
}
