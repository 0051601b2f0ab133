package idmap

import (
	"fmt"
	"strconv"
	"strings"
)

// A Mapping says that Count ids from Inside on, as seen in the user namespace,
// are the ids from Outside on in the namespace of its maker. It is one line of
// /proc/PID/uid_map.
type Mapping struct {
	Inside, Outside, Count uint32
}

// A Map is the whole content of a uid_map or gid_map file. The kernel takes at
// most MaxLines lines and no two that overlap.
type Map []Mapping

// MaxLines is how many lines one map may have (user_namespaces(7), since
// Linux 4.15).
const MaxLines = 340

// Single maps one id.
func Single(inside, outside uint32) Map {
	return Map{{inside, outside, 1}}
}

// String gives the map as newuidmap's arguments name it: inside:outside:count,
// joined by commas. Parse reads it back.
func (m Map) String() string {
	lines := make([]string, len(m))
	for i, l := range m {
		lines[i] = fmt.Sprintf("%d:%d:%d", l.Inside, l.Outside, l.Count)
	}
	return strings.Join(lines, ",")
}

// File gives the map in the form of /proc/PID/uid_map.
func (m Map) File() string {
	var b []byte
	for _, l := range m {
		b = strconv.AppendUint(b, uint64(l.Inside), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(l.Outside), 10)
		b = append(b, ' ')
		b = strconv.AppendUint(b, uint64(l.Count), 10)
		b = append(b, '\n')
	}
	return string(b)
}

// Args gives the map as the numbers that newuidmap takes after the process id.
func (m Map) Args() []string {
	args := make([]string, 0, 3*len(m))
	for _, l := range m {
		for _, n := range []uint32{l.Inside, l.Outside, l.Count} {
			args = append(args, strconv.FormatUint(uint64(n), 10))
		}
	}
	return args
}

// IsSingle tells whether the map has exactly one id. Such a map an
// unprivileged process may write itself when the id is its own.
func (m Map) IsSingle() bool {
	return len(m) == 1 && m[0].Count == 1
}

// Size is the number of ids inside.
func (m Map) Size() uint64 {
	var n uint64
	for _, l := range m {
		n += uint64(l.Count)
	}
	return n
}

// ToOutside gives the id outside for an id inside, and whether there is one.
func (m Map) ToOutside(inside uint32) (uint32, bool) {
	for _, l := range m {
		if inside >= l.Inside && inside-l.Inside < l.Count {
			return l.Outside + (inside - l.Inside), true
		}
	}
	return 0, false
}

// ToInside gives the id inside for an id outside, and whether there is one.
func (m Map) ToInside(outside uint32) (uint32, bool) {
	for _, l := range m {
		if outside >= l.Outside && outside-l.Outside < l.Count {
			return l.Inside + (outside - l.Outside), true
		}
	}
	return 0, false
}

// Check refuses what the kernel would refuse with a bare EINVAL: an empty map,
// an empty line, an id past 2^32-2, two lines that share an id, too many lines.
func (m Map) Check() error {
	switch {
	case len(m) == 0:
		return fmt.Errorf("id map is empty")
	case len(m) > MaxLines:
		return fmt.Errorf("id map has %d lines, the kernel takes %d", len(m), MaxLines)
	}
	for i, l := range m {
		if l.Count == 0 {
			return fmt.Errorf("id map line %d:%d:%d maps nothing", l.Inside, l.Outside, l.Count)
		}
		if uint64(l.Inside)+uint64(l.Count) > 1<<32-1 || uint64(l.Outside)+uint64(l.Count) > 1<<32-1 {
			return fmt.Errorf("id map line %d:%d:%d goes past the last id", l.Inside, l.Outside, l.Count)
		}
		for _, k := range m[:i] {
			if overlap(l.Inside, k.Inside, l.Count, k.Count) || overlap(l.Outside, k.Outside, l.Count, k.Count) {
				return fmt.Errorf("id map lines %d:%d:%d and %d:%d:%d overlap",
					k.Inside, k.Outside, k.Count, l.Inside, l.Outside, l.Count)
			}
		}
	}
	return nil
}

func overlap(a, b, na, nb uint32) bool {
	return uint64(a) < uint64(b)+uint64(nb) && uint64(b) < uint64(a)+uint64(na)
}

// Parse reads what String prints: INSIDE:OUTSIDE:COUNT, joined by commas.
func Parse(s string) (Map, error) {
	var m Map
	for _, line := range strings.Split(s, ",") {
		parts := strings.Split(line, ":")
		if len(parts) != 3 {
			return nil, fmt.Errorf("id map %q: want INSIDE:OUTSIDE:COUNT", line)
		}
		var n [3]uint32
		for i, p := range parts {
			v, err := strconv.ParseUint(p, 10, 32)
			if err != nil {
				return nil, fmt.Errorf("id map %q: %q is not an id", line, p)
			}
			n[i] = uint32(v)
		}
		m = append(m, Mapping{n[0], n[1], n[2]})
	}
	return m, m.Check()
}
