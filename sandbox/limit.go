package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// rlimitNumbers are the resources by their OCI names.
var rlimitNumbers = map[string]int{
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_CPU": unix.RLIMIT_CPU,
	"RLIMIT_DATA": unix.RLIMIT_DATA, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS,
	"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK, "RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE,
	"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO, "RLIMIT_RTTIME": unix.RLIMIT_RTTIME,
	"RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING, "RLIMIT_STACK": unix.RLIMIT_STACK,
}

func rlimits(in []specs.POSIXRlimit) ([]userns.Rlimit, error) {
	var out []userns.Rlimit
	for _, l := range in {
		n, ok := rlimitNumbers[l.Type]
		if !ok {
			return nil, fmt.Errorf("limit %q is not known", l.Type)
		}
		if l.Soft > l.Hard {
			return nil, fmt.Errorf("limit %s: soft %s is above hard %s", l.Type, strconv.FormatUint(l.Soft, 10), strconv.FormatUint(l.Hard, 10))
		}
		out = append(out, userns.Rlimit{Resource: n, Name: strings.ToLower(strings.TrimPrefix(l.Type, "RLIMIT_")), Soft: l.Soft, Hard: l.Hard})
	}
	return out, nil
}

// addLimits adds all limits but that of open files, see addFileLimit.
func (c *compiler) addLimits(limits []userns.Rlimit) {
	for _, l := range limits {
		if l.Resource != unix.RLIMIT_NOFILE {
			c.add(l)
		}
	}
}

// addFileLimit adds the limit of open files, which is the command's. What comes before it
// may have a descriptor for each of thousands of mounts, and goes by the hard limit.
func (c *compiler) addFileLimit(limits []userns.Rlimit) {
	for _, l := range limits {
		if l.Resource == unix.RLIMIT_NOFILE {
			c.add(l)
		}
	}
}

// Tighten lowers a limit to the hard one that the caller has: what is asked for as a bound
// is kept where a narrower one is in force.
func Tighten(l specs.POSIXRlimit) specs.POSIXRlimit {
	var have unix.Rlimit
	if n, ok := rlimitNumbers[l.Type]; ok && unix.Getrlimit(n, &have) == nil {
		l.Soft, l.Hard = min(l.Soft, have.Max), min(l.Hard, have.Max)
	}
	return l
}

// ParseUlimit reads NAME=SOFT[:HARD], as docker's --ulimit does.
func ParseUlimit(text string) (specs.POSIXRlimit, error) {
	name, value, ok := strings.Cut(text, "=")
	soft, hard, two := strings.Cut(value, ":")
	if !two {
		hard = soft
	}
	l := specs.POSIXRlimit{Type: "RLIMIT_" + strings.ToUpper(name)}
	var err error
	if l.Soft, err = parseLimit(soft); err == nil {
		l.Hard, err = parseLimit(hard)
	}
	if _, known := rlimitNumbers[l.Type]; !ok || err != nil || !known {
		return l, fmt.Errorf("limit %q: want NAME=SOFT[:HARD], as in nofile=1024:4096", text)
	}
	return l, nil
}

func parseLimit(s string) (uint64, error) {
	if s == "unlimited" || s == "-1" {
		return unix.RLIM_INFINITY, nil
	}
	return strconv.ParseUint(s, 10, 63)
}

// noCore is the limit that lets no core be dumped. It is one byte and not none:
// where core_pattern names a program, as it does on most desktops, the kernel
// starts it, as root and outside, whatever the limit says, except for this one
// value (fs/coredump.c; core(5)). No core that is a file fits in a byte either.
const noCore = 1

// boundBy adds a limit that is not there, as far as the caller's allows it.
func boundBy(limits []specs.POSIXRlimit, name string, n uint64) []specs.POSIXRlimit {
	l := Tighten(specs.POSIXRlimit{Type: name, Soft: n, Hard: n})
	return defaultLimit(limits, name, l.Soft, l.Hard)
}

// defaultLimit adds a limit that is not there.
func defaultLimit(limits []specs.POSIXRlimit, name string, soft, hard uint64) []specs.POSIXRlimit {
	if slices.ContainsFunc(limits, func(l specs.POSIXRlimit) bool { return l.Type == name }) {
		return limits
	}
	return append(limits, specs.POSIXRlimit{Type: name, Soft: soft, Hard: hard})
}
