package sandbox

import "testing"

func TestParseHostPort(t *testing.T) {
	for text, want := range map[string]HostPort{"5432": {5432, 5432}, "5432:15432": {5432, 15432}, "65535:1": {65535, 1}} {
		p, err := ParseHostPort(text)
		if err != nil || p != want {
			t.Errorf("%s: %v, %v", text, p, err)
		}
		if again, err := ParseHostPort(p.String()); err != nil || again != p {
			t.Errorf("%s is said to be %s", text, p)
		}
	}
	for _, text := range []string{"", "0", "65536", "1:0", "1:", ":1", "a", "1:2:3", "-1", "+1", " 1", "127.0.0.1:1"} {
		if p, err := ParseHostPort(text); err == nil {
			t.Errorf("%q is %v", text, p)
		}
	}
}

// TestPortsCollide: a port is listened at for one thing.
func TestPortsCollide(t *testing.T) {
	for _, e := range []Egress{
		{Allow: []string{"a.example:53"}}, {Allow: []string{"a.example"}, HostPorts: []HostPort{{1, 443}}}, {HostPorts: []HostPort{{1, 2}, {3, 2}}}, {HostPorts: []HostPort{{1, 53}}}, {Allow: []string{"a.example:54-60"}, HostPorts: []HostPort{{1, 60}}},
	} {
		if ports, _, err := e.ports(); err == nil {
			t.Errorf("%+v: %v", e, ports)
		}
	}
	if _, _, err := (Egress{Allow: []string{"a.example"}, HostPorts: []HostPort{{443, 1}, {443, 2}}}).ports(); err != nil {
		t.Error(err)
	}
}
