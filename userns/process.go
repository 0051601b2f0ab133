package userns

import (
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns/child"
)

// leash names the read end of the pipe whose other end the supervisor alone
// holds. status is PID 1's end of the pipe that carries wait statuses.
const (
	leash     FD = "leash"
	leashHeld FD = "leash, the supervisor's end"
	status    FD = "status"
)

// DieWithSupervisor ties the child to the supervisor's life. The signal alone
// leaves a gap: a supervisor that dies between the clone and the prctl sends
// none. A look at the leash does not close it: when the supervisor is killed, one
// of its threads can still hold the descriptors while the child has already been
// given to another parent. So the child tells that the signal is set, and
// AwaitSupervisor has the answer, which only one that lives can give. From then
// on its death, whenever it comes, is a signal.
type DieWithSupervisor struct {
	// Later leaves it to the command's DieWithInit to ask, whose end is that of both.
	// What tells of the supervisor's death is endAll then.
	Later bool
}

// endAll has an sbx-init that is in no pid namespace with its command kill that and
// collect it. If both were killed, whoever gets orphans would have to collect the
// command, and where he does not, as in many a container, its pid namespace could never
// end. It is a signal that nobody else sends: the last of those for real time.
const endAll = unix.Signal(64)

func (DieWithSupervisor) String() string { return "die with the supervisor" }

func (s DieWithSupervisor) lower(a *assembler) {
	sig := unix.SIGKILL
	if s.Later {
		sig = endAll
	}
	a.syscall(unix.SYS_PRCTL, num(unix.PR_SET_PDEATHSIG), num(int(sig)))
	a.syscall(unix.SYS_CLOSE, num(a.given[leashHeld]))
	if s.Later {
		return
	}
	a.syscall(unix.SYS_WRITE, num(a.prog.Reports), a.at(a.bytes(tiedSize)), num(tiedSize))
}

// tiedSize is the size of the message that says that the signal is set. The
// messages are told apart by their sizes.
const tiedSize = 2

// AwaitSupervisor waits for the answer to DieWithSupervisor, and ends the child
// when there will be none. It comes before anything that must not outlive the
// supervisor; the answer has been there for long by then.
type AwaitSupervisor struct{}

func (AwaitSupervisor) String() string { return "make sure that the supervisor lives" }

func (AwaitSupervisor) lower(a *assembler) { a.add(child.Await).Args[0] = a.given[leash] }

// Fork makes the command's process. The steps behind it are the command's;
// those of Init are the last of PID 1, which then becomes sbx-init and collects
// children until the command ends. AwaitInit must be among the command's steps.
type Fork struct {
	Init []Step
	// Copy gives the command memory of its own. Who shares memory stays in the
	// clocks that it has, and before Linux 6.3 beyond its execve
	// (time_namespaces(7)). And who becomes another user, as seen from outside, has
	// its memory closed, with all who share it: the supervisor too, where all of this
	// is its own. It could make no other sandbox then.
	Copy bool
	// Outside says that a pid namespace was joined, in which the command will be and
	// the one that forks is not. It becomes sbx-init nevertheless: it hands signals on
	// and collects the command, whatever becomes of the supervisor. A namespace whose
	// PID 1 ends waits until somebody has collected those that came from outside, and a
	// supervisor can be stopped, as a job of a terminal is (kernel/pid_namespace.c,
	// zap_pid_ns_processes).
	Outside bool
	// Leave has it end instead, so that the command is left to itself.
	Leave bool
}

func (s Fork) String() string {
	parts := make([]string, len(s.Init))
	for i, step := range s.Init {
		parts[i] = step.String()
	}
	switch {
	case s.Leave:
		return "fork the command, and leave it"
	case s.Outside:
		return "fork the command into the pid namespace; outside: " + strings.Join(append(parts, "become "+initName), ", ")
	}
	return "fork the command; pid 1: " + strings.Join(append(parts, "become "+initName), ", ")
}

