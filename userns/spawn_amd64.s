#include "textflag.h"

// func spawn(flags, stack uintptr, p *program, pc uintptr) uintptr
TEXT ·spawn(SB), NOSPLIT, $0-40
	MOVQ flags+0(FP), DI
	MOVQ stack+8(FP), SI
	MOVQ p+16(FP), R12
	MOVQ pc+24(FP), R13
	MOVQ $0, DX
	MOVQ $0, R10
	MOVQ $0, R8
	MOVQ $56, AX              // SYS_CLONE
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
	MOVQ AX, ret+32(FP)
	RET
