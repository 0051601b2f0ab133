package egress

import (
	"net/netip"

	"golang.org/x/net/dns/dnsmessage"
)

// reply is a message to be.
type reply struct {
	by       Asker
	header   dnsmessage.Header
	question *dnsmessage.Question
	answer   dnsmessage.ResourceBody
	negative bool // says for how long there is nothing
	limit    int
	// extended says that the query knows of EDNS (RFC 6891), and version is that which
	// it wants. There is 0 alone.
	extended bool
	version  uint8
}

// badVersion is the upper part of the extended code 16 (RFC 6891 section 9).
const badVersion = 1

// extend reads what the query says of itself behind the question.
func (r *reply) extend(p *dnsmessage.Parser, tcp bool) error {
	if err := p.SkipAllAnswers(); err != nil {
		return err
	}
	if err := p.SkipAllAuthorities(); err != nil {
		return err
	}
	for {
		h, err := p.AdditionalHeader()
		if err == dnsmessage.ErrSectionDone {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Type == dnsmessage.TypeOPT && !r.extended {
			r.extended, r.version = true, uint8(h.TTL>>16)
			if size := int(h.Class); !tcp && size > r.limit {
				r.limit = min(size, mostUDP)
			}
		}
		if err := p.SkipAdditional(); err != nil {
			return err
		}
	}
}

// nothing says that there is nothing of that name, or no such name.
func (r *reply) nothing(code dnsmessage.RCode) { r.header.RCode, r.negative = code, true }

// addresses answers with the one that is asked for. A name has both families, whatever
// it has outside: which is dialled is decided there. It has nothing else: a program
// that is told of HTTP/3 or of encrypted names tries those first.
func (r *reply) addresses(four, six netip.Addr) {
	switch r.question.Type {
	case dnsmessage.TypeA, dnsmessage.TypeALL:
		r.answer = &dnsmessage.AResource{A: four.As4()}
	case dnsmessage.TypeAAAA:
		r.answer = &dnsmessage.AAAAResource{AAAA: six.As16()}
	default:
		r.nothing(dnsmessage.RCodeSuccess)
	}
}

// pack is the message's bytes. One that is too long says so, and that all of it is to
// be had by TCP.
func (r *reply) pack() []byte {
	b, err := r.build()
	if err != nil {
		return nil
	}
	if len(b) > r.limit {
		r.header.Truncated, r.answer, r.negative = true, nil, false
		if b, err = r.build(); err != nil {
			return nil
		}
	}
	return b
}

func (r *reply) build() ([]byte, error) {
	b := dnsmessage.NewBuilder(make([]byte, 0, plainUDP), r.header)
	b.EnableCompression()
	if r.question != nil {
		if err := errorOf(b.StartQuestions(), b.Question(*r.question)); err != nil {
			return nil, err
		}
	}
	if r.answer != nil {
		h := dnsmessage.ResourceHeader{Name: r.question.Name, Class: dnsmessage.ClassINET, TTL: keepAddress}
		if err := errorOf(b.StartAnswers(), add(&b, h, r.answer)); err != nil {
			return nil, err
		}
	}
	if r.negative {
		root := dnsmessage.MustNewName(".")
		soa := dnsmessage.SOAResource{NS: root, MBox: root, Serial: 1, Refresh: keepNothing, Retry: keepNothing, Expire: keepNothing, MinTTL: keepNothing}
		h := dnsmessage.ResourceHeader{Name: root, Class: dnsmessage.ClassINET, TTL: keepNothing}
		if err := errorOf(b.StartAuthorities(), b.SOAResource(h, soa)); err != nil {
			return nil, err
		}
	}
	if r.extended {
		h := dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: mostUDP}
		if r.version > 0 {
			h.TTL = badVersion << 24
		}
		if err := errorOf(b.StartAdditionals(), b.OPTResource(h, dnsmessage.OPTResource{})); err != nil {
			return nil, err
		}
	}
	return b.Finish()
}

func add(b *dnsmessage.Builder, h dnsmessage.ResourceHeader, body dnsmessage.ResourceBody) error {
	switch body := body.(type) {
	case *dnsmessage.AResource:
		return b.AResource(h, *body)
	case *dnsmessage.AAAAResource:
		return b.AAAAResource(h, *body)
	case *dnsmessage.PTRResource:
		return b.PTRResource(h, *body)
	}
	return dnsmessage.ErrSectionDone
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