func (s Fork) lower(a *assembler) {
	if s.Leave {
		a.leave()
		return
	}
	a.keep(a.syscall(unix.SYS_EVENTFD2, num(0), num(unix.EFD_CLOEXEC)), readyFD)
	command := FD("command")
	fork := len(a.prog.Calls)
	a.keep(a.add(child.Fork), command)
	if s.Copy {
		a.prog.Calls[fork].Op = child.ForkCopy
	}
	// Both sides make the command leader of its group, as shells do: whichever
	// comes second finds it done. Its group is not PID 1's, so it is no orphan,
	// and the kernel stops it when the terminal says so.
	a.syscall(unix.SYS_SETPGID, num(0), num(0))
	step := a.step
	a.branches = append(a.branches, func() {
		a.step = step
		a.prog.Calls[fork].Args[0] = uintptr(len(a.prog.Calls))
		a.syscall(unix.SYS_SETPGID, a.fd(command), a.fd(command)).Also[0] = uint16(unix.EACCES)
		for _, s := range s.Init {
			s.lower(a)
		}
		fatal := unix.Signal(0)
		if s.Outside {
			fatal = endAll
		}
		a.becomeInit(command, fatal)
	})
}

// leave forks the command and ends.
func (a *assembler) leave() {
	fork, step := len(a.prog.Calls), a.step
	a.add(child.Fork)
	a.branches = append(a.branches, func() {
		a.step = step
		a.prog.Calls[fork].Args[0] = uintptr(len(a.prog.Calls))
		a.syscall(unix.SYS_EXIT_GROUP, num(0))
	})
}

// RestoreSignals gives the process the signal mask that the supervisor has; the
// child begins with all of them blocked. It must come before an Exec. SIGPIPE is not
// ignored then: that outlasts an execve, and a supervisor ignores it which is not to end
// by what it writes. Pipelines go by it.
type RestoreSignals struct{}

func (RestoreSignals) String() string { return "restore the signal mask, and SIGPIPE" }

func (RestoreSignals) lower(a *assembler) {
	a.restored = true
	a.syscall(unix.SYS_RT_SIGACTION, num(int(unix.SIGPIPE)), a.at(a.bytes(32)), num(0), num(8)) // struct sigaction
	a.syscall(unix.SYS_RT_SIGPROCMASK, num(unix.SIG_SETMASK), a.longs(signalMask()), num(0), num(8))
}

// signalMask is the mask of this thread. It is asked for before the clone, for
// which Go blocks all signals.
func signalMask() uint64 {
	var mask unix.Sigset_t
	_ = unix.PthreadSigmask(unix.SIG_BLOCK, nil, &mask) // it cannot fail
	return mask.Val[0]
}

// NewSession makes the process leader of a session without a terminal, so that
// it shares none with the caller: TIOCSTI needs one's own (tty_ioctl(4)).
type NewSession struct{}

func (NewSession) String() string { return "new session" }

func (NewSession) lower(a *assembler) { a.syscall(unix.SYS_SETSID) }

// Rlimit sets one resource limit, soft and hard (getrlimit(2)).
type Rlimit struct {
	Resource   int
	Name       string
	Soft, Hard uint64
}

func (s Rlimit) String() string {
	return fmt.Sprintf("limit %s %s:%s", s.Name, rlimitString(s.Soft), rlimitString(s.Hard))
}

func rlimitString(n uint64) string {
	if n == unix.RLIM_INFINITY {
		return "unlimited"
	}
	return strconv.FormatUint(n, 10)
}

func (s Rlimit) lower(a *assembler) {
	a.syscall(unix.SYS_PRLIMIT64, num(0), num(s.Resource), a.longs(s.Soft, s.Hard), num(0))
}

// Hostname names the host in the child's UTS namespace.
type Hostname struct{ Name string }

func (s Hostname) String() string { return "hostname " + s.Name }

func (s Hostname) lower(a *assembler) {
	a.syscall(unix.SYS_SETHOSTNAME, a.str(s.Name), num(len(s.Name)))
}

// Domainname sets the NIS domain name in the child's UTS namespace.
type Domainname struct{ Name string }

func (s Domainname) String() string { return "domainname " + s.Name }

func (s Domainname) lower(a *assembler) {
	a.syscall(unix.SYS_SETDOMAINNAME, a.str(s.Name), num(len(s.Name)))
}

// NewClock makes a time namespace in which the monotonic and the boot clock start
// at zero, so that they do not tell how long the host has been up. The processes
// forked later are in it, or are once they execute a program: see Fork.Copy.
type NewClock struct{}

func (s NewClock) String() string { return "new clocks, from zero" }

