package sandbox

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/userns"
)

// TestLimitHints: a limit of the caller's is named whatever step runs into it, and
// nothing else is taken for one.
func TestLimitHints(t *testing.T) {
	s := build("make")
	for _, c := range []struct {
		step userns.Step
		err  syscall.Errno
		want string
	}{
		{userns.Take{Source: "/home/ada/p"}, unix.EMFILE, "ulimit -Hn"}, {userns.Chdir{Path: "/x"}, unix.EMFILE, "ulimit -Hn"},
		{userns.Landlock{}, unix.ENFILE, "fs.file-max"}, {userns.Cover{}, unix.EFBIG, "ulimit -f"},
		{userns.Fork{}, unix.EAGAIN, "ulimit -u"}, {userns.Mount{Type: "tmpfs"}, unix.ENOMEM, "ulimit -v"},
		{userns.Mkdir{Path: "/proc/root"}, unix.EOVERFLOW, "newuidmap"},
		{userns.Exec{Argv: []string{"make"}}, unix.EAGAIN, ""}, {userns.Mount{Type: "tmpfs"}, unix.EBUSY, ""},
	} {
		got := Hint(explain(&userns.StepError{Step: c.step, Err: c.err}, s, laptop()))
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%T, %v: got %q, want %q", c.step, c.err, got, c.want)
		}
	}
	if got := Hint(fmt.Errorf("open it: %w", unix.EMFILE)); !strings.Contains(got, "ulimit -Hn") {
		t.Errorf("got %q of what is no step", got)
	}
	if got := Hint(fmt.Errorf("fork it: %w", unix.EAGAIN)); got != "" {
		t.Errorf("got %q", got)
	}
}
