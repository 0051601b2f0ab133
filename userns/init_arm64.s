#include "textflag.h"

// See init_amd64.s. No constant may be one that the assembler puts into a pool
// behind the code.
TEXT ·initProgram(SB), NOSPLIT|NOFRAME, $0
	MOVZ $(0x40<<16), R19
	MOVK $0xc0, R19
	MOVD RSP, R20
	SUB  $128, R20, R20

	MOVD $167, R8             // prctl(PR_SET_DUMPABLE, 0): what is inside may not look in
	MOVD $4, R0
	MOVD $0, R1
	SVC
	MOVD $167, R8             // prctl(PR_SET_NAME)
	MOVD $15, R0
	ADD  $0x20, R19, R1
	SVC
	MOVD $167, R8             // prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER), where there is such
	MOVD $22, R0
	MOVD $2, R1
	ADD  $0x30, R19, R2
	SVC
	MOVD $64, R8              // write(ready, 1)
	MOVW 8(R19), R0
	ADD  $0x18, R19, R1
	MOVD $8, R2
	SVC
	MOVD $57, R8              // close(ready)
	MOVW 8(R19), R0
	SVC

next:
	MOVD $137, R8             // rt_sigtimedwait(all, none, for ever)
	ADD  $0x10, R19, R0
	MOVD $0, R1
	MOVD $0, R2
	MOVD $8, R3
	SVC
	CMP  $0, R0
	BLE  next
	CMP  $17, R0              // SIGCHLD
	BEQ  collect

	MOVD R0, R1
	MOVW 0(R19), R0
	MOVWU 12(R19), R2         // the one that says to kill, if there is one
	CMPW R2, R1
	BNE  other
	MOVD $9, R1
	B    send
other:
	MOVZ $(0x1014<<16), R2    // HUP INT QUIT CONT TSTP WINCH
	MOVK $0xe, R2
	LSR  R1, R2, R2
	TBZ  $0, R2, send
	NEG  R0, R0
send:
	MOVD $129, R8             // kill
	SVC
	B    next

collect:
	MOVD $260, R8             // wait4(any, WNOHANG|WUNTRACED|__WALL)
	MOVD $-1, R0
	MOVD R20, R1
	MOVZ $(0x4000<<16), R2
	MOVK $3, R2
	MOVD $0, R3
	SVC
	CMP  $0, R0
	BLE  next
	MOVW 0(R19), R1
	CMPW R1, R0
	BNE  collect

	MOVWU 0(R20), R21
	ANDS $0x7f, R21, R0
	BNE  killed
	LSR  $8, R21, R0
	AND  $0xff, R0, R0
	B    exit

killed:
	MOVD $64, R8              // write(status)
	MOVW 4(R19), R0
	MOVD R20, R1
	MOVD $4, R2
	SVC
	AND  $0xff, R21, R0
	CMP  $0x7f, R0            // it has stopped
	BEQ  collect
	AND  $0x7f, R21, R0
	ADD  $128, R0, R0
exit:
	MOVD $94, R8              // exit_group
	SVC
	B    exit
	WORD $0x2d786273
	WORD $0x2e646e65

// func initStart() uintptr
TEXT ·initStart(SB), NOSPLIT, $0-8
	MOVD $·initProgram(SB), R0
	MOVD R0, ret+0(FP)
	RET
