#include "textflag.h"

// func spawn(nr, a, b, c uintptr, p *Program, pc uintptr, interpret uintptr) uintptr
TEXT ·spawn(SB), NOSPLIT, $0-64
	MOVQ nr+0(FP), AX
	MOVQ a+8(FP), DI
	MOVQ b+16(FP), SI
	MOVQ c+24(FP), DX
	MOVQ p+32(FP), R12
	MOVQ pc+40(FP), R13
	MOVQ interpret+48(FP), R15
	MOVQ $0, R10
	MOVQ $0, R8
	SYSCALL
	TESTQ AX, AX
	JNE  parent
	SUBQ $64, SP              // room that a Go function may spill its arguments to
	MOVQ R12, AX              // arguments in registers, as Go's internal ABI has them
	MOVQ R13, BX
	XORPS X15, X15
	CALL R15                  // by address: the new stack is no part of this chain
	INT  $3

parent:
	MOVQ AX, ret+56(FP)
	RET
