package seccomp

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// maxProfile is fifty times what is in use.
const maxProfile = 1 << 20

// Options say what a profile is for. Profiles in docker's form have entries for
// some machines, kernels and capabilities only.
type Options struct {
	Arch Arch
	// Caps are the bounding capabilities, with or without CAP_ before the name.
	Caps   []string
	Kernel Kernel
	// X86_32 keeps the 32-bit x86 calls that a profile in docker's form adds to
	// amd64's. Without it they are dropped: filters cannot see the arguments of
	// socketcall(2), which gets around all rules on sockets, and compilers do
	// without. x32 calls are dropped always. A list of architectures in OCI's form
	// is taken as it is.
	X86_32 bool
}

// Parse reads a profile: OCI's linux.seccomp as JSON, or the form with conditions
// that docker and podman read. It accepts no key, action or operator that it
// does not know, since each may be the one that refuses something.
func Parse(data []byte, o Options) (*specs.LinuxSeccomp, error) {
	if len(data) > maxProfile {
		return nil, fmt.Errorf("seccomp profile: it has %d bytes, more than %d", len(data), maxProfile)
	}
	p := parser{reader: newReader(data), options: o}
	if err := p.object(p.top); err != nil {
		return nil, err
	}
	if err := p.end(); err != nil {
		return nil, err
	}
	if err := p.finish(); err != nil {
		return nil, fmt.Errorf("seccomp profile: %w", err)
	}
	return &p.profile, nil
}

// A parser fills a profile.
type parser struct {
	*reader
	options Options
	profile specs.LinuxSeccomp
	def     errnoValue
	archMap bool
}

func (p *parser) top(key string) error {
	out := &p.profile
	switch key {
	case "defaultAction":
		return p.action(&out.DefaultAction)
	case "defaultErrnoRet":
		return p.def.readNumber(p.reader)
	case "defaultErrno":
		return p.def.readName(p.reader)
	case "architectures":
		return p.architectures(&out.Architectures)
	case "archMap":
		return p.list(p.mapped)
	case "flags":
		return p.list(p.flag)
	case "listenerPath":
		return p.string(&out.ListenerPath)
	case "listenerMetadata":
		return p.string(&out.ListenerMetadata)
	case "syscalls":
		return p.list(p.syscall)
	}
	return errors.New("unknown key")
}

func (p *parser) finish() error {
	out := &p.profile
	out.DefaultErrnoRet = p.def.value
	if _, err := action(out.DefaultAction, out.DefaultErrnoRet); err != nil {
		return fmt.Errorf("defaultAction: %w", err)
	}
	if p.archMap && out.Architectures == nil {
		out.Architectures = []specs.Arch{p.options.Arch.spec()}
	}
	return nil
}

func (p *parser) action(to *specs.LinuxSeccompAction) error {
	var s string
	if err := p.string(&s); err != nil {
		return err
	}
	*to = specs.LinuxSeccompAction(s)
	_, err := action(*to, nil)
	return err
}

func (p *parser) flag() error {
	var s string
	if err := p.string(&s); err != nil {
		return err
	}
	f := specs.LinuxSeccompFlag(s)
	if _, ok := flag(f); !ok {
		return fmt.Errorf("unknown flag %q", s)
	}
	p.profile.Flags = append(p.profile.Flags, f)
	return nil
}

func (p *parser) architecture(to *specs.Arch) error {
	var s string
	if err := p.string(&s); err != nil {
		return err
	}
	*to = specs.Arch(s)
	if _, ok := fromSpec(*to); !ok {
		return fmt.Errorf("unknown architecture %q", s)
	}
	return nil
}

func (p *parser) architectures(to *[]specs.Arch) error {
	if p.archMap {
		return errors.New("there is archMap as well")
	}
	return p.list(func() error {
		var a specs.Arch
		if err := p.architecture(&a); err != nil {
			return err
		}
		*to = append(*to, a)
		return nil
	})
}

// mapped reads an entry of archMap. The one of the machine says which other
// architectures there are.
func (p *parser) mapped() error {
	if !p.archMap && p.profile.Architectures != nil {
		return errors.New("there is architectures as well")
	}
	p.archMap = true
	var main specs.Arch
	var subs []specs.Arch
	err := p.object(func(key string) error {
		switch key {
		case "architecture":
			return p.architecture(&main)
		case "subArchitectures":
			return p.list(func() error {
				var a specs.Arch
				err := p.architecture(&a)
				subs = append(subs, a)
				return err
			})
		}
		return errors.New("unknown key")
	})
	if err != nil || main != p.options.Arch.spec() {
		return err
	}
	subs = slices.DeleteFunc(subs, func(a specs.Arch) bool {
		return a == specs.ArchX32 || a == specs.ArchX86 && !p.options.X86_32
	})
	p.profile.Architectures = append([]specs.Arch{main}, subs...)
	return nil
}

// An errnoValue is given as a number, as podman's profiles do by its name too, or
// both.
type errnoValue struct {
	value *uint
}

func (e *errnoValue) readNumber(r *reader) error {
	n, err := r.number()
	if err != nil || n == nil {
		return err
	}
	if *n > math.MaxUint16 {
		return fmt.Errorf("%d is no error number", *n)
	}
	return e.set(uint(*n))
}

func (e *errnoValue) readName(r *reader) error {
	var name string
	if err := r.string(&name); err != nil || name == "" {
		return err
	}
	for n := range uint(200) {
		if unix.ErrnoName(unix.Errno(n)) == name {
			return e.set(n)
		}
	}
	return fmt.Errorf("unknown error %q", name)
}

func (e *errnoValue) set(n uint) error {
	if e.value != nil && *e.value != n {
		return fmt.Errorf("the error is both %d and %d", *e.value, n)
	}
	e.value = &n
	return nil
}
