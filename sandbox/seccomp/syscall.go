package seccomp

import (
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A conditional is an entry of a profile with what docker's form adds to it.
type conditional struct {
	specs.LinuxSyscall
	name               string // the form before 2016
	errno              errnoValue
	includes, excludes when
}

// syscall reads an entry and keeps it if it is for this sandbox.
func (p *parser) syscall() error {
	var e conditional
	if err := p.object(func(key string) error { return p.field(&e, key) }); err != nil {
		return err
	}
	if e.name != "" {
		if len(e.Names) != 0 {
			return errors.New("there are both name and names")
		}
		e.Names = []string{e.name}
	}
	e.ErrnoRet = e.errno.value
	if _, err := checked(e.LinuxSyscall); err != nil {
		return err
	}
	if e.includes.all(p.options) && !e.excludes.any(p.options) {
		p.profile.Syscalls = append(p.profile.Syscalls, e.LinuxSyscall)
	}
	return nil
}

func (p *parser) field(e *conditional, key string) error {
	switch key {
	case "names":
		return p.strings(&e.Names)
	case "name":
		return p.string(&e.name)
	case "action":
		return p.action(&e.Action)
	case "errnoRet":
		return e.errno.readNumber(p.reader)
	case "errno":
		return e.errno.readName(p.reader)
	case "args":
		return p.list(func() error {
			var a specs.LinuxSeccompArg
			if err := p.object(func(key string) error { return p.argument(&a, key) }); err != nil {
				return err
			}
			e.Args = append(e.Args, a)
			_, err := newCondition(a)
			return err
		})
	case "comment":
		var s string
		return p.string(&s)
	case "includes":
		return p.object(func(key string) error { return p.when(&e.includes, key) })
	case "excludes":
		return p.object(func(key string) error { return p.when(&e.excludes, key) })
	}
	return errors.New("unknown key")
}

func (p *parser) argument(a *specs.LinuxSeccompArg, key string) error {
	if key == "op" {
		var s string
		err := p.string(&s)
		a.Op = specs.LinuxSeccompOperator(s)
		return err
	}
	if key != "index" && key != "value" && key != "valueTwo" {
		return errors.New("unknown key")
	}
	n, err := p.number()
	switch {
	case err != nil || n == nil:
		return err
	case key == "value":
		a.Value = *n
	case key == "valueTwo":
		a.ValueTwo = *n
	case *n >= arguments: // before it is made a uint, which may be 32 bits
		return fmt.Errorf("index %d is above %d", *n, arguments-1)
	default:
		a.Index = uint(*n)
	}
	return nil
}
