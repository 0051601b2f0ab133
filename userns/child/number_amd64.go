package child

// Numbers of system calls.
const (
	sysClone       = 56
	sysClone3      = 435
	sysPpoll       = 271
	sysRead        = 0
	sysWrite       = 1
	sysClose       = 3
	sysPrctl       = 157
	sysExecve      = 59
	sysFaccessat   = 269
	sysOpenat2     = 437
	sysExitGroup   = 231
	sysRtSigaction = 13
	sysWait4       = 61
)
