package sandbox

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestParsePublished(t *testing.T) {
	one, six, any4 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("0.0.0.0")
	for text, want := range map[string][]PublishedPort{
		"8080:80": {{one, 8080, 80, false}}, "8080:80/tcp": {{one, 8080, 80, false}}, "53:5353/udp": {{one, 53, 5353, true}},
		"0.0.0.0:8080:80": {{any4, 8080, 80, false}}, "[::1]:8080:80": {{six, 8080, 80, false}}, "[::1]::80/udp": {{six, 0, 80, true}},
		"80": {{one, 0, 80, false}}, ":80": {{one, 0, 80, false}}, "0:80": {{one, 0, 80, false}}, "127.0.0.1::80": {{one, 0, 80, false}},
		"8000-8001:9000-9001": {{one, 8000, 9000, false}, {one, 8001, 9001, false}}, "65534-65535:65534-65535/udp": {{one, 65534, 65534, true}, {one, 65535, 65535, true}},
		"0:80-81": {{one, 0, 80, false}, {one, 0, 81, false}}, "80-80": {{one, 0, 80, false}}, "[fe80::1%eth0]:1:2": {{netip.MustParseAddr("fe80::1%eth0"), 1, 2, false}},
	} {
		got, err := ParsePublished(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", ":", "0", "8080:0", "65536:1", "1:65536", "a:1", "1:a", "1:2:3", "localhost:1:2", "127.0.0.1:1", "127.0.0.1:", "::1:1:2", "[::1]:1", "[::1]", "[127.0.0.1]:1:2", "[::1:1:2", "1:2/sctp", "1:2/", "1:2/tcp/udp",
		"1-2:3", "1:2-3", "2-1:2-1", "1-2:1-3", "-1:1", "+1:1", " 1:1", "1:1 ", "1-:1", "1:1-65535", "127.0.0.1:1:2:3", "[::1]:1:2:3", "999.0.0.1:1:2", "1:*", "[::1%]:1:2",
	} {
		if got, err := ParsePublished(text); err == nil {
			t.Errorf("%q is %v", text, got)
		} else if !strings.HasPrefix(err.Error(), "published port ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParsePublished: what is read is said in words that are read as the same, and a
// sandbox's port is always one.
func FuzzParsePublished(f *testing.F) {
	for _, text := range []string{"8080:80", "[::1]:8000-8010:8000-8010/udp", "127.0.0.1::80", "0:1", "1-2:3-4/tcp", "[fe80::1%a]:1:2", "[::ffff:1.2.3.4]:1:2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParsePublished(text)
		if err != nil {
			return
		}
		if len(all) == 0 || len(all) > maxPublished {
			t.Errorf("%q is %d ports", text, len(all))
		}
		for i, p := range all {
			again, err := ParsePublished(p.String())
			if err != nil || len(again) != 1 || again[0] != p || p.Sandbox == 0 || !p.Address.IsValid() || i > 0 && p.Sandbox != all[i-1].Sandbox+1 {
				t.Errorf("%q is %v, which is read as %v, %v", text, p, again, err)
			}
		}
	})
}

// published is a Spec with ports.
func published(t *testing.T, change func(*Spec), texts ...string) Spec {
	t.Helper()
	s := build("make")
	for _, text := range texts {
		ports, err := ParsePublished(text)
		if err != nil {
			t.Fatal(err)
		}
		s.Publish = append(s.Publish, ports...)
	}
	if change != nil {
		change(&s)
	}
	return s
}

// TestPublishedClashes: what cannot be published is refused before anything is run.
func TestPublishedClashes(t *testing.T) {
	host := func(s *Spec) { s.HostNetwork = true }
	noTCP := func(s *Spec) { s.NoTCP = true }
	egress := func(e Egress) func(*Spec) { return func(s *Spec) { s.Egress = &e } }
	allow := egress(Egress{Allow: []string{"a.example", "a.example:5000-5010"}})
	back := egress(Egress{HostPorts: []HostPort{{5432, 15432}}})
	proxy := egress(Egress{Proxy: true})
	loud := laptop()
	loud.Landlock = 7
	for _, c := range []struct {
		texts  string
		change func(*Spec)
		want   string // of the error, or nothing
	}{
		{"8080:80", nil, ""}, {"8080:80 8080:80/udp [::1]:8080:80 :80 :80", nil, ""}, {"8080:80 8080:81", nil, "published twice"}, {"1-300:1-300 1001-1300:1-300", nil, "more than 512"},
		{"8080:80", noTCP, "--no-tcp"}, {"8080:80/udp", noTCP, ""},
		{"8080:80", allow, "listened at for something else"}, {"8080:443", allow, "listened at"}, {"8080:5005", allow, "listened at"}, {"8080:8080", allow, ""}, {"8080:53", allow, "listened at"}, {"8080:53/udp", allow, "listened at"}, {"8080:80/udp", allow, ""}, {"8080:53", nil, ""},
		{fmt.Sprintf("8080:%d", ProxyPort), proxy, "listened at"}, {fmt.Sprintf("8080:%d", ProxyPort), nil, ""}, {"8080:9/udp", func(s *Spec) { proxy(s); noTCP(s) }, "choose one"},
		{"8080:15432", back, "listened at"}, {"5432:80", back, "get it back by --host-port"}, {"5432:80/udp", back, ""}, {"8080:5432", back, ""},
		{"8080:80", host, ""}, {"8080:9090 9090:8080", host, "leads to a port that is published"}, {"0.0.0.0:8080:8080", host, "leads to a port that is published"}, {"8080:8080", host, ""},
		{"8080:80", func(s *Spec) { allow(s); noTCP(s) }, "choose one"}, {"8080:80", func(s *Spec) { back(s); noTCP(s) }, "choose one"},
	} {
		_, _, err := Complete(published(t, c.change, strings.Fields(c.texts)...), loud)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.texts, err, c.want)
		}
	}
}

// TestPublishedOnHost: in the host's network a port is published already, and that it is
// led to the host's own is said.
func TestPublishedOnHost(t *testing.T) {
	s, notes, err := Complete(published(t, func(s *Spec) { s.HostNetwork = true }, "8080:8080", "[::1]:81:81", "9090:80"), laptop())
	if err != nil || len(s.Publish) != 1 || s.Publish[0].Host != 9090 || len(notes) < 3 || !strings.Contains(notes[0], "does nothing") || !strings.Contains(strings.Join(notes, "\n"), "the host's own port 80") {
		t.Errorf("%v, %v, %q", s.Publish, err, notes)
	}
}

// TestPublishedPlan: the plan names what is published, and has its socket before
// anything of the command's.
func TestPublishedPlan(t *testing.T) {
	for name, change := range map[string]func(*Spec){"none": nil, "allow": func(s *Spec) { s.Egress = &Egress{Allow: []string{"a.example"}} }, "union": func(s *Spec) { s.View, s.Layers = Union, []string{"/srv/a"} }} {
		words := plan(t, published(t, change, "8080:8080", "[::1]::5353/udp"), laptop()).String()
		hand, fork := strings.Index(words, "hand the socket that publishes 127.0.0.1:8080:8080/tcp [::1]::5353/udp to the supervisor"), strings.Index(words, "fork the command")
		if hand < 0 || hand > fork {
			t.Errorf("%s:\n%s", name, words)
		}
	}
	if words := plan(t, published(t, func(s *Spec) { s.HostNetwork = true }, "8080:80"), laptop()).String(); strings.Contains(words, "publishes") {
		t.Errorf("in the host's network:\n%s", words)
	}
}
