package amount

import (
	"fmt"
	"strconv"
	"strings"
)

// maxProcessor is above every processor of every kernel (CONFIG_NR_CPUS).
const maxProcessor = 8191

// Processors reads a list of processors, as 0-3,7, as the kernel writes it
// (cpuset(7), "List format"). It gives them, so that who has fewer can be told.
func Processors(text string) (list []int, err error) {
	bad := fmt.Errorf("processors %q: want numbers and ranges, as 0-3,7", text)
	for _, part := range strings.Split(text, ",") {
		first, last, two := strings.Cut(part, "-")
		if !two {
			last = first
		}
		a, err := strconv.ParseUint(first, 10, 16)
		b, err2 := strconv.ParseUint(last, 10, 16)
		if err != nil || err2 != nil || a > b || b > maxProcessor {
			return nil, bad
		}
		for n := a; n <= b; n++ {
			list = append(list, int(n))
		}
		if len(list) > maxProcessor+1 {
			return nil, bad
		}
	}
	return list, nil
}
