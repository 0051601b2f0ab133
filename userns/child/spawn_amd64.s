#include "textflag.h"

// func spawn(nr, a, b, c uintptr, p *program, pc uintptr) uintptr
TEXT ·spawn(SB), NOSPLIT, $0-56
	MOVQ nr+0(FP), AX
	MOVQ a+8(FP), DI
	MOVQ b+16(FP), SI
	MOVQ c+24(FP), DX
	MOVQ p+32(FP), R12
	MOVQ pc+40(FP), R13
	MOVQ $0, R10
	MOVQ $0, R8
	SYSCALL
	TESTQ AX, AX
	JNE  parent
	SUBQ $16, SP
	MOVQ R12, 0(SP)
	MOVQ R13, 8(SP)
	LEAQ ·interpret(SB), AX   // by address: the new stack is no part of this chain
	CALL AX
	INT  $3

parent:
	MOVQ AX, ret+48(FP)
	RET
