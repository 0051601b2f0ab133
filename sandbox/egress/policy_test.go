package egress

import (
	"errors"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func rules(t testing.TB, texts ...string) (all []Rule) {
	t.Helper()
	for _, text := range texts {
		r, err := ParseRule(text)
		if err != nil {
			t.Fatal(err)
		}
		if r.String() != text {
			t.Errorf("%q is said to be %q", text, r)
		}
		all = append(all, r)
	}
	return all
}

func TestPolicy(t *testing.T) {
	p := Policy{
		Allow: rules(t, "registry.example.com", "*.cdn.example.org:443", "git.example.com:22", "Many.Example.COM.:8000-9000", "any.example.com:*",
			"192.0.2.7", "198.51.100.0/24:5432", "[2001:db8::1]:443", "2001:db8:1::/48", "[2001:db8:2::/48]:25"),
		Deny: rules(t, "bad.cdn.example.org", "any.example.com:25", "198.51.100.9"),
	}
	for _, row := range []struct {
		host string
		port uint16
		rule string // the one that decides; with a ! that forbids
	}{
		{"registry.example.com", 443, "registry.example.com"}, {"registry.example.com", 80, "registry.example.com"}, {"registry.example.com", 22, ""},
		{"example.com", 443, ""}, {"x.registry.example.com", 443, ""}, {"registry.example.com.evil.org", 443, ""}, {"evilregistry.example.com", 443, ""},
		{"a.cdn.example.org", 443, "*.cdn.example.org:443"}, {"a.b.cdn.example.org", 443, "*.cdn.example.org:443"}, {"cdn.example.org", 443, ""}, {"a.cdn.example.org", 80, ""},
		{"xcdn.example.org", 443, ""}, {"bad.cdn.example.org", 443, "!bad.cdn.example.org"}, {"git.example.com", 22, "git.example.com:22"}, {"git.example.com", 443, ""},
		{"many.example.com", 8000, "Many.Example.COM.:8000-9000"}, {"many.example.com", 9000, "Many.Example.COM.:8000-9000"}, {"many.example.com", 9001, ""},
		{"any.example.com", 1, "any.example.com:*"}, {"any.example.com", 65535, "any.example.com:*"}, {"any.example.com", 25, "!any.example.com:25"},
		{"192.0.2.7", 443, "192.0.2.7"}, {"192.0.2.8", 443, ""}, {"::ffff:192.0.2.7", 80, "192.0.2.7"}, {"198.51.100.200", 5432, "198.51.100.0/24:5432"},
		{"198.51.100.200", 443, ""}, {"198.51.100.9", 5432, "!198.51.100.9"}, {"2001:db8::1", 443, "[2001:db8::1]:443"}, {"2001:db8::1", 80, ""},
		{"2001:db8:1:2::3", 80, "2001:db8:1::/48"}, {"2001:db8:2::1", 25, "[2001:db8:2::/48]:25"}, {"2001:db8:2::1", 443, ""},
	} {
		v := Verdict{}
		if a, err := netip.ParseAddr(row.host); err == nil {
			v = p.Address(a, row.port)
		} else {
			v = p.Name(row.host, row.port)
		}
		rule, denied := strings.CutPrefix(row.rule, "!")
		want := Verdict{rule != "" && !denied, ""}
		if want.Allowed {
			want.Rule = "--allow " + rule
		} else if denied {
			want.Rule = "--deny " + rule
		}
		if v != want {
			t.Errorf("%s port %d: %+v", row.host, row.port, v)
		}
	}
	everything := Policy{Allow: rules(t, "*"), Deny: rules(t, "*.evil.org")}
	if !everything.Name("x.org", 443).Allowed || everything.Name("x.org", 22).Allowed || everything.Name("a.evil.org", 443).Allowed || !everything.Address(netip.MustParseAddr("192.0.2.1"), 80).Allowed {
		t.Error("*")
	}
	carriers := Policy{Allow: rules(t, "*"), Deny: rules(t, "192.0.2.0/24")}
	for text, want := range map[string]bool{"192.0.2.1": false, "::ffff:192.0.2.1": false, "64:ff9b::192.0.2.1": false, "2002:c000:201::1": false, "64:ff9b::192.0.3.1": true, "2001:db8::1": true} {
		if got := carriers.Address(netip.MustParseAddr(text), 443); got.Allowed != want {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

func TestKnownNames(t *testing.T) {
	p := Policy{Allow: rules(t, "a.b.example.com:22", "*.w.example.org"), Deny: rules(t, "no.w.example.org", "x.w.example.org:443")}
	for name, want := range map[string][2]bool{ // resolves, above
		"a.b.example.com": {true, false}, "b.example.com": {false, true}, "example.com": {false, true}, "com": {false, true}, "c.b.example.com": {}, "ample.com": {},
		"y.w.example.org": {true, false}, "w.example.org": {false, true}, "no.w.example.org": {}, "x.w.example.org": {true, false}, "org": {false, true}, "net": {},
	} {
		if got := [2]bool{p.Resolves(name), p.Above(name)}; got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNoRules(t *testing.T) {
	for _, text := range []string{
		"", ":", "a:", ":443", "a:0", "a:65536", "a:-1", "a:1-", "a:9-1", "a:http", "a:1:2:3:x", "a..b", ".a", "-a", "a-.b", "*.", "**.a", "a.*.b", "*a.b", "a b", "a/b", "https://a",
		"a\n", "a\x00", "ä.example", strings.Repeat("a", 64) + ".b", strings.Repeat("a.", 127) + "com", "1.2.3", "127.1", "0x7f000001", "a.0x1", "1", "10.0.0.1/8", "10.0.0.0/33", "[::1", "[::1]x", "::1%eth0", "fe80::/10%1",
		"[1.2.3", "user@a", "a,b", "$(a)",
	} {
		if r, err := ParseRule(text); err == nil {
			t.Errorf("%q is %+v", text, r)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	for _, text := range []string{"a.b:443", "*.a", "[::1]:1-2", "10.0.0.0/8:*", "*"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		kinds := 0
		for _, is := range []bool{r.all, r.name != "", r.suffix != "", r.addresses.IsValid()} {
			if is {
				kinds++
			}
		}
		if kinds != 1 || r.ports.first > r.ports.last || r.ports.first == 0 && r.ports.last != 0 {
			t.Errorf("%q is %+v", text, r)
		}
		if r.name != "" {
			if again, err := ParseName(r.name); err != nil || again != r.name {
				t.Errorf("%q: %q, %v", r.name, again, err)
			}
		}
	})
}

func ownedBy(addresses ...string) func(netip.Addr) error {
	return func(a netip.Addr) error {
		if slices.Contains(addresses, a.String()) {
			return errors.New("this machine")
		}
		return nil
	}
}

func TestPublic(t *testing.T) {
	own := ownedBy("203.0.113.77", "2001:db8::77")
	for _, text := range []string{"1.1.1.1", "203.0.113.1", "192.0.2.1", "198.51.100.1", "2001:db8::1", "2606:4700::1", "64:ff9b::101:101", "2002:101:101::1", "::ffff:8.8.8.8", "11.0.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "198.20.0.1"} {
		if err := Public(netip.MustParseAddr(text), own); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{
		"0.0.0.0", "0.1.2.3", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "198.19.255.255", "224.0.0.1",
		"239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16", "203.0.113.77", "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:203.0.113.77", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:cb00:714d::1", "2001::1", "100::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "2001:db8::77", "fd73:6278::1", "fe80::1%lo",
	} {
		if err := Public(netip.MustParseAddr(text), own); err == nil {
			t.Errorf("%s is public", text)
		}
	}
	if err := Public(netip.Addr{}, nil); err == nil {
		t.Error("no address is public")
	}
}

func TestNames(t *testing.T) {
	var n Names
	seen := map[netip.Addr]bool{}
	for i := range maxNames {
		name := strings.Repeat("x", i%50+1) + string(rune('a'+i%26)) + strings.Repeat("y", i/1300)
		four, six, err := n.Address(name)
		if err != nil {
			t.Fatal(err)
		}
		again, _, _ := n.Address(name)
		if four != again || !Made4.Contains(four) || !Made6.Contains(six) {
			t.Fatalf("%s is %v, %v and %v", name, four, six, again)
		}
		for _, a := range []netip.Addr{four, six} {
			if found, ok := n.Name(a); !ok || found != name {
				t.Fatalf("%v is %q", a, found)
			}
		}
		seen[four] = true
	}
	for i := len(n.names); i < maxNames; i++ {
		if _, _, err := n.Address("z" + strings.Repeat("z", i%200) + "." + strings.Repeat("q", i/200)); err != nil {
			t.Fatal(err)
		}
	}
	if _, _, err := n.Address("one.more"); err != errTooManyNames {
		t.Error(err)
	}
	for _, text := range []string{"198.18.0.0", "198.18.0.255", "198.19.255.255", "1.2.3.4", "fd73:6278::1", "fd73:6278::1:0:0:0", "::1", "fd73:6278:0:0:1::100"} {
		if name, ok := n.Name(netip.MustParseAddr(text)); ok {
			t.Errorf("%s is %q", text, name)
		}
	}
}

// TestRedirectFails: where nf_tables is not, the error says what was wanted. Here the
// socket is of another part of the kernel.
func TestRedirectFails(t *testing.T) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), "netlink")
	defer f.Close()
	if err := Redirect(f, 1); err == nil || !strings.Contains(err.Error(), "nf_tables") {
		t.Error(err)
	}
}
