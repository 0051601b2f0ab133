package main

import (
	"testing"

	"github.com/sbxrun/sbx/sandbox/egress"
)

func TestLesson(t *testing.T) {
	l := lesson{}
	for _, f := range []egress.Flow{
		{Host: "b.example", Port: 443, Address: "192.0.2.1:443"}, {Host: "b.example", Port: 80, Address: "192.0.2.1:80"}, {Host: "b.example", Port: 443, Address: "192.0.2.1:443"},
		{Host: "a.example", Port: 22, Address: "192.0.2.1:22"}, {Host: "a.example", Port: 2002, Address: "192.0.2.1:2002"}, {Host: "a.example", Port: 2003, Address: "192.0.2.1:2003"},
		{Host: "c.example", Port: 22, Address: "192.0.2.1:22"}, {Host: "c.example", Port: 80, Address: "192.0.2.1:80"},
		{Host: "2001:db8::1", Port: 443, Address: "[2001:db8::1]:443"}, {Host: "192.0.2.9", Port: 9418, Address: "192.0.2.9:9418"},
		{Host: "nobody.example", Port: 443}, // not reached
	} {
		f.Rule = "--allow *:*"
		l.note(f)
	}
	l.note(egress.Flow{Host: "127.0.0.1", Port: 5432, Address: "127.0.0.1:5432", Rule: "--host-port 5432"})
	l.note(egress.Flow{Host: "named.example", Port: 80, Address: "192.0.2.1:80", Rule: "--allow named.example"})
	want := "--allow 192.0.2.9:9418 --allow '[2001:db8::1]' --allow a.example:22 --allow a.example:2002-2003 --allow b.example --allow c.example --allow c.example:22"
	if got := l.flags(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
