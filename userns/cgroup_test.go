package userns

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bornIn is a plan whose child is born in a cgroup.
func bornIn(script string) Plan {
	p := pid1(script)
	p.Steps = append([]Step{BornInto{FD: "box", Limits: "of nothing"}}, p.Steps...)
	return p
}

// TestBornInto: where the child cannot be born in its cgroup there is none, and nothing
// of it has run elsewhere.
func TestBornInto(t *testing.T) {
	needNamespaces(t)
	mark := t.TempDir() + "/ran"
	dir, err := os.Open(t.TempDir()) // which is no cgroup
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	p := bornIn("touch " + mark)
	if line := p.Lines()[1]; line != "born in a box of nothing" {
		t.Errorf("it says %q", line)
	}
	_, err = p.Start(Input{Files: map[FD]*os.File{"box": dir}})
	var clone *CloneError
	if !errors.As(err, &clone) || !clone.Cgroup || clone.Err != unix.EBADF {
		t.Errorf("no cgroup: %v", err)
	}
	if _, err := p.Start(Input{}); err == nil || !strings.Contains(err.Error(), `"box" is used before`) {
		t.Errorf("no descriptor: %v", err)
	}
	// One that was begun early was born elsewhere, and is ended.
	_, err = p.Start(Input{Early: beginning(t), Files: map[FD]*os.File{"box": dir}, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr})
	if !errors.As(err, &clone) || !clone.Cgroup {
		t.Errorf("begun early: %v", err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("the command has run")
	}
}

// TestBornIntoWithoutClone3: clone cannot do it, so it is not tried, where it would be
// for other plans.
func TestBornIntoWithoutClone3(t *testing.T) {
	needNamespaces(t)
	if os.Getenv("SBX_TEST_NO_CLONE3") == "" {
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestBornIntoWithoutClone3$", "-test.v")
		cmd.Env = append(os.Environ(), "SBX_TEST_NO_CLONE3=1")
		if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	forbidClone3(t)
	if s := statusOf(t, pid1("exit 7"), Input{}); s.ExitStatus() != 7 {
		t.Errorf("without a cgroup: %v", s)
	}
	dir, err := os.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	_, err = bornIn("exit 7").Start(Input{Files: map[FD]*os.File{"box": dir}})
	var clone *CloneError
	if !errors.As(err, &clone) || !clone.Cgroup || clone.Err != unix.ENOSYS {
		t.Errorf("with a cgroup: %v", err)
	}
}

// forbidClone3 has it be unknown to this process.
func forbidClone3(t *testing.T) {
	t.Helper()
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_CLONE3, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x50000 | uint32(unix.ENOSYS)}, // SECCOMP_RET_ERRNO
		{Code: unix.BPF_RET | unix.BPF_K, K: 0x7fff0000},                    // SECCOMP_RET_ALLOW
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	const forAllThreads = 1 // SECCOMP_FILTER_FLAG_TSYNC
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, 1, forAllThreads, uintptr(unsafe.Pointer(&program))); errno != 0 {
		t.Fatal(errno)
	}
}
