package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// marker is what nobody inside may see: it is in the caller's files,
// environment and memory.
const marker = "hunter2-of-the-host"

// A scene is the machine around one attack: a home with keys, a project in it,
// and what else the row sets up. It is all bait.
type scene struct {
	t    testing.TB
	view view
	vars map[string]string // {HOME}, {PROJECT}, {BAIT}, ...
	env  []string          // the caller's environment
	fds  []*os.File        // descriptors that the caller leaves open, from 3 on
	out  *os.File          // standard output, if it is not a pipe

	internet    *internet         // what a row has outside, or nil
	outsideVars map[string]string // what other values its variables have if there is no sandbox

	output  string        // what was printed
	shown   string        // what came to the caller's terminal, raw
	typed   string        // what its next reader finds typed
	settled string        // its modes afterwards, by stty
	took    time.Duration // from start to end
	victim  *exec.Cmd
	dead    chan struct{} // closed when the victim ends
}

// newScene makes one below a directory.
func newScene(t testing.TB, dir string, v view, r row) *scene {
	t.Helper()
	home := filepath.Join(dir, "home")
	project := filepath.Join(home, "project")
	s := &scene{t: t, view: v, outsideVars: map[string]string{}, vars: map[string]string{
		"SBX": tool(t, "sbx"), "DIR": dir, "HOME": home, "PROJECT": project, "MARKER": marker,
		"BAIT": filepath.Join(home, "bait"), "PID": "0", "ADDRESS": "0",
		"UID": fmt.Sprint(os.Getuid()), "GID": fmt.Sprint(os.Getgid()),
	}}
	s.env = []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "TERM=xterm", "LANG=C.UTF-8", "USER=" + os.Getenv("USER"), "SBX_BAIT_TOKEN=" + marker}
	attacks := tool(t, "attacks")
	s.mkdir(project)
	s.file(s.vars["BAIT"], marker)
	s.copyProgram(attacks, filepath.Join(project, "attacks"))
	s.vars["ATTACKS"] = filepath.Join(project, "attacks")
	s.vars["OUTSIDE"] = attacks
	if v == ownView {
		s.vars["ATTACKS"] = "/attacks"
	}
	if v == rootfsView {
		s.vars["DEBIAN"] = debian(t)
	}
	if r.victim {
		s.startVictim()
	}
	if r.setup != nil {
		r.setup(s)
	}
	return s
}

func (s *scene) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) mkdir(path string) { s.t.Helper(); s.check(os.MkdirAll(s.path(path), 0o755)) }

// file writes one, with the directories above it.
func (s *scene) file(path, text string) {
	s.t.Helper()
	path = s.path(path)
	s.check(os.MkdirAll(filepath.Dir(path), 0o755))
	s.check(os.WriteFile(path, []byte(text), 0o644))
}

// copyProgram links a program, or copies it to another file system.
func (s *scene) copyProgram(from, to string) {
	s.t.Helper()
	if os.Link(from, to) == nil {
		return
	}
	b, err := os.ReadFile(from)
	s.check(err)
	s.check(os.WriteFile(to, b, 0o755))
}

// path expands one.
func (s *scene) path(text string) string {
	for name, value := range s.vars {
		text = strings.ReplaceAll(text, "{"+name+"}", value)
	}
	return text
}

func (s *scene) expand(args []string) []string {
	all := make([]string, len(args))
	for i, arg := range args {
		all[i] = s.path(arg)
	}
	return all
}

// has tells whether a file outside contains a text.
func (s *scene) has(path, text string) bool {
	b, err := os.ReadFile(s.path(path))
	return err == nil && bytes.Contains(b, []byte(text))
}

// unchanged judges by the bait.
func unchanged(s *scene) string {
	b, err := os.ReadFile(s.vars["BAIT"])
	info, statErr := os.Stat(s.vars["BAIT"])
	switch {
	case err != nil:
		return "the bait: " + err.Error()
	case string(b) != marker:
		return fmt.Sprintf("the bait is now %q", b)
	case statErr != nil || info.Mode().Perm() != 0o644:
		return fmt.Sprintf("the bait's mode is %v", info.Mode())
	}
	return ""
}

