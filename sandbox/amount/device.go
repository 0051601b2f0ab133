package amount

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Device is how fast a device may be read and written. Zero is no limit.
type Device struct {
	// Name is a device's file or number, as /dev/sda or 8:0, or a directory, which
	// is the device that its file system is on.
	Name                  string
	ReadBytes, WriteBytes uint64 // a second
	ReadOps, WriteOps     uint64
}

// ParseDevice reads DEVICE:rbps=SIZE,wbps=SIZE,riops=N,wiops=N, of which any may be
// left away; they are the kernel's words, of io.max.
func ParseDevice(text string) (d Device, err error) {
	bad := fmt.Errorf("%q: want DEVICE:rbps=SIZE,wbps=SIZE,riops=N,wiops=N, as in /dev/sda:wbps=10m", text)
	at := strings.LastIndexByte(text, ':')
	if at <= 0 {
		return d, bad
	}
	d.Name = text[:at]
	for _, part := range strings.Split(text[at+1:], ",") {
		key, value, _ := strings.Cut(part, "=")
		to, parse := map[string]*uint64{"rbps": &d.ReadBytes, "wbps": &d.WriteBytes, "riops": &d.ReadOps, "wiops": &d.WriteOps}[key], Size
		if strings.HasSuffix(key, "iops") {
			parse = func(s string) (int64, error) { return strconv.ParseInt(s, 10, 64) }
		}
		if to == nil || *to != 0 {
			return d, bad
		}
		n, err := parse(value)
		if err != nil || n <= 0 || n > math.MaxInt64/2 {
			return d, bad
		}
		*to = uint64(n)
	}
	return d, nil
}
