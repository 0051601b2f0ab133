package seccomp

import (
	"math"
	"math/bits"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func allow(names string, args ...specs.LinuxSeccompArg) specs.LinuxSyscall {
	return specs.LinuxSyscall{Names: strings.Fields(names), Action: specs.ActAllow, Args: args}
}

// masked compares some of the lower 32 bits. That is all of a C int; what is
// above it in the register is anything.
func masked(index uint, mask, value uint32) specs.LinuxSeccompArg {
	return specs.LinuxSeccompArg{Index: index, Value: uint64(mask), ValueTwo: uint64(value), Op: specs.OpMaskedEqual}
}

func is(index uint, value uint32) specs.LinuxSeccompArg { return masked(index, math.MaxUint32, value) }

func without(index uint, flags uint32) specs.LinuxSeccompArg { return masked(index, flags, 0) }

// except gives conditions of which one holds for every value of 32 bits but
// these. There is no operator for it: NE looks at 64 bits, and two conditions on
// one argument are not both needed but one of them. And an entry that refuses
// beside one that allows means something else to libseccomp.
//
// A value that is not v differs from it in some bit. In the bits that all values
// have in common one condition each is enough for all of them. Of the others
// every combination has to be gone through that is none of the values.
func except(index uint, values ...uint32) []specs.LinuxSeccompArg {
	ones, zeros := ^uint32(0), ^uint32(0)
	for _, v := range values {
		ones, zeros = ones&v, zeros&^v
	}
	var out []specs.LinuxSeccompArg
	for common := ones | zeros; common != 0; common &= common - 1 {
		bit := common & -common
		out = append(out, masked(index, bit, zeros&bit))
	}
	return combinations(out, index, 0, 0, ^(ones | zeros), values)
}

// combinations goes on with the highest bit of rest, of values that are equal to
// prefix in mask.
func combinations(out []specs.LinuxSeccompArg, index uint, mask, prefix, rest uint32, values []uint32) []specs.LinuxSeccompArg {
	if rest == 0 {
		return out
	}
	bit := uint32(1) << (31 - bits.LeadingZeros32(rest))
	for _, side := range []uint32{0, bit} {
		var same []uint32
		for _, v := range values {
			if v&bit == side {
				same = append(same, v)
			}
		}
		if same == nil {
			out = append(out, masked(index, mask|bit, prefix|side))
			continue
		}
		out = combinations(out, index, mask|bit, prefix|side, rest&^bit, same)
	}
	return out
}
