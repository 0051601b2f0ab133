#include "textflag.h"

// func spawn(flags, stack uintptr, pidfd *int32, p *program, pc uintptr) uintptr
TEXT ·spawn(SB), NOSPLIT, $0-48
	MOVQ flags+0(FP), DI
	MOVQ stack+8(FP), SI
	MOVQ pidfd+16(FP), DX
	MOVQ p+24(FP), R12
	MOVQ pc+32(FP), R13
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
	MOVQ AX, ret+40(FP)
	RET
