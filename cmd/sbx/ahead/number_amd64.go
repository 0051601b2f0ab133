package ahead

// Numbers of system calls.
const (
	sysOpenat           = 257
	sysRead             = 0
	sysWrite            = 1
	sysClose            = 3
	sysPipe2            = 293
	sysSocketpair       = 53
	sysPrctl            = 157
	sysUnshare          = 272
	sysGetuid           = 102
	sysGeteuid          = 107
	sysGetgid           = 104
	sysGetegid          = 108
	sysGetcpu           = 309
	sysSchedGetaffinity = 204
	sysSchedSetaffinity = 203
)
