#include "textflag.h"

// func spawn(nr, a, b, c uintptr, p *Program, pc uintptr, interpret uintptr) uintptr
TEXT ·spawn(SB), NOSPLIT, $0-64
	MOVD nr+0(FP), R8
	MOVD a+8(FP), R0
	MOVD b+16(FP), R1
	MOVD c+24(FP), R2
	MOVD p+32(FP), R19
	MOVD pc+40(FP), R20
	MOVD interpret+48(FP), R21
	MOVD $0, R3
	MOVD $0, R4
	SVC
	CBNZ R0, parent
	SUB  $64, RSP             // room that a Go function may spill its arguments to
	MOVD R19, R0              // arguments in registers, as Go's internal ABI has them
	MOVD R20, R1
	BL   (R21)                // by address: the new stack is no part of this chain
	BRK

parent:
	MOVD R0, ret+56(FP)
	RET
