package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox/egress"
)

// TestNotFound: names that are allowed and have no address are told, each once, and not those
// that failed otherwise.
func TestNotFound(t *testing.T) {
	said := func(flows ...egress.Flow) string {
		var out bytes.Buffer
		sayNotFound(ui{errors: &out}, flows)
		return out.String()
	}
	const none = "no such host"
	got := said(egress.Flow{Host: "a.example", Allowed: true, Error: none}, egress.Flow{Host: "a.example", Allowed: true, Error: none}, egress.Flow{Host: "b.example", Allowed: true, Error: "i/o timeout"},
		egress.Flow{Host: "c.example", Port: 443, Allowed: true, Error: "connection refused"}, egress.Flow{Host: "d.example", Error: "no rule allows the name"}, egress.Flow{Allowed: true, Error: "the network ended"})
	if want := "sbx: not found: a.example, which is allowed: no such host\nsbx: not found: b.example, which is allowed: i/o timeout\n"; got != want {
		t.Errorf("%q", got)
	}
	var many []egress.Flow
	for i := range 50 {
		many = append(many, egress.Flow{Host: fmt.Sprintf("%d.example", i), Allowed: true, Error: none})
	}
	if got := said(many...); strings.Count(got, "\n") != maxRefusals || !strings.Contains(got, "--net-log FILE writes all") {
		t.Errorf("%q", got)
	}
}

// TestRefusedLoopback: a refusal of the machine's own does not lead back to itself.
func TestRefusedLoopback(t *testing.T) {
	for _, host := range []string{"localhost", "127.0.0.1", "::1", "x.localhost"} {
		if got := refusedFlow(egress.Flow{Host: host, Port: 3000, Error: "no rule allows it"}, &setHint{}); !strings.Contains(got, "--host-port 3000") || strings.Contains(got, "--allow") {
			t.Error(got)
		}
	}
}
