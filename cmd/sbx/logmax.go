package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/sbxrun/sbx/sandbox/journal"
)

// parseLogMax reads --log-max: a number of bytes, with k, m or g behind it; 0 is none.
func parseLogMax(text string) (int64, error) {
	switch text {
	case "":
		return journal.DefaultMax, nil
	case "none":
		return 0, nil
	}
	number, shift := strings.ToLower(text), 0
	for unit, by := range map[string]int{"k": 10, "m": 20, "g": 30} {
		if rest, ok := strings.CutSuffix(number, unit); ok {
			number, shift = rest, by
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("--log-max %s: want a size such as 512k or 10m, or none", text)
	}
	if n<<shift < journal.MinMax {
		return 0, fmt.Errorf("--log-max %s: the least is %dk; none keeps no log", text, journal.MinMax>>10)
	}
	return n << shift, nil
}
