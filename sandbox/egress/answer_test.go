package egress

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// table is a resolver that knows some names.
type table map[string][]netip.Addr

var errDown = errors.New("the resolver is down")

func (t table) Lookup(_ context.Context, name string) ([]netip.Addr, error) {
	if name == "down.example.com" {
		return nil, errDown
	}
	a, ok := t[name]
	if !ok {
		return nil, ErrNoName
	}
	return a, nil
}

// asked is a resolver that notes what leaves.
type asked struct {
	Resolver
	names []string
}

func (a *asked) Lookup(ctx context.Context, name string) ([]netip.Addr, error) {
	a.names = append(a.names, name)
	return a.Resolver.Lookup(ctx, name)
}

func answerer(t testing.TB) (*Answerer, *asked, *[]string) {
	t.Helper()
	out := &asked{Resolver: table{"registry.example.com": {netip.MustParseAddr("192.0.2.1")}, "empty.example.com": nil, "x.wild.example.org": {netip.MustParseAddr("2001:db8::1")}}}
	refused := &[]string{}
	return &Answerer{
		Policy: Policy{Allow: rules(t, "registry.example.com", "empty.example.com", "absent.example.com", "down.example.com", "*.wild.example.org:22"), Deny: rules(t, "bad.wild.example.org")},
		Host:   "own", Names: &Names{}, Resolver: out, Refused: func(name string, _ Asker) { *refused = append(*refused, name) },
	}, out, refused
}

// question is a query.
func question(t testing.TB, name string, kind dnsmessage.Type, edns bool) []byte {
	t.Helper()
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 7, RecursionDesired: true})
	n, err := dnsmessage.NewName(name)
	if err != nil {
		t.Fatal(err)
	}
	err = errorOf(b.StartQuestions(), b.Question(dnsmessage.Question{Name: n, Type: kind, Class: dnsmessage.ClassINET}))
	if err == nil && edns {
		err = errorOf(b.StartAdditionals(), b.OPTResource(dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: 4096}, dnsmessage.OPTResource{}))
	}
	if err != nil {
		t.Fatal(err)
	}
	q, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// said is an answer in words.
func said(t testing.TB, b []byte) string {
	t.Helper()
	var m dnsmessage.Message
	if err := m.Unpack(b); err != nil {
		t.Fatalf("%v: %x", err, b)
	}
	if !m.Response || m.ID != 7 {
		t.Errorf("%+v", m.Header)
	}
	text := strings.TrimPrefix(m.RCode.String(), "RCode")
	for _, a := range m.Answers {
		switch body := a.Body.(type) {
		case *dnsmessage.AResource:
			text += fmt.Sprint(" ", netip.AddrFrom4(body.A))
		case *dnsmessage.AAAAResource:
			text += fmt.Sprint(" ", netip.AddrFrom16(body.AAAA))
		case *dnsmessage.PTRResource:
			text += " " + body.PTR.String()
		}
	}
	if len(m.Authorities) > 0 {
		text += " soa"
	}
	if m.Truncated {
		text += " truncated"
	}
	return text
}

func TestAnswer(t *testing.T) {
	a, out, refused := answerer(t)
	const https, svcb = dnsmessage.Type(65), dnsmessage.Type(64)
	for _, row := range []struct {
		name string
		kind dnsmessage.Type
		want string
	}{
		{"registry.example.com.", dnsmessage.TypeA, "Success 198.18.1.0"},
		{"REGISTRY.example.COM.", dnsmessage.TypeA, "Success 198.18.1.0"},
		{"registry.example.com.", dnsmessage.TypeAAAA, "Success fd73:6278::100"},
		{"registry.example.com.", https, "Success soa"}, {"registry.example.com.", svcb, "Success soa"}, {"registry.example.com.", dnsmessage.TypeTXT, "Success soa"},
		{"registry.example.com.", dnsmessage.TypeMX, "Success soa"}, {"_https._tcp.registry.example.com.", dnsmessage.TypeSRV, "NameError soa"},
		{"_http._tcp.y.wild.example.org.", dnsmessage.TypeSRV, "NameError soa"}, {"_443._https.registry.example.com.", https, "NameError soa"}, {"_.", dnsmessage.TypeSRV, "NameError soa"},
		{"_http._tcp.evil.net.", dnsmessage.TypeSRV, "NameError soa"}, {"_http._tcp.example.com.", dnsmessage.TypeSRV, "NameError soa"}, {"_x.evil.info.", dnsmessage.TypeA, "NameError soa"},
		{"x.wild.example.org.", dnsmessage.TypeA, "Success 198.18.1.1"}, {"bad.wild.example.org.", dnsmessage.TypeA, "NameError soa"},
		{"wild.example.org.", dnsmessage.TypeA, "Success soa"}, {"example.com.", dnsmessage.TypeNS, "Success soa"},
		{"empty.example.com.", dnsmessage.TypeA, "Success soa"}, {"absent.example.com.", dnsmessage.TypeA, "NameError soa"}, {"down.example.com.", dnsmessage.TypeA, "ServerFailure"},
		{"evil.org.", dnsmessage.TypeA, "NameError soa"}, {"evil.org.", dnsmessage.TypeTXT, "NameError soa"}, {"c2VjcmV0.evil.org.", dnsmessage.TypeAAAA, "NameError soa"},
		{"c2VjcmV0.registry.example.com.", dnsmessage.TypeA, "NameError soa"}, {"a b.registry.example.com.", dnsmessage.TypeA, "NameError soa"}, {".", dnsmessage.TypeNS, "NameError soa"},
		{"localhost.", dnsmessage.TypeA, "Success 127.0.0.1"}, {"x.localhost.", dnsmessage.TypeAAAA, "Success ::1"},
		{"own.", dnsmessage.TypeA, "Success 127.0.0.1"}, {"OWN.", dnsmessage.TypeAAAA, "Success soa"}, {"own.", dnsmessage.TypeMX, "Success soa"}, {"own.evil.org.", dnsmessage.TypeA, "NameError soa"},
		{"0.1.18.198.in-addr.arpa.", dnsmessage.TypePTR, "Success registry.example.com."}, {"1.0.0.127.in-addr.arpa.", dnsmessage.TypePTR, "Success localhost."},
		{"0.0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.7.2.6.3.7.d.f.ip6.arpa.", dnsmessage.TypePTR, "Success registry.example.com."},
		{"1.1.1.1.in-addr.arpa.", dnsmessage.TypePTR, "NameError soa"}, {"18.198.in-addr.arpa.", dnsmessage.TypePTR, "NameError soa"}, {"0.1.18.198.in-addr.arpa.", dnsmessage.TypeA, "Success soa"},
	} {
		for _, edns := range []bool{false, true} {
			if got := said(t, a.Answer(t.Context(), question(t, row.name, row.kind, edns), false)); got != row.want {
				t.Errorf("%s %v: %s, want %s", row.name, row.kind, got, row.want)
			}
		}
	}
	for _, name := range out.names {
		if !slices.Contains([]string{"registry.example.com", "x.wild.example.org", "empty.example.com", "absent.example.com", "down.example.com"}, name) {
			t.Errorf("%s was asked for outside", name)
		}
	}
	slices.Sort(*refused)
	if got := slices.Compact(*refused); !slices.Equal(got, []string{"18.198.in-addr.arpa", "_", "_x.evil.info", "bad.wild.example.org", "c2vjcmv0.evil.org", "c2vjcmv0.registry.example.com", "evil.net", "evil.org", "own.evil.org"}) {
		t.Errorf("refused: %q", got)
	}
}