// startVictim starts a process of the caller's, in its own process group.
func (s *scene) startVictim() {
	s.t.Helper()
	s.victim = exec.Command(s.vars["OUTSIDE"], "victim", marker)
	s.victim.Env = append(s.env, "VICTIM="+marker)
	s.victim.Dir = s.vars["HOME"]
	s.victim.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := s.victim.StdoutPipe()
	s.check(err)
	s.check(s.victim.Start())
	var address uint64
	_, err = fmt.Fscan(out, &address)
	s.check(err)
	s.vars["PID"] = fmt.Sprint(s.victim.Process.Pid)
	s.vars["ADDRESS"] = fmt.Sprint(address)
	s.dead = make(chan struct{})
	go func() {
		_ = s.victim.Wait() // how it ended is no matter
		close(s.dead)
	}()
	s.t.Cleanup(func() {
		_ = s.victim.Process.Kill() // it may be dead
		<-s.dead
	})
}

// alive judges by the victim.
func alive(s *scene) string {
	select {
	case <-s.dead:
		return "the victim is dead"
	case <-time.After(30 * time.Millisecond):
		return ""
	}
}

// run runs a command in the project, and gives its exit code.
func (s *scene) run(r row, argv []string) int {
	s.t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = s.vars["PROJECT"], s.env, s.fds
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if s.out != nil {
		cmd.Stdout = s.out
	}
	if s.victim != nil && r.tty == ttyNone {
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pgid: s.victim.Process.Pid}
	}
	// What is left behind may hold the output; that is not waited for.
	cmd.WaitDelay = 3 * time.Second
	start := time.Now()
	var err error
	if r.tty != ttyNone {
		err = s.sit(cmd, r.tty)
	} else {
		err = cmd.Run()
	}
	s.took = time.Since(start)
	s.output = out.String() + s.shown
	if s.out != nil {
		b, err := os.ReadFile(s.out.Name())
		s.check(err)
		s.output += string(b)
	}
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay):
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	s.output += err.Error()
	return -1
}

// sit runs a command at a terminal, below a shell that afterwards reads what the
// next reader of the terminal would be given.
func (s *scene) sit(cmd *exec.Cmd, how streams) error {
	s.t.Helper()
	master, slave := s.terminal()
	typed := filepath.Join(s.vars["DIR"], "typed")
	redirect := map[streams]string{ttyAll: "", ttyInput: `> "$DIR/out" 2>&1`, ttyOutput: "< /dev/null", ttyError: `< /dev/null > "$DIR/out"`}[how]
	line := `"$@" ` + redirect + `; code=$?; stty -a > "$DIR/modes"
		stty -icanon -echo min 0 time 1 && echo > "$DIR/regained"; cat > "$DIR/typed"
		[ ! -e "$DIR/out" ] || { echo; cat "$DIR/out"; }; exit $code`
	sh := exec.Command("sh", append([]string{"-c", line, "sh"}, cmd.Args...)...)
	sh.Dir, sh.ExtraFiles = cmd.Dir, cmd.ExtraFiles
	sh.Env = append(cmd.Env, "DIR="+s.vars["DIR"])
	sh.Stdin, sh.Stdout, sh.Stderr = slave, slave, slave
	sh.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	s.check(sh.Start())
	shown := make(chan string)
	go func() {
		b, _ := io.ReadAll(master) // EIO is its end
		shown <- string(b)
	}()
	err := sh.Wait()
	slave.Close()
	s.shown = <-shown
	master.Close()
	for path, to := range map[string]*string{typed: &s.typed, filepath.Join(s.vars["DIR"], "modes"): &s.settled} {
		b, err := os.ReadFile(path)
		s.check(err)
		*to = string(b)
	}
	return err
}

// terminal makes a new one.
func (s *scene) terminal() (master, slave *os.File) {
	s.t.Helper()
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		skip(s.t, "no terminal: %v", err)
	}
	s.check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	s.check(err)
	name := fmt.Sprintf("/dev/pts/%d", n)
	slave, err = os.OpenFile(name, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		skip(s.t, "no terminal: %v", err)
	}
	s.vars["TTY"] = name
	return os.NewFile(uintptr(fd), "master"), slave
}
