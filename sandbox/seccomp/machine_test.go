package seccomp

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// data is struct seccomp_data.
type data struct {
	nr   uint32
	arch uint32
	ip   uint64
	args [arguments]uint64
}

// bytes lays the data out as a little-endian kernel does.
func (d data) bytes() []byte {
	b := binary.LittleEndian.AppendUint32(nil, d.nr)
	b = binary.LittleEndian.AppendUint32(b, d.arch)
	b = binary.LittleEndian.AppendUint64(b, d.ip)
	for _, a := range d.args {
		b = binary.LittleEndian.AppendUint64(b, a)
	}
	return b
}

// run interprets a program as the kernel would and counts what it executed. The
// machine of golang.org/x/net/bpf reads packets, in the other byte order. All
// that seccomp_check_filter refuses is an error.
func run(program []unix.SockFilter, d data) (value uint32, steps int, err error) {
	memory := d.bytes()
	var a uint32
	for pc := 0; pc < len(program); pc++ {
		i := program[pc]
		steps++
		switch i.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			if i.K%4 != 0 || int(i.K) > len(memory)-4 {
				return 0, steps, fmt.Errorf("%d: load of %d", pc, i.K)
			}
			a = binary.LittleEndian.Uint32(memory[i.K:])
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= i.K
		case unix.BPF_JMP | unix.BPF_JA:
			pc += int(i.K)
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			pc += pick(a == i.K, i)
		case unix.BPF_JMP | unix.BPF_JGT | unix.BPF_K:
			pc += pick(a > i.K, i)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			pc += pick(a >= i.K, i)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			pc += pick(a&i.K != 0, i)
		case unix.BPF_RET | unix.BPF_K:
			return i.K, steps, nil
		default:
			return 0, steps, fmt.Errorf("%d: instruction %#x", pc, i.Code)
		}
	}
	return 0, steps, fmt.Errorf("ran off the end")
}

func pick(yes bool, i unix.SockFilter) int {
	if yes {
		return int(i.Jt)
	}
	return int(i.Jf)
}

// verify checks every path as the kernel does before it takes a program: each
// jump ends inside, and the last instruction returns.
func verify(program []unix.SockFilter) error {
	if len(program) == 0 || len(program) > unix.BPF_MAXINSNS {
		return fmt.Errorf("%d instructions", len(program))
	}
	for pc, i := range program {
		far := 0
		switch {
		case i.Code == unix.BPF_JMP|unix.BPF_JA:
			far = int(i.K)
		case i.Code&7 == unix.BPF_JMP:
			far = max(int(i.Jt), int(i.Jf))
		}
		if pc+far+1 >= len(program) && i.Code&7 != unix.BPF_RET {
			return fmt.Errorf("%d of %d goes %d too far", pc, len(program), far)
		}
	}
	return nil
}
