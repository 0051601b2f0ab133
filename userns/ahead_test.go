package userns

import (
	"reflect"
	"testing"

	"github.com/sbxrun/sbx/cmd/sbx/ahead"
	"github.com/sbxrun/sbx/userns/child"
)

// TestAhead: what sbx begins by hand is what Begin would begin.
func TestAhead(t *testing.T) {
	e := &ends{[2]int{3, 4}, [2]int{5, 6}, [2]int{7, 8}, nil}
	p := Plan{User | Mounts | PID | IPC | UTS | Cgroup | Net, []Step{DieWithSupervisor{}}}
	want, err := p.lowerAll(Input{}, e, true)
	if err != nil {
		t.Fatal(err)
	}
	defer want.pinned.Unpin()
	got := ahead.Program(e.leash, e.reports)
	if len(got.Calls) != len(want.Calls) || got.Reports != want.Reports || p.Namespaces != ahead.Namespaces {
		t.Fatalf("%d calls, want %d", len(got.Calls), len(want.Calls))
	}
	for i, c := range want.Calls {
		if c.Op == child.Syscall && c.Args[2] == tiedSize {
			c.Args[1] = got.Calls[i].Args[1] // where the message is
		}
		if !reflect.DeepEqual(got.Calls[i], c) {
			t.Errorf("call %d is %+v, want %+v", i, got.Calls[i], c)
		}
	}
}
