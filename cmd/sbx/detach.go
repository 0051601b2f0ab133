package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// superviseName is the verb of the process that stays with a detached sandbox. It
// takes what run takes.
const superviseName = "supervise"

// detach begins a process that supervises the sandbox, and waits until the command
// runs. It is this program again, in a session of its own, so that no terminal's end is
// its. Its standard output says that the command runs, and as which id; until then what
// it has to say is for the caller, on his standard error.
func detach(u ui, args []string) int {
	return supervised(u, u.out, "", append([]string{superviseName}, args...))
}

// supervised begins that process in a directory, and prints the id.
func supervised(u ui, out io.Writer, dir string, args []string) int {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0], cmd.Dir = os.Args[0], dir
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	report, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		u.fail(err, "")
		return exitFailed
	}
	id, err := io.ReadAll(io.LimitReader(report, 64))
	if err == nil && bytes.HasSuffix(id, []byte("\n")) {
		_, err = out.Write(id)
		return exitOf(u, err, "")
	}
	if err = cmd.Wait(); err == nil {
		err = errors.New("the supervisor ended and said nothing")
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return exit.ExitCode()
	}
	u.fail(fmt.Errorf("the supervisor: %w", err), "")
	return exitFailed
}

// reported tells the process that waits in detach that the command runs, and lets go
// of what is that one's.
func reported(id string) error {
	_, err := fmt.Println(id)
	null, e := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if e != nil {
		return e
	}
	defer null.Close()
	for _, fd := range []int{1, 2} {
		if e := unix.Dup3(int(null.Fd()), fd, 0); e != nil {
			return os.NewSyscallError("dup3", e)
		}
	}
	return err
}

// checkLifecycle checks the flags of what is left running.
func (f *runFlags) checkLifecycle() error {
	_, err := parseRestart(f.Restart)
	if err == nil {
		_, err = parseLogMax(f.LogMax)
	}
	switch {
	case err != nil:
		return err
	case f.Detach && f.DryRun != "":
		return fmt.Errorf("--dry-run does nothing that could be detached")
	case f.Restart != "" && f.Restart != "no" && !f.Detach, f.LogMax != "" && !f.Detach:
		return fmt.Errorf("--restart and --log-max are for --detach")
	case f.Detach && f.Stdio == "direct":
		return fmt.Errorf("--stdio=direct cannot be used with --detach, whose streams are the log's")
	case f.Detach && isStream(string(f.Receipt)):
		return fmt.Errorf("a receipt of what is detached has no standard output to go to; name a file")
	case f.Detach && isStream(string(f.NetLog)):
		return fmt.Errorf("--net-log of what is detached has no standard output to go to; name a file")
	}
	return f.checkLabels()
}

// restart says how often a command that failed is begun again.
type restart struct {
	onFailure bool
	most      int // 0 is no bound
}

func parseRestart(text string) (r restart, err error) {
	if text == "" || text == "no" {
		return r, nil
	}
	kind, most, bound := strings.Cut(text, ":")
	if bound {
		if r.most, err = strconv.Atoi(most); err != nil || r.most < 1 {
			kind = ""
		}
	}
	switch {
	case kind == "always" || kind == "unless-stopped":
		return r, hinted{fmt.Errorf("--restart %s cannot be had: nothing of sbx runs once the sandbox and its supervisor have ended", text),
			"--restart on-failure, or a systemd user unit with Restart=always that runs sbx run without -d"}
	case kind != "on-failure":
		return r, fmt.Errorf("--restart %s: want no, on-failure or on-failure:N", text)
	}
	r.onFailure = true
	return r, nil
}

// again tells whether a command that ended with that code is begun again.
func (r restart) again(code, done int) bool {
	return r.onFailure && code != 0 && (r.most == 0 || done < r.most)
}
