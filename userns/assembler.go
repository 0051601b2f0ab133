package userns

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"strings"
	"unsafe"

	"github.com/sbxrun/sbx/userns/child"
)

// An FD names a descriptor. Most are opened by a step in the child and used by
// a later one; the others the caller of Start gives. Names make a plan readable
// and comparable, where numbers are known only while it runs.
type FD string

// assembler lowers steps to calls. Everything a call points at is allocated and
// pinned here, before the clone.
type assembler struct {
	prog     *program
	step     int
	cells    map[FD]int     // registers that hold what a step opened
	given    map[FD]uintptr // descriptors of the supervisor's that the child inherits
	chunk    []byte         // what is left of the current allocation for bytes
	branches []func()       // the calls of other processes, laid behind those of this one
	restored bool           // signals were let through again
	std      [3]*os.File    // the command's standard streams, if given
	handed   bool           // the child gets them by a message: see handStreams
	ends     *ends
	runs     *uint32 // set to 1 before the program is executed, or nil
	err      error
}

// operand is an argument of a call: a value, or a register's content.
type operand struct {
	value    uintptr
	register bool
}

func num[T ~int | ~uint | ~int32 | ~uint32 | ~int64 | ~uint64 | ~uintptr](v T) operand {
	return operand{value: uintptr(v)}
}

// cwd is AT_FDCWD.
func cwd() operand { return operand{value: child.AtCwd} }

// syscall appends a system call and returns it for adornment.
func (a *assembler) syscall(nr uintptr, args ...operand) *child.Call {
	c := a.add(child.Syscall)
	c.Nr = nr
	for i, o := range args {
		c.Args[i] = o.value
		if o.register {
			c.From |= 1 << i
		}
	}
	return c
}

// add appends an empty call. The pointer is good until the next add.
func (a *assembler) add(o child.Op) *child.Call {
	a.prog.Calls = append(a.prog.Calls, child.Call{Op: o, Step: uint16(a.step), Into: child.NoRegister})
	return &a.prog.Calls[len(a.prog.Calls)-1]
}

// keep has the call's result kept under a name.
func (a *assembler) keep(c *child.Call, name FD) {
	c.Into = int32(a.cell(name))
}

func (a *assembler) cell(name FD) int {
	r, ok := a.cells[name]
	if !ok {
		r = len(a.cells)
		a.cells[name] = r
	}
	return r
}

// fd is the descriptor of that name.
func (a *assembler) fd(name FD) operand {
	if v, ok := a.given[name]; ok {
		return operand{value: v}
	}
	r, ok := a.cells[name]
	if !ok {
		a.fail("descriptor %q is used before a step opens it", name)
	}
	return operand{value: uintptr(r), register: true}
}

// fail remembers the first mistake in a plan. It is a bug of whoever made the
// plan, so it is told as one.
func (a *assembler) fail(format string, args ...any) {
	if a.err == nil {
		a.err = fmt.Errorf("BUG(sbx): plan step %d: "+format, append([]any{a.step}, args...)...)
	}
}

// str is a pointer to the string's bytes and a NUL. A NUL within would cut the
// name short and so name something else; it is refused.
func (a *assembler) str(s string) operand {
	if strings.IndexByte(s, 0) >= 0 && a.err == nil {
		a.err = fmt.Errorf("%q has a NUL byte in it", s)
	}
	b := a.bytes(len(s) + 1)
	copy(b, s)
	return a.at(b)
}

// cstr is str for lists of pointers.
func (a *assembler) cstr(s string) *byte {
	b := a.bytes(len(s) + 1)
	copy(b, s)
	if strings.IndexByte(s, 0) >= 0 && a.err == nil {
		a.err = fmt.Errorf("%q has a NUL byte in it", s)
	}
	return &b[0]
}

// words is a pointer to 32-bit numbers, as the kernel's structures have them.
func (a *assembler) words(ws ...uint32) (operand, []byte) {
	b := a.bytes(4 * len(ws))
	for i, w := range ws {
		binary.NativeEndian.PutUint32(b[4*i:], w)
	}
	return a.at(b), b
}

// longs is a pointer to 64-bit numbers.
func (a *assembler) longs(ls ...uint64) operand {
	b := a.bytes(8 * len(ls))
	for i, l := range ls {
		binary.NativeEndian.PutUint64(b[8*i:], l)
	}
	return a.at(b)
}

// bytes allocates zeroed memory that starts at a multiple of 8 and stays where
// it is until the child has its copy.
func (a *assembler) bytes(n int) []byte {
	size := (n + 7) &^ 7
	if size > len(a.chunk) {
		a.chunk = make([]byte, max(size, 4096))
		a.prog.pinned.Pin(&a.chunk[0])
	}
	b := a.chunk[:n:n]
	a.chunk = a.chunk[size:]
	return b
}

// at is a pointer to bytes of the assembler's.
func (a *assembler) at(b []byte) operand {
	return operand{value: uintptr(unsafe.Pointer(&b[0]))}
}

// finish lays the calls of PID 1 and makes the program ready to run. Its
// registers are those of the program that it goes on from, if there is one.
func (a *assembler) finish(from *program) error {
	for _, lay := range a.branches {
		lay()
	}
	if from != nil && from.cells != nil {
		a.prog.Registers = from.Registers
	} else {
		a.prog.Registers = make([]uintptr, max(len(a.cells), spareRegisters))
	}
	if len(a.cells) > len(a.prog.Registers) && a.err == nil {
		a.err = fmt.Errorf("a plan that opens %d descriptors cannot be gone on with", len(a.cells))
	}
	runtime.KeepAlive(a.chunk)
	return a.err
}

// spareRegisters is how many descriptors a plan may open that is gone on with.
const spareRegisters = 512
