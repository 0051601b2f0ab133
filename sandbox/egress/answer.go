package egress

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// A Resolver finds the addresses of a name, outside. ErrNoName says that there is no
// such name; a name without addresses has none and no error.
type Resolver interface {
	Lookup(ctx context.Context, name string) ([]netip.Addr, error)
}

// ErrNoName says that the DNS has no such name.
var ErrNoName = errors.New("no such host")

// An Answerer answers the sandbox's queries to the DNS. Of a name that no rule allows
// nothing leaves: not even that it was asked for.
type Answerer struct {
	Policy   Policy
	Names    *Names
	Resolver Resolver
	// NoSix says that the sandbox has no IPv6.
	NoSix bool
	// Host is the sandbox's own name. Programs ask for the address of theirs, and not
	// every root has it in its hosts file.
	Host string
	// Elsewhere tells of names that a proxy outside finds: they are there without being
	// asked for, since the resolver here may not know them. Nil is none.
	Elsewhere func(name string) bool
	// Refused is told the names that were asked for and that no rule allows, and by whom.
	// Nil drops them.
	Refused func(name string, by Asker)
	// Failed is told of names that are allowed and have no address: ErrNoName is the error of
	// one that is not there, and others of one of which nobody could say. Nil drops them.
	Failed func(name string, err error)
}

// An Asker is the end of the sandbox's that a query came from. Its zero value is nobody.
type Asker struct {
	Network  string // "udp" or "tcp"
	From, To netip.AddrPort
}

// What a resolver of the sandbox may keep an answer for, in seconds: an address that
// is made up stays, and a name that is not there may come to be.
const (
	keepAddress = 300
	keepNothing = 5
)

const (
	plainUDP = 512  // RFC 1035 section 2.3.4
	mostUDP  = 1232 // what fits every path (dnsflagday.net/2020)
	mostTCP  = 65535
)

// Answer answers a query, or is nil for what is none. A reply to UDP is no longer than
// the query allows.
func (a *Answerer) Answer(ctx context.Context, query []byte, tcp bool) []byte {
	return a.answerTo(ctx, query, tcp, Asker{})
}

func (a *Answerer) answerTo(ctx context.Context, query []byte, tcp bool, by Asker) []byte {
	var p dnsmessage.Parser
	h, err := p.Start(query)
	if err != nil || h.Response { // to answer an answer could go on for ever
		return nil
	}
	r := reply{limit: plainUDP, by: by, header: dnsmessage.Header{ID: h.ID, Response: true, OpCode: h.OpCode, RecursionDesired: h.RecursionDesired,
		RecursionAvailable: true, CheckingDisabled: h.CheckingDisabled}}
	if tcp {
		r.limit = mostTCP
	}
	questions, err := p.AllQuestions()
	switch {
	case h.OpCode != 0:
		r.header.RCode = dnsmessage.RCodeNotImplemented
		return r.pack()
	case err != nil || len(questions) != 1:
		r.header.RCode = dnsmessage.RCodeFormatError
		return r.pack()
	}
	r.question = &questions[0]
	if err := r.extend(&p, tcp); err != nil {
		r.header.RCode = dnsmessage.RCodeFormatError
		return r.pack()
	}
	if r.version == 0 {
		a.fill(ctx, &r)
	}
	return r.pack()
}

// fill answers the question.
func (a *Answerer) fill(ctx context.Context, r *reply) {
	q := r.question
	if q.Class != dnsmessage.ClassINET {
		r.header.RCode = dnsmessage.RCodeRefused
		return
	}
	if addr, ok := reverse(q.Name.String()); ok {
		a.fillReverse(r, addr)
		return
	}
	name, err := ParseName(q.Name.String())
	switch {
	case err != nil:
		r.nothing(dnsmessage.RCodeNameError)
	case name == "localhost", strings.HasSuffix(name, ".localhost"): // RFC 6761 section 6.3
		r.addresses(netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback())
	case isService(name, q.Type):
		a.fillService(r, name)
	case a.Policy.Resolves(name):
		a.fillAllowed(ctx, r, name)
	case name == a.Host && q.Type == dnsmessage.TypeA: // as the hosts file has it
		r.addresses(netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.Addr{})
	case name == a.Host:
		r.nothing(dnsmessage.RCodeSuccess)
	case a.Policy.Above(name):
		r.nothing(dnsmessage.RCodeSuccess)
	default:
		if a.Refused != nil {
			a.Refused(name, r.by)
		}
		r.nothing(dnsmessage.RCodeNameError)
	}
}

