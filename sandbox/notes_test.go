package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// A slow is a reader of the output that takes nothing until it may.
type slow struct {
	may  chan struct{}
	took strings.Builder
}

func (s *slow) Write(b []byte) (int, error) {
	<-s.may
	return s.took.Write(b)
}

// TestNotesBehindTheLook: sbx prints nothing, and waits for no output, until what the command
// left was moved aside. The notes come behind the output.
func TestNotesBehindTheLook(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	c := Command("sh", "-c", ": > s; chmod u+s s; echo > .newtool; mkdir a; echo > a/.envrc; echo output")
	c.Spec.Project = t.TempDir()
	h, err := Probe(c.Spec)
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, h, c.Spec)
	planted := filepath.Join(c.Spec.Project, "a/.envrc")
	out := &slow{may: make(chan struct{})}
	c.Stdout = out
	var once sync.Once
	lasts := make(chan struct{})
	c.Lasting, c.LastingAfter = func() { once.Do(func() { close(lasts) }) }, time.Millisecond
	var lines, stay []string
	c.Note = func(line string) {
		if _, err := os.Lstat(planted); err == nil {
			t.Errorf("said while it is there: %s", line)
		}
		if lines = append(lines, line); !strings.Contains(out.took.String(), "output") {
			t.Errorf("said before the output: %s", line)
		}
	}
	c.Noticed = func(line string, stays bool) {
		if stays {
			stay = append(stay, line)
		}
	}
	done := make(chan error)
	go func() { done <- c.Run() }()
	<-lasts // it has ended, and waits
	eventually(t, "the look", func() bool { _, err := os.Lstat(planted); return err != nil })
	close(out.may)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if all := strings.Join(lines, "\n"); len(stay) != 1 || !strings.Contains(stay[0], ".newtool") || !strings.Contains(all, "setuid") || !strings.Contains(all, "moved aside "+planted) {
		t.Errorf("%q, of which stay %q", lines, stay)
	}
}
