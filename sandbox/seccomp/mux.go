package seccomp

// On 32-bit x86 two old calls stand for many: socketcall(2) and ipc(2). Their
// first argument says which is meant, the arguments proper are in memory, where
// no filter can look. A profile that refuses connect, and knows nothing of
// socketcall, would refuse nothing there. So an entry for one of the many is
// also one for its part of the old call, unless the profile names the old call
// itself and thereby decides about it.
type mux struct {
	call  string
	mask  uint64 // of the first argument; ipc has a version above it
	parts []number
}

var muxes = []mux{
	{"socketcall", 0xffffffff, []number{
		{"socket", 1}, {"bind", 2}, {"connect", 3}, {"listen", 4}, {"accept", 5}, {"getsockname", 6},
		{"getpeername", 7}, {"socketpair", 8}, {"send", 9}, {"recv", 10}, {"sendto", 11}, {"recvfrom", 12},
		{"shutdown", 13}, {"setsockopt", 14}, {"getsockopt", 15}, {"sendmsg", 16}, {"recvmsg", 17},
		{"accept4", 18}, {"recvmmsg", 19}, {"sendmmsg", 20},
	}},
	{"ipc", 0xffff, []number{
		{"semop", 1}, {"semget", 2}, {"semctl", 3}, {"semtimedop", 4}, {"msgsnd", 11}, {"msgrcv", 12},
		{"msgget", 13}, {"msgctl", 14}, {"shmat", 21}, {"shmdt", 22}, {"shmget", 23}, {"shmctl", 24},
	}},
}

func muxed(name string) bool {
	for _, m := range muxes {
		for _, part := range m.parts {
			if part.name == name {
				return true
			}
		}
	}
	return false
}

// rules gives what the entries say about the old call, as rules on it. Of a
// part that is decided by its arguments, which cannot be seen, a refusal holds
// always and a permission never. named says whether there is any entry.
func (m mux) rules(entries []entry) (rules []rule, named bool) {
	var refusals, plain []rule
	for _, part := range m.parts {
		is := condition{arg: 0, kind: equal, mask: m.mask, value: uint64(part.nr)}
		decided := false
		for _, e := range entries {
			if !e.has(part.name) {
				continue
			}
			named = true
			switch {
			case e.rules != nil && refuses(e.ret):
				refusals = append(refusals, rule{[]condition{is}, e.ret})
			case e.rules == nil && !decided:
				plain, decided = append(plain, rule{[]condition{is}, e.ret}), true
			}
		}
	}
	return append(refusals, plain...), named
}
