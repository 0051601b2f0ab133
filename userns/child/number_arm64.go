package child

// Numbers of system calls.
const (
	sysClone       = 220
	sysClone3      = 435
	sysPpoll       = 73
	sysRead        = 63
	sysWrite       = 64
	sysClose       = 57
	sysPrctl       = 167
	sysExecve      = 221
	sysFaccessat   = 48
	sysOpenat2     = 437
	sysExitGroup   = 94
	sysRtSigaction = 134
	sysWait4       = 260
)
