#include "textflag.h"

// func spawn(flags, stack uintptr, pidfd *int32, p *program, pc uintptr) uintptr
TEXT ·spawn(SB), NOSPLIT, $0-48
	MOVD flags+0(FP), R0
	MOVD stack+8(FP), R1
	MOVD pidfd+16(FP), R2
	MOVD p+24(FP), R19
	MOVD pc+32(FP), R20
	MOVD $0, R3
	MOVD $0, R4
	MOVD $220, R8             // SYS_CLONE
	SVC
	CBNZ R0, parent
	SUB  $32, RSP
	MOVD R19, 8(RSP)
	MOVD R20, 16(RSP)
	MOVD $·interpret(SB), R9  // by address: the new stack is no part of this chain
	BL   (R9)
	BRK

parent:
	MOVD R0, ret+40(FP)
	RET
