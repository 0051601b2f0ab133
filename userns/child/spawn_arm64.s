#include "textflag.h"

// func spawn(nr, a, b, c uintptr, p *program, pc uintptr) uintptr
TEXT ·spawn(SB), NOSPLIT, $0-56
	MOVD nr+0(FP), R8
	MOVD a+8(FP), R0
	MOVD b+16(FP), R1
	MOVD c+24(FP), R2
	MOVD p+32(FP), R19
	MOVD pc+40(FP), R20
	MOVD $0, R3
	MOVD $0, R4
	SVC
	CBNZ R0, parent
	SUB  $32, RSP
	MOVD R19, 8(RSP)
	MOVD R20, 16(RSP)
	MOVD $·interpret(SB), R9  // by address: the new stack is no part of this chain
	BL   (R9)
	BRK

parent:
	MOVD R0, ret+48(FP)
	RET