func (s NewClock) lower(a *assembler) {
	var mono, boot unix.Timespec
	// They cannot fail; a clock that does not tell stays as it is.
	_, _ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &mono), unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	a.syscall(unix.SYS_UNSHARE, num(unix.CLONE_NEWTIME))
	a.write("/proc/self/timens_offsets", fmt.Sprintf("monotonic -%d 0\nboottime -%d 0\n", mono.Sec, boot.Sec))
}

// Stdio makes the descriptors 0, 1 and 2 what Start was given.
type Stdio struct{}

func (Stdio) String() string { return "standard input, output and error" }

func (Stdio) lower(a *assembler) {
	if a.handed {
		a.receive()
		return
	}
	std, err := a.standard()
	if err != nil {
		a.fail("%v", err)
		return
	}
	for i, fd := range std {
		// A descriptor that stands where another must go is moved up first.
		if fd < 3 && fd != uintptr(i) {
			name := FD("moved " + strconv.Itoa(i))
			a.keep(a.syscall(unix.SYS_FCNTL, num(fd), num(unix.F_DUPFD_CLOEXEC), num(3)), name)
		}
	}
	for i, fd := range std {
		switch {
		case fd == uintptr(i):
			a.syscall(unix.SYS_FCNTL, num(fd), num(unix.F_SETFD), num(0))
		case fd < 3:
			a.syscall(unix.SYS_DUP3, a.fd(FD("moved "+strconv.Itoa(i))), num(i), num(0))
		default:
			a.syscall(unix.SYS_DUP3, num(fd), num(i), num(0))
		}
	}
}

// standard are the descriptors of what Start was given. Nil is /dev/null.
func (a *assembler) standard() (std [3]uintptr, err error) {
	for i, f := range a.std {
		if f == nil {
			if f, err = a.ends.devNull(); err != nil {
				return std, err
			}
		}
		std[i] = f.Fd()
	}
	return std, nil
}

// CloseOnExec marks every descriptor above 2, whoever opened it and however:
// the supervisor's, those the caller let it inherit, those of the steps.
type CloseOnExec struct{}

func (CloseOnExec) String() string { return "close every descriptor above 2 at exec" }

func (CloseOnExec) lower(a *assembler) {
	a.syscall(unix.SYS_CLOSE_RANGE, num(3), num(^uint32(0)), num(unix.CLOSE_RANGE_CLOEXEC))
}

// Exec replaces the process by the first of Paths that is a program. It is the
// last step of a plan.
type Exec struct {
	Paths []string
	Argv  []string
	Env   []string
	// Secrets are more of the environment, each with its name.
	Secrets []Secret `json:",omitempty"`
}

func (s Exec) String() string {
	quoted := make([]string, len(s.Argv))
	for i, arg := range s.Argv {
		quoted[i] = quote(arg)
	}
	return "exec " + strings.Join(quoted, " ")
}

// quote quotes an argument when a shell would need it to, and whenever it could
// do something to a terminal (CVE-2023-28101).
func quote(arg string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./=:,+@%", r)
	}
	if arg != "" && strings.IndexFunc(arg, func(r rune) bool { return !plain(r) }) < 0 {
		return arg
	}
	return strconv.Quote(arg)
}

func (s Exec) lower(a *assembler) {
	if len(s.Paths) == 0 || len(s.Argv) == 0 {
		a.fail("exec of nothing")
		return
	}
	if !a.restored {
		a.fail("exec with all signals blocked")
	}
	env := a.list(s.Env)
	for _, secret := range s.Secrets {
		env = append(env, a.cstr(string(secret)))
	}
	a.add(child.Exec).Exec = &child.Execution{Paths: a.list(s.Paths), Argv: append(a.list(s.Argv), nil), Env: append(env, nil), Runs: a.runs}
}

func (a *assembler) list(strings []string) []*byte {
	out := make([]*byte, len(strings), len(strings)+1)
	for i, s := range strings {
		out[i] = a.cstr(s)
	}
	return out
}

// Exit ends the process. It is for plans that run no program.
type Exit struct{ Code int }

func (s Exit) String() string { return fmt.Sprintf("exit %d", s.Code) }

func (s Exit) lower(a *assembler) { a.syscall(unix.SYS_EXIT_GROUP, num(s.Code)) }
