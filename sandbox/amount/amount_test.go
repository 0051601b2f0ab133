package amount

import (
	"slices"
	"strings"
	"testing"
)

var machine = Machine{Memory: 16 << 30, CPUs: 8, Pids: 1000}

func TestMemory(t *testing.T) {
	for text, want := range map[string]int64{
		"512m": 512 << 20, "2g": 2 << 30, "2GiB": 2 << 30, "2gb": 2 << 30, "2G": 2 << 30, "1.5g": 3 << 29, "16777216": 16 << 20, "16777216b": 16 << 20,
		"50%": 8 << 30, "12.5%": 2 << 30, "unlimited": -1, "-1": -1, "8192k": 8 << 20, "1t": 1 << 40,
		"": 0, "0": 0, "-2": 0, "m": 0, "2x": 0, "2mm": 0, "2ib": 0, "2bb": 0, "512": 0, "1e9": 0, "0x800000": 0, "NaN": 0, "inf": 0, "101%": 0, "0%": 0, "-5%": 0,
		"%": 0, "9999999p": 0, "1..5g": 0, "2 g": 0, "5m": 0, "+2g": 0,
	} {
		got, err := Memory(text, machine)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestPids(t *testing.T) {
	for text, want := range map[string]int64{
		"64": 64, "50%": 500, "-1": -1, "unlimited": -1, "0.01%": 1, "": 0, "0": 0, "-3": 0, "1.5": 0, "64k": 0, "99999999999": 0,
	} {
		got, err := Pids(text, machine)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestCPUs(t *testing.T) {
	for text, want := range map[string]float64{
		"1": 1, "1.5": 1.5, "0.01": 0.01, "50%": 4, "unlimited": -1, "": 0, "0": 0, "0.001": 0, "-1": 0, "1e3": 0, "nan": 0, "99999999": 0,
	} {
		got, err := CPUs(text, machine)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	for text, want := range map[string]uint64{"1": 1, "100": 100, "10000": 10000, "0": 0, "10001": 0, "-1": 0, "": 0, "a": 0} {
		if got, err := Weight(text); got != want || (err == nil) != (want != 0) {
			t.Errorf("weight %q is %d, %v, want %d", text, got, err, want)
		}
	}
}

func TestProcessors(t *testing.T) {
	for text, want := range map[string][]int{
		"0": {0}, "0-3,7": {0, 1, 2, 3, 7}, "1,1": {1, 1}, "": nil, "-1": nil, "3-1": nil, "a": nil, "1,": nil, "0-9999": nil, "0-": nil, "1-2-3": nil, " 1": nil,
	} {
		if got, err := Processors(text); !slices.Equal(got, want) || (err == nil) != (want != nil) {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
}

func TestParseDevice(t *testing.T) {
	for text, want := range map[string]Device{
		"/dev/sda:wbps=10m":           {Name: "/dev/sda", WriteBytes: 10 << 20},
		"8:0:rbps=1k,riops=5,wiops=6": {Name: "8:0", ReadBytes: 1024, ReadOps: 5, WriteOps: 6},
		"/srv/a:b:rbps=1,wbps=2":      {Name: "/srv/a:b", ReadBytes: 1, WriteBytes: 2},
		".:wbps=1g":                   {Name: ".", WriteBytes: 1 << 30},
		"":                            {}, "/dev/sda": {}, ":wbps=1": {}, "/dev/sda:": {}, "/dev/sda:wbps=0": {}, "/dev/sda:wbps=1,wbps=2": {},
		"/dev/sda:bps=1": {}, "/dev/sda:riops=1k": {}, "/dev/sda:wbps=max": {}, "/dev/sda:wbps=-1": {},
	} {
		got, err := ParseDevice(text)
		if (err == nil) != (want != Device{}) || err == nil && got != want {
			t.Errorf("%q is %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 1023: "1023 bytes", 2 << 30: "2 GiB", 3 << 29: "1.5 GiB", 6 << 20: "6 MiB", 1<<20 - 1: "1 MiB", 1 << 40: "1 TiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}

func TestThisMachine(t *testing.T) {
	if m := ThisMachine(); m.Memory < 64<<20 || m.CPUs < 1 || m.Pids < 100 {
		t.Errorf("this machine has %+v", m)
	}
}

// FuzzParse: whatever is said, an amount is positive, or there is an error.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"512m", "50%", "unlimited", "1.5", "0-3,7", "/dev/sda:rbps=1m,wiops=3", "8:0:wbps=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := Memory(s, machine); err == nil && n != Unlimited && n < MinMemory {
			t.Errorf("memory %q is %d", s, n)
		}
		if n, err := Pids(s, machine); err == nil && n != Unlimited && n < 1 {
			t.Errorf("processes %q are %d", s, n)
		}
		if n, err := CPUs(s, machine); err == nil && n != Unlimited && (n < 0.01 || n > 1<<16) {
			t.Errorf("cpus %q are %v", s, n)
		}
		if list, err := Processors(s); err == nil && (len(list) == 0 || slices.Min(list) < 0 || slices.Max(list) > maxProcessor) {
			t.Errorf("processors %q are %v", s, list)
		}
		if d, err := ParseDevice(s); err == nil && (d.Name == "" || !strings.HasPrefix(s, d.Name+":") || d == (Device{Name: d.Name})) {
			t.Errorf("device %q is %+v", s, d)
		}
	})
}
