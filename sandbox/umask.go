package sandbox

import (
	"bytes"
	"os"
	"strconv"
)

// callersUmask is the umask of this process, or nil where it cannot be read. umask(2) only
// tells it by changing it, for all threads of a program that may be making files meanwhile.
func callersUmask() *uint32 {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := bytes.Cut(status, []byte("\nUmask:\t"))
	text, _, _ := bytes.Cut(rest, []byte("\n"))
	mask, err := strconv.ParseUint(string(text), 8, 32)
	if err != nil {
		return nil
	}
	umask := uint32(mask)
	return &umask
}
