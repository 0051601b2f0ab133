package sandbox

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// TestFlowLog: what is remembered is bounded, says so, and refusals do not hide what was
// allowed.
func TestFlowLog(t *testing.T) {
	told := 0
	l := &flowLog{tell: func(egress.Flow) { told++ }}
	n := &network{refused: map[string]bool{}, log: l}
	for i := range 3 * mostRefused {
		for range 2 {
			n.refuse(fmt.Sprint("x", i), egress.Asker{})
		}
	}
	l.note(egress.Flow{Host: "good.example.com", Port: 443, Allowed: true})
	l.end()
	all := l.all()
	if len(all) != mostRefused+3 || told != len(all) || len(n.refused) != mostRefused {
		t.Fatalf("%d flows, %d told, %d names", len(all), told, len(n.refused))
	}
	if f := all[len(all)-2]; f.Host != "good.example.com" {
		t.Errorf("%+v", f)
	}
	for i, want := range map[int]string{mostRefused: "more than 10000 connections were refused", len(all) - 1: "40000 refused and 0 allowed"} {
		if !strings.Contains(all[i].Error, want) || all[i].Host != "" {
			t.Errorf("%d: %+v, want %s", i, all[i], want)
		}
	}
	l = &flowLog{}
	for range mostAllowed + 5 {
		l.note(egress.Flow{Allowed: true})
	}
	l.end()
	if all := l.all(); len(all) != mostAllowed+2 || !strings.Contains(all[mostAllowed].Error, "were allowed") || !strings.Contains(all[mostAllowed+1].Error, "0 refused and 5 allowed") {
		t.Errorf("%d flows, %+v", len(all), all[len(all)-2:])
	}
}