// TestNoQuery: what is no proper query.
func TestNoQuery(t *testing.T) {
	a, _, _ := answerer(t)
	q := question(t, "registry.example.com.", dnsmessage.TypeA, true)
	changed := func(at int, to byte) []byte { b := slices.Clone(q); b[at] = to; return b }
	for name, row := range map[string]struct {
		query []byte
		want  string
	}{
		"empty": {nil, ""}, "short": {q[:11], ""}, "a response": {changed(2, 0x81), ""}, "cut": {q[:20], "FormatError"}, "a notify": {changed(2, 0x20), "NotImplemented"},
		"two questions": {changed(5, 2), "FormatError"}, "none": {append(slices.Clone(q[:4]), make([]byte, 8)...), "FormatError"}, "class CHAOS": {changed(len(q)-12, 3), "Refused"},
		"a label that points to itself": {append(slices.Clone(q[:12]), 0xc0, 12, 0, 1, 0, 1), "FormatError"}, "more records than there are": {changed(11, 200), "FormatError"},
		"EDNS 1": {changed(len(q)-5, 1), "Success"},
	} {
		b := a.Answer(t.Context(), row.query, false)
		if got := ""; b != nil {
			if got = said(t, b); got != row.want {
				t.Errorf("%s: %s, want %s", name, got, row.want)
			}
		} else if row.want != "" {
			t.Errorf("%s: no answer", name)
		}
	}
}

func TestLongAnswers(t *testing.T) {
	long := strings.Repeat(strings.Repeat("a", 60)+".", 4) + "org"
	a := &Answerer{Policy: Policy{Allow: rules(t, long)}, Names: &Names{}, Resolver: table{long: {netip.MustParseAddr("192.0.2.1")}}}
	for _, tcp := range []bool{false, true} {
		if b := a.Answer(t.Context(), question(t, long+".", dnsmessage.TypeA, false), tcp); len(b) > plainUDP || said(t, b) != "Success 198.18.1.0" {
			t.Errorf("%d bytes: %s", len(b), said(t, b))
		}
	}
	r := reply{limit: 40, question: &dnsmessage.Question{Name: dnsmessage.MustNewName("a.example."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}, header: dnsmessage.Header{ID: 7, Response: true}}
	r.addresses(made(0), made6(0))
	if got := said(t, r.pack()); got != "Success truncated" {
		t.Error(got)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, name := range []string{"registry.example.com.", "evil.org.", "0.1.18.198.in-addr.arpa.", "."} {
		f.Add(question(f, name, dnsmessage.TypeA, true), false)
		f.Add(question(f, name, dnsmessage.TypePTR, false), true)
	}
	a, out, _ := answerer(f)
	a.Resolver = out.Resolver
	f.Fuzz(func(t *testing.T, query []byte, tcp bool) {
		b := a.Answer(context.Background(), query, tcp)
		if b == nil {
			return
		}
		var m dnsmessage.Message
		if err := m.Unpack(b); err != nil || !m.Response || !tcp && len(b) > mostUDP || len(m.Answers) > 1 {
			t.Errorf("%x is answered by %x: %v", query, b, err)
		}
	})
}

// TestAbsent: a name that is allowed and is not there is told, with its cause.
func TestAbsent(t *testing.T) {
	a, _, _ := answerer(t)
	told := map[string]error{}
	a.Failed = func(name string, err error) { told[name] = err }
	for _, name := range []string{"absent.example.com.", "down.example.com.", "registry.example.com.", "evil.org."} {
		a.Answer(t.Context(), question(t, name, dnsmessage.TypeA, false), false)
	}
	if len(told) != 2 || !errors.Is(told["absent.example.com"], ErrNoName) || !errors.Is(told["down.example.com"], errDown) {
		t.Errorf("%v", told)
	}
}