// isService tells whether a question is about a service of a host (_http._tcp.HOST, RFC
// 8552), as apt asks before it asks for the host.
func isService(name string, kind dnsmessage.Type) bool {
	return name[0] == '_' && kind != dnsmessage.TypeA && kind != dnsmessage.TypeAAAA
}

// fillService says that there is none: who is told of another host would go there. It is
// the host that a rule allows, or that was refused.
func (a *Answerer) fillService(r *reply, name string) {
	host := name
	for host[0] == '_' && strings.Contains(host, ".") {
		_, host, _ = strings.Cut(host, ".")
	}
	if a.Refused != nil && !a.Policy.Resolves(host) && !a.Policy.Above(host) {
		a.Refused(host, r.by)
	}
	r.nothing(dnsmessage.RCodeNameError)
}

// fillAllowed asks outside whether the name is there, so that a program sees what it
// would see on the host, and gives the addresses that stand for it.
func (a *Answerer) fillAllowed(ctx context.Context, r *reply, name string) {
	var real []netip.Addr
	var err error
	elsewhere := a.Elsewhere != nil && a.Elsewhere(name)
	if !elsewhere {
		real, err = a.Resolver.Lookup(ctx, name)
	}
	switch {
	case elsewhere:
	case errors.Is(err, ErrNoName):
		if a.Failed != nil {
			a.Failed(name, err)
		}
		r.nothing(dnsmessage.RCodeNameError)
		return
	case err != nil:
		a.fail(r, name, err)
		return
	case len(real) == 0:
		r.nothing(dnsmessage.RCodeSuccess)
		return
	}
	four, six, err := a.Names.Address(name)
	if err != nil {
		a.fail(r, name, err)
		return
	}
	if a.NoSix && r.question.Type == dnsmessage.TypeAAAA {
		r.nothing(dnsmessage.RCodeSuccess)
		return
	}
	r.addresses(four, six)
}

// fail has the program see what it would see on the host: no answer for now.
func (a *Answerer) fail(r *reply, name string, err error) {
	r.header.RCode = dnsmessage.RCodeServerFailure
	if a.Failed != nil {
		a.Failed(name, err)
	}
}

func (a *Answerer) fillReverse(r *reply, addr netip.Addr) {
	name, ok := a.Names.Name(addr)
	if addr.IsLoopback() {
		name, ok = "localhost", true
	}
	if !ok {
		r.nothing(dnsmessage.RCodeNameError)
		return
	}
	to, err := dnsmessage.NewName(name + ".")
	if err != nil || r.question.Type != dnsmessage.TypePTR && r.question.Type != dnsmessage.TypeALL {
		r.nothing(dnsmessage.RCodeSuccess)
		return
	}
	r.answer = &dnsmessage.PTRResource{PTR: to}
}

// reverse reads a name of in-addr.arpa or ip6.arpa (RFC 1035 section 3.5, RFC 3596
// section 2.5).
func reverse(name string) (netip.Addr, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if text, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		parts := strings.Split(text, ".")
		slices.Reverse(parts)
		a, err := netip.ParseAddr(strings.Join(parts, "."))
		return a, err == nil && a.Is4()
	}
	text, ok := strings.CutSuffix(name, ".ip6.arpa")
	digits := strings.Split(text, ".")
	if !ok || len(digits) != 32 {
		return netip.Addr{}, false
	}
	slices.Reverse(digits)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		if len(d) != 1 {
			return netip.Addr{}, false
		}
		b.WriteString(d)
	}
	a, err := netip.ParseAddr(b.String())
	return a, err == nil
}
