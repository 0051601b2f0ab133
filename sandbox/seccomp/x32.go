package seccomp

// The x32 calls are those of amd64 with a bit set in the number. Those whose
// arguments lie differently in memory have numbers of their own. The kernel
// promises to give 512 to 547 to nothing else (syscall_64.tbl).
const (
	x32Bit   = 0x40000000
	x32First = 512
	x32Last  = 547
)

// x32Numbers gives both numbers of a call that has two. Up to Linux 5.3 the one
// of amd64 worked as well, so a rule on the call has to be on both.
func x32Numbers(name string) []uint32 {
	var nrs []uint32
	if nr, ok := find(amd64Calls, name); ok {
		nrs = append(nrs, nr|x32Bit)
	}
	if nr, ok := find(x32Calls, name); ok {
		nrs = append(nrs, nr|x32Bit)
	}
	return nrs
}

var x32Calls = []number{
	{"execve", 520}, {"execveat", 545}, {"get_robust_list", 531}, {"getsockopt", 542},
	{"io_setup", 543}, {"io_submit", 544}, {"ioctl", 514}, {"kexec_load", 528},
	{"move_pages", 533}, {"mq_notify", 527}, {"preadv", 534}, {"preadv2", 546},
	{"process_vm_readv", 539}, {"process_vm_writev", 540}, {"ptrace", 521}, {"pwritev", 535},
	{"pwritev2", 547}, {"readv", 515}, {"recvfrom", 517}, {"recvmmsg", 537},
	{"recvmsg", 519}, {"rt_sigaction", 512}, {"rt_sigpending", 522}, {"rt_sigqueueinfo", 524},
	{"rt_sigreturn", 513}, {"rt_sigtimedwait", 523}, {"rt_tgsigqueueinfo", 536}, {"sendmmsg", 538},
	{"sendmsg", 518}, {"set_robust_list", 530}, {"setsockopt", 541}, {"sigaltstack", 525},
	{"timer_create", 526}, {"vmsplice", 532}, {"waitid", 529}, {"writev", 516},
}
