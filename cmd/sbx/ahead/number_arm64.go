package ahead

// Numbers of system calls.
const (
	sysOpenat           = 56
	sysRead             = 63
	sysWrite            = 64
	sysClose            = 57
	sysPipe2            = 59
	sysSocketpair       = 199
	sysPrctl            = 167
	sysUnshare          = 97
	sysGetuid           = 174
	sysGeteuid          = 175
	sysGetgid           = 176
	sysGetegid          = 177
	sysGetcpu           = 168
	sysSchedGetaffinity = 123
	sysSchedSetaffinity = 122
)
