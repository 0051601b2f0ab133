package idmap

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Helpers are the setuid programs that may write a map of several ids. Each is
// an absolute path, or empty when the program is not installed.
type Helpers struct {
	NewUIDMap, NewGIDMap string
}

// FindHelpers looks for newuidmap and newgidmap in the places where
// distributions install setuid programs, and nowhere else: a PATH that an
// untrusted tree prepended to must not choose them.
func FindHelpers() Helpers {
	return Helpers{find("newuidmap"), find("newgidmap")}
}

// Missing names a helper that is not there, or is empty.
func (h Helpers) Missing() string {
	switch {
	case h.NewUIDMap == "":
		return "newuidmap"
	case h.NewGIDMap == "":
		return "newgidmap"
	}
	return ""
}

func find(name string) string {
	for _, dir := range []string{"/usr/bin/", "/bin/", "/usr/sbin/", "/run/wrappers/bin/", "/usr/local/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	return ""
}

// Write has the helpers write both maps of process pid, at the same time: they
// are two processes that touch two files. An error names the helper and quotes
// what it printed.
func (h Helpers) Write(pid int, uids, gids Map) error {
	done := make(chan error, 1)
	go func() { done <- run(h.NewUIDMap, pid, uids) }()
	gerr := run(h.NewGIDMap, pid, gids)
	if err := <-done; err != nil {
		return err
	}
	return gerr
}

// patience is how long a helper may take. It may ask a directory service who the caller
// is, which may not be there.
const patience = 30 * time.Second

func run(helper string, pid int, m Map) error { return runWithin(patience, helper, pid, m) }

func runWithin(limit time.Duration, helper string, pid int, m Map) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, helper, append([]string{strconv.Itoa(pid)}, m.Args()...)...)
	cmd.Env = []string{}
	cmd.WaitDelay = time.Second // for what it has begun, and that holds its output
	var said complaint
	cmd.Stderr = &said
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s %s: no answer within %s", helper, m, limit)
	case len(said) == 0:
		return fmt.Errorf("%s %s: %w", helper, m, err)
	}
	return fmt.Errorf("%s %s: %w: %s", helper, m, err, strings.TrimSpace(string(said)))
}

// complaint keeps the beginning of what is said.
type complaint []byte

func (c *complaint) Write(b []byte) (int, error) {
	*c = append(*c, b[:min(len(b), 1024-len(*c))]...)
	return len(b), nil
}
