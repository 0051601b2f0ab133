package egress

import (
	"context"
	"errors"
)

// choose says who judges what is said, and which way it goes.
func (f *connection) choose() {
	web := f.flow.Port == 80 || f.client != nil && f.client.web
	if f.via = f.s.Upstream.For(f.flow.Host, f.flow.Port, web); f.via != nil {
		f.flow.Upstream = f.via.String()
	}
	f.judge = judgeFor(f.flow.Host, f.flow.Port, f.literal)
	if !web {
		return
	}
	j := &webJudge{host: f.flow.Host, port: f.flow.Port}
	f.judge = j
	switch {
	case f.forwarding():
		j.form = func(r Request) []byte { return r.forProxy(f.via) }
	case f.client != nil && f.client.web:
		j.form = Request.forServer
	}
}

// forwarding tells whether requests are handed to a proxy outside one by one: proxies
// make tunnels to the port of TLS, and often to no other.
func (f *connection) forwarding() bool {
	_, web := f.judge.(*webJudge)
	return web && f.via != nil && f.via.scheme != "socks5"
}

// reach connects to where the flow goes.
func (f *connection) reach() (err error) {
	ctx, cancel := context.WithTimeout(f.s.ctx, f.s.Patience)
	defer cancel()
	var w way
	if f.via == nil {
		w, err = f.s.reach(ctx, f.flow.Host, f.literal, f.flow.Port)
	} else if err = f.s.checkHere(ctx, f.flow.Host, f.literal, f.flow.Port); err == nil {
		w, err = f.s.through(ctx, f.via, f.flow.Host, f.flow.Port, !f.forwarding())
	}
	var private *errPrivate
	var denied *errDenied
	f.flow.Allowed = !errors.As(err, &private) && !errors.As(err, &denied)
	if err != nil {
		return err
	}
	return f.opened(w)
}

// tunnel is the flow of a proxy's client, which speaks to the host when it is told that
// the host is there.
func (f *connection) tunnel() error {
	if err := f.reach(); err != nil {
		return err
	}
	if err := f.client.grant(f); err != nil {
		return err
	}
	first, err := f.first()
	if err != nil {
		f.flow.Allowed = errors.Is(err, errUnused) || f.s.ctx.Err() != nil
		return err
	}
	return f.both(first)
}

// opened takes the other side over.
func (f *connection) opened(w way) error {
	f.outside, f.heard, f.flow.Address = w.Conn, w.heard, w.address
	f.register()
	<-f.owned            // it is found while it has the connection, and it may soon be done with it
	return f.s.ctx.Err() // Close may have missed it
}
