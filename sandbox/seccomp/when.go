package seccomp

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Kernel is a version of Linux. The zero value is older than all.
type Kernel struct{ Major, Minor int }

func (k Kernel) atLeast(other Kernel) bool {
	return k.Major > other.Major || k.Major == other.Major && k.Minor >= other.Minor
}

// when is a condition on the sandbox, not on the call.
type when struct {
	caps, arches []string
	kernel       Kernel
}

// all tells whether everything holds that is asked for; of the architectures,
// one.
func (w when) all(o Options) bool {
	for _, c := range w.caps {
		if !holds(o.Caps, c) {
			return false
		}
	}
	return (len(w.arches) == 0 || slices.Contains(w.arches, o.Arch.String())) && o.Kernel.atLeast(w.kernel)
}

// any tells whether anything holds.
func (w when) any(o Options) bool {
	for _, c := range w.caps {
		if holds(o.Caps, c) {
			return true
		}
	}
	return slices.Contains(w.arches, o.Arch.String()) || w.kernel != Kernel{} && o.Kernel.atLeast(w.kernel)
}

// holds tells whether a capability is in a list, CAP_ before either or not.
func holds(caps []string, name string) bool {
	return slices.ContainsFunc(caps, func(c string) bool { return bare(c) == bare(name) })
}

func bare(capability string) string { return strings.TrimPrefix(capability, "CAP_") }

// machines are what the lists of architectures in conditions may have. A
// misspelt one in excludes would never exclude.
var machines = []string{
	"x86", "amd64", "x32", "arm", "arm64", "loongarch64", "mips", "mips64", "mips64n32", "mipsel", "mipsel64",
	"mips3l64n32", "mipsel64n32", "ppc", "ppc64", "ppc64le", "riscv64", "s390", "s390x", "parisc", "parisc64",
}

// when reads the includes or excludes of an entry.
func (p *parser) when(to *when, key string) error {
	switch key {
	case "caps":
		return p.list(func() error {
			var c string
			err := p.string(&c)
			if err == nil && (!strings.HasPrefix(c, "CAP_") || bare(c) == "") {
				err = fmt.Errorf("%q is no capability", c)
			}
			to.caps = append(to.caps, c)
			return err
		})
	case "arches":
		return p.list(func() error {
			var a string
			err := p.string(&a)
			if err == nil && !slices.Contains(machines, a) {
				err = fmt.Errorf("unknown architecture %q", a)
			}
			to.arches = append(to.arches, a)
			return err
		})
	case "minKernel":
		return p.kernel(&to.kernel)
	}
	return errors.New("unknown key")
}

func (p *parser) kernel(to *Kernel) error {
	var s string
	if err := p.string(&s); err != nil || s == "" {
		return err
	}
	major, minor, _ := strings.Cut(s, ".")
	a, err1 := strconv.ParseUint(major, 10, 8)
	b, err2 := strconv.ParseUint(minor, 10, 8)
	if err1 != nil || err2 != nil || a == 0 && b == 0 {
		return fmt.Errorf("%q is no kernel version such as 4.8", s)
	}
	*to = Kernel{int(a), int(b)}
	return nil
}
