package userns

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// A Plan is the complete list of what a child does from clone to execve, in
// order. It is data: it can be printed, compared and changed, and making it
// runs nothing.
type Plan struct {
	Namespaces Namespaces
	Steps      []Step
}

// ownMemory tells whether the child's first process must have memory of its own. Who
// becomes a user has it closed by the kernel, with all who share it (PR_SET_DUMPABLE);
// who closes it himself means his own; and a time namespace is joined by nobody who
// shares it. Behind a Fork it is Fork.Copy that says so.
func (p Plan) ownMemory() bool {
	for _, s := range p.Steps {
		switch s := s.(type) {
		case Fork:
			return false
		case SetUser, CloseMemory:
			return true
		case Join:
			if s.Namespaces&Time != 0 {
				return true
			}
		}
	}
	return false
}

// Namespaces is a set of CLONE_NEW* flags of clone(2). Zero shares all with the
// supervisor.
type Namespaces uintptr

// The namespaces that a clone can make, and Time, which it cannot: a new one begins with
// the next fork, so it is a step (NewClock).
const (
	User   Namespaces = unix.CLONE_NEWUSER
	Mounts Namespaces = unix.CLONE_NEWNS
	PID    Namespaces = unix.CLONE_NEWPID
	IPC    Namespaces = unix.CLONE_NEWIPC
	UTS    Namespaces = unix.CLONE_NEWUTS
	Cgroup Namespaces = unix.CLONE_NEWCGROUP
	Net    Namespaces = unix.CLONE_NEWNET
	Time   Namespaces = unix.CLONE_NEWTIME
)

var namespaceNames = []struct {
	flag Namespaces
	name string
}{{User, "user"}, {Mounts, "mount"}, {PID, "pid"}, {IPC, "ipc"}, {UTS, "uts"}, {Cgroup, "cgroup"}, {Net, "net"}, {Time, "time"}}

func (n Namespaces) String() string {
	var names []string
	for _, k := range namespaceNames {
		if n&k.flag != 0 {
			names = append(names, k.name)
		}
	}
	return strings.Join(names, ",")
}

// Lines gives the plan in words, a line for the clone and one for each step.
func (p Plan) Lines() []string {
	lines := []string{"clone"}
	if p.Namespaces != 0 {
		lines[0] = "clone with new namespaces " + p.Namespaces.String()
	}
	for _, s := range p.Steps {
		lines = append(lines, s.String())
	}
	return lines
}

// String gives the plan in words, its lines numbered from 0 for the clone.
func (p Plan) String() string {
	var b strings.Builder
	for i, line := range p.Lines() {
		fmt.Fprintf(&b, "%3d %s\n", i, line)
	}
	return b.String()
}
