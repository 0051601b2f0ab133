package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// internetNames are what the name server knows; where there are several answers the last goes on.
var internetNames = map[string][][]string{
	"good.example.com.":    {{"192.0.2.1"}},
	"bad.example.com.":     {{"192.0.2.2"}},
	"front.example.com.":   {{"192.0.2.3"}},
	"retry.example.com.":   {{"192.0.2.4"}},
	"home.example.com.":    {{"127.0.0.1"}},
	"void.example.com.":    {{"0.0.0.0"}},
	"six.example.com.":     {{"::1"}},
	"mapped.example.com.":  {{"::ffff:127.0.0.1"}},
	"nat.example.com.":     {{"64:ff9b::7f00:1"}},
	"meta.example.com.":    {{"169.254.169.254"}},
	"alias.example.com.":   {{"home.example.com.", "127.0.0.1"}},
	"mixed.example.com.":   {{"192.0.2.9", "127.0.0.1"}},
	"rebind.example.com.":  {{"192.0.2.9"}, {"127.0.0.1"}},
	"rebind2.example.com.": {{"192.0.2.9"}, {"169.254.169.254"}},
}

// serveNames is a name server, by UDP and TCP at one address.
func (i *internet) serveNames() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	i.s.check(err)
	p, err := net.ListenPacket("udp", l.Addr().String())
	i.s.check(err)
	i.s.t.Cleanup(func() { p.Close() })
	go func() {
		b := make([]byte, 4096)
		for {
			n, from, err := p.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = p.WriteTo(i.answer(b[:n]), from) // who goes away goes away
		}
	}()
	return i.each(l, func(c net.Conn) {
		var size [2]byte
		r := bufio.NewReader(c)
		for {
			if _, err := io.ReadFull(r, size[:]); err != nil {
				return
			}
			b := make([]byte, binary.BigEndian.Uint16(size[:]))
			if _, err := io.ReadFull(r, b); err != nil {
				return
			}
			answer := i.answer(b)
			_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...))
		}
	})
}

// answer answers one query, and notes what of it came here.
func (i *internet) answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) == 0 {
		return nil
	}
	q := m.Questions[0]
	name := strings.ToLower(q.Name.String())
	i.mu.Lock()
	i.asked = append(i.asked, q.Name.String()+" "+string(query)) // options too
	answers := internetNames[name]
	turn := min(i.turns[name], len(answers)-1)
	if q.Type == dnsmessage.TypeA {
		i.turns[name]++
	}
	i.mu.Unlock()
	m = dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	if len(answers) == 0 {
		m.RCode = dnsmessage.RCodeNameError
	} else {
		m.Answers = records(q, answers[turn])
	}
	b, err := m.Pack()
	i.s.check(err)
	return b
}

// records are the answers of a question: addresses of its family, behind aliases.
func records(q dnsmessage.Question, texts []string) (all []dnsmessage.Resource) {
	owner := q.Name
	for _, text := range texts {
		h := dnsmessage.ResourceHeader{Name: owner, Class: dnsmessage.ClassINET, TTL: 1}
		ip := net.ParseIP(text)
		switch {
		case ip == nil:
			owner = dnsmessage.MustNewName(text)
			all = append(all, dnsmessage.Resource{Header: h, Body: &dnsmessage.CNAMEResource{CNAME: owner}})
		case q.Type == dnsmessage.TypeA && !strings.Contains(text, ":"):
			all = append(all, dnsmessage.Resource{Header: h, Body: &dnsmessage.AResource{A: [4]byte(ip.To4())}})
		case q.Type == dnsmessage.TypeAAAA && strings.Contains(text, ":"):
			all = append(all, dnsmessage.Resource{Header: h, Body: &dnsmessage.AAAAResource{AAAA: [16]byte(ip.To16())}})
		}
	}
	return all
}

// told judges by what was asked for outside: the secret is in it, or capitals that are a
// code, or a name of no rule.
func told(s *scene) string {
	s.internet.mu.Lock()
	defer s.internet.mu.Unlock()
	for _, name := range s.internet.asked {
		word, _, _ := strings.Cut(name, " ")
		switch {
		case strings.Contains(strings.ToLower(name), "secret"):
			return fmt.Sprintf("%q was asked for outside", name)
		case word != strings.ToLower(word):
			return fmt.Sprintf("%s was asked for outside as it was written", word)
		}
	}
	return ""
}
