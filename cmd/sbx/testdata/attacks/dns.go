package main

import (
	"io"
	"net"
	"strconv"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// question is a query to the DNS.
func question(name string, kind dnsmessage.Type, class dnsmessage.Class, extra string) []byte {
	b := dnsmessage.NewBuilder(nil, dnsmessage.Header{ID: 7, RecursionDesired: true})
	n, err := dnsmessage.NewName(name)
	must(err)
	must(b.StartQuestions())
	must(b.Question(dnsmessage.Question{Name: n, Type: kind, Class: class}))
	must(b.StartAdditionals())
	opt := dnsmessage.OPTResource{}
	if extra != "" {
		opt.Options = []dnsmessage.Option{{Code: 65001, Data: []byte(extra)}}
	}
	must(b.OPTResource(dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName("."), Class: 1232}, opt))
	q, err := b.Finish()
	must(err)
	return q
}

// exchange asks a name server.
func exchange(network, server string, query []byte) (m dnsmessage.Message, err error) {
	c, err := net.DialTimeout(network, server, awhile)
	if err != nil {
		return m, err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(awhile))
	answer := make([]byte, 1<<16)
	if network == "tcp" {
		if _, err = c.Write(append([]byte{byte(len(query) >> 8), byte(len(query))}, query...)); err != nil {
			return m, err
		}
		if _, err = io.ReadFull(c, answer[:2]); err != nil {
			return m, err
		}
		answer = answer[:int(answer[0])<<8|int(answer[1])]
		_, err = io.ReadFull(c, answer)
	} else {
		if _, err = c.Write(query); err != nil {
			return m, err
		}
		var n int
		n, err = c.Read(answer)
		answer = answer[:n]
	}
	if err != nil {
		return m, err
	}
	return m, m.Unpack(answer)
}

// ask asks for a name, and leaves it to the other side to say whether it came there:
// NETWORK SERVER NAME TYPE CLASS [OPTION].
func ask(args []string) {
	kind, err := strconv.Atoi(args[3])
	must(err)
	class, err := strconv.Atoi(args[4])
	must(err)
	extra := ""
	if len(args) > 5 {
		extra = args[5]
	}
	m, err := exchange(args[0], args[1], question(args[2], dnsmessage.Type(kind), dnsmessage.Class(class), extra))
	tried("%v, %d answers, %v", m.RCode, len(m.Answers), err)
}
