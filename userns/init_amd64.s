#include "textflag.h"

// The life of PID 1 once the command runs. It takes every signal as data, because
// the kernel drops those for which an init has no handler; but a blocked one it
// keeps (kernel/signal.c, sig_ignored). What the supervisor sends goes on to the
// command: to its whole group when it is a signal that a terminal would send to
// all of them, since the command does not share the caller's terminal, and to the
// process otherwise. Children are collected whoever's they were. The end of the
// command is the end of PID 1, and with it the kernel ends all.
//
// The exit code is the command's. A stop, and a death by a signal, do not fit in an
// exit code, so their wait status is written to the status pipe.
//
// This is not called: init.go copies it into a program of its own, where the
// constants are at 0x4000c0. It refers to nothing else.
TEXT ·initProgram(SB), NOSPLIT|NOFRAME, $0
	MOVL $0x4000c0, BX
	MOVQ SP, R12
	SUBQ $128, R12

	MOVL $157, AX             // prctl(PR_SET_DUMPABLE, 0): what is inside may not look in
	MOVL $4, DI
	XORL SI, SI
	SYSCALL
	MOVL $157, AX             // prctl(PR_SET_NAME)
	MOVL $15, DI
	LEAQ 0x20(BX), SI
	SYSCALL
	MOVL $157, AX             // prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER), where there is such
	MOVL $22, DI
	MOVL $2, SI
	LEAQ 0x30(BX), DX
	SYSCALL
	MOVL $1, AX               // write(ready, 1)
	MOVL 8(BX), DI
	LEAQ 0x18(BX), SI
	MOVL $8, DX
	SYSCALL
	MOVL $3, AX               // close(ready)
	MOVL 8(BX), DI
	SYSCALL

next:
	MOVL $128, AX             // rt_sigtimedwait(all, none, for ever)
	LEAQ 0x10(BX), DI
	XORL SI, SI
	XORL DX, DX
	MOVL $8, R10
	SYSCALL
	TESTQ AX, AX
	JLE  next
	CMPL AX, $17              // SIGCHLD
	JEQ  collect

	MOVL AX, SI
	MOVLQSX 0(BX), DI
	CMPL AX, 12(BX)           // the one that says to kill, if there is one
	JNE  other
	MOVL $9, SI
	JMP  send
other:
	MOVL $0x1014000e, CX      // HUP INT QUIT CONT TSTP WINCH
	BTL  AX, CX
	JCC  send
	NEGQ DI
send:
	MOVL $62, AX              // kill
	SYSCALL
	JMP  next

collect:
	MOVL $61, AX              // wait4(any, WNOHANG|WUNTRACED|__WALL)
	MOVQ $-1, DI
	MOVQ R12, SI
	MOVL $0x40000003, DX
	XORL R10, R10
	SYSCALL
	TESTQ AX, AX
	JLE  next
	CMPL AX, 0(BX)
	JNE  collect

	MOVL 0(R12), R13
	MOVL R13, DI
	ANDL $0x7f, DI
	JNE  killed
	MOVL R13, DI
	SHRL $8, DI
	ANDL $0xff, DI
	JMP  exit

killed:
	MOVL $1, AX               // write(status)
	MOVL 4(BX), DI
	MOVQ R12, SI
	MOVL $4, DX
	SYSCALL
	MOVL R13, DI
	ANDL $0xff, DI
	CMPL DI, $0x7f            // it has stopped
	JEQ  collect
	ANDL $0x7f, DI
	ADDL $128, DI
exit:
	MOVL $231, AX             // exit_group
	SYSCALL
	JMP  exit
	LONG $0x2d786273
	LONG $0x2e646e65

// func initStart() uintptr
TEXT ·initStart(SB), NOSPLIT, $0-8
	LEAQ ·initProgram(SB), AX
	MOVQ AX, ret+0(FP)
	RET
