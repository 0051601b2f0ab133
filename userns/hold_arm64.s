#include "textflag.h"

// The handler of held signals, which the kernel calls as a C function on the stack for
// signals, with the number in R0 and all signals blocked. It is in no goroutine, and
// touches nothing of Go's but two words. Registers come back when it returns, to the
// kernel's own rt_sigreturn in the vDSO.
TEXT ·holdSignal(SB), NOSPLIT|NOFRAME, $0
	MOVD ·holds(SB), R1
	MOVWU (R1), R1
	CBZ  R1, obey
	SUB  $1, R0, R1
	MOVD $1, R2
	LSL  R1, R2, R2
	MOVD $·pending(SB), R3
again:
	LDAXR (R3), R4
	ORR   R2, R4, R4
	STLXR R4, (R3), R5
	CBNZ  R5, again
	RET

obey:
	MOVD R0, R19
	MOVD $134, R8             // rt_sigaction(signal, default)
	MOVD $·defaultAction(SB), R1
	MOVD ZR, R2
	MOVD $8, R3
	SVC
	MOVD $172, R8             // getpid
	SVC
	MOVD R19, R1
	MOVD $129, R8             // kill
	SVC
	RET

// func holdStart() (handler, restorer uintptr)
TEXT ·holdStart(SB), NOSPLIT, $0-16
	MOVD $·holdSignal(SB), R0
	MOVD R0, handler+0(FP)
	MOVD ZR, restorer+8(FP)
	RET
