package idmap

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHelperThatDoesNot: a helper that fails, is killed, floods, never ends, or leaves
// somebody behind who holds its output: each is one error, in time.
func TestHelperThatDoesNot(t *testing.T) {
	m := Map{{Inside: 0, Outside: 1000, Count: 1}}
	for name, c := range map[string]struct{ script, want string }{
		"fails":   {"#!/bin/sh\necho because >&2; exit 3\n", ": exit status 3: because"},
		"quiet":   {"#!/bin/sh\nexit 3\n", ": exit status 3"},
		"killed":  {"#!/bin/sh\nkill -9 $$\n", ": signal: killed"},
		"hangs":   {"#!/bin/sh\nexec sleep 100\n", ": no answer within 500ms"},
		"orphan":  {"#!/bin/sh\nsleep 100 &\nsleep 100\n", ": no answer within 500ms"},
		"nothing": {"#!/nowhere\n", "no such file or directory"},
	} {
		helper := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(helper, []byte(c.script), 0o755); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err := runWithin(500*time.Millisecond, helper, os.Getpid(), m)
		if err == nil || !strings.HasSuffix(err.Error(), c.want) || !strings.HasPrefix(err.Error(), helper+" 0:1000:1: ") {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%s: took %s", name, took)
		}
	}
	floods := filepath.Join(t.TempDir(), "floods")
	if err := os.WriteFile(floods, []byte("#!/bin/sh\nhead -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	err := runWithin(time.Minute, floods, os.Getpid(), m)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 || len(err.Error()) > 2000 {
		t.Errorf("floods: %d bytes, %v", len(err.Error()), exit)
	}
}
