#include "textflag.h"

// The handler of held signals, which the kernel calls as a C function on the stack for
// signals, with the number in DI and all signals blocked. It is in no goroutine, and
// touches nothing of Go's but two words. Registers come back when it returns.
TEXT ·holdSignal(SB), NOSPLIT|NOFRAME, $0
	MOVQ ·holds(SB), AX
	CMPL 0(AX), $0
	JEQ  obey
	LEAQ -1(DI), CX
	MOVQ $1, AX
	SHLQ CX, AX
	LOCK
	ORQ  AX, ·pending(SB)
	RET

obey:
	MOVQ DI, R12
	MOVL $13, AX              // rt_sigaction(signal, default)
	LEAQ ·defaultAction(SB), SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	MOVL $39, AX              // getpid
	SYSCALL
	MOVL AX, DI
	MOVQ R12, SI
	MOVL $62, AX              // kill
	SYSCALL
	RET

// What the handler returns to.
TEXT ·holdReturn(SB), NOSPLIT|NOFRAME, $0
	MOVQ $15, AX              // rt_sigreturn
	SYSCALL
	INT  $3

// func holdStart() (handler, restorer uintptr)
TEXT ·holdStart(SB), NOSPLIT, $0-16
	LEAQ ·holdSignal(SB), AX
	MOVQ AX, handler+0(FP)
	LEAQ ·holdReturn(SB), AX
	MOVQ AX, restorer+8(FP)
	RET
