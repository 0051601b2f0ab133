package idmap

import (
	"bytes"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
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

func run(helper string, pid int, m Map) error {
	cmd := exec.Command(helper, append([]string{strconv.Itoa(pid)}, m.Args()...)...)
	cmd.Env = []string{}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %v: %s", helper, m, err, strings.TrimSpace(said.String()))
	}
	return nil
}
