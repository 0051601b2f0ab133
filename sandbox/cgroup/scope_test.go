package cgroup

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
)

// fakeSystemd answers at a socket as systemd does, or does not.
type fakeSystemd struct {
	refuse string // the error's name for StartTransientUnit
	result string // of the job
	group  string // the scope's cgroup
	silent bool   // from the authentication on
	hangs  bool   // has no end of the job
	closes bool   // instead of an answer
	denies bool   // the authentication

	hello bool // was said
	calls chan *dbus.Message
}

func (f *fakeSystemd) listen(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "private")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	f.calls = make(chan *dbus.Message, 100)
	others := make(chan net.Conn, 10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			others <- c
			go f.serve(c, others)
		}
	}()
	return path
}

func (f *fakeSystemd) serve(c net.Conn, all chan net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	if f.silent {
		_, _ = io.Copy(io.Discard, in)
		return
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		answer := ""
		switch words := strings.TrimLeft(strings.TrimSpace(line), "\x00"); {
		case f.denies:
			answer = "REJECTED ANONYMOUS\r\n"
		case words == "AUTH":
			answer = "REJECTED EXTERNAL\r\n"
		case strings.HasPrefix(words, "AUTH EXTERNAL"):
			answer = "OK 0123456789abcdef0123456789abcdef\r\n"
		case words == "NEGOTIATE_UNIX_FD":
			answer = "ERROR\r\n"
		}
		if strings.HasPrefix(line, "BEGIN") {
			break
		}
		if _, err := io.WriteString(c, answer); err != nil {
			return
		}
	}
	for {
		m, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		f.calls <- m
		f.answer(c, m, all)
	}
}

func (f *fakeSystemd) answer(c net.Conn, m *dbus.Message, all chan net.Conn) {
	member, _ := m.Headers[dbus.FieldMember].Value().(string)
	reply := func(body ...any) {
		send(c, dbus.TypeMethodReply, m, map[dbus.HeaderField]dbus.Variant{}, body...)
	}
	switch member {
	case "Hello":
		f.hello = true
		reply(":1.7")
	case "AddMatch":
		reply()
	case "Get":
		reply(dbus.MakeVariant(f.group))
	case "StartTransientUnit":
		switch {
		case f.closes:
			c.Close()
		case f.refuse != "":
			send(c, dbus.TypeError, m, map[dbus.HeaderField]dbus.Variant{dbus.FieldErrorName: dbus.MakeVariant(f.refuse)}, "no such luck")
		default:
			job := dbus.ObjectPath("/org/freedesktop/systemd1/job/7")
			reply(job)
			if f.hangs {
				return
			}
			// To every connection, as systemd does on its own socket.
			for range 2 {
				to := <-all
				send(to, dbus.TypeSignal, nil, map[dbus.HeaderField]dbus.Variant{
					dbus.FieldPath: dbus.MakeVariant(dbus.ObjectPath("/org/freedesktop/systemd1")), dbus.FieldInterface: dbus.MakeVariant("org.freedesktop.systemd1.Manager"),
					dbus.FieldMember: dbus.MakeVariant("JobRemoved"),
				}, uint32(7), job, m.Body[0], f.result)
			}
		}
	}
}

func send(c net.Conn, kind dbus.Type, to *dbus.Message, headers map[dbus.HeaderField]dbus.Variant, body ...any) {
	if to != nil {
		headers[dbus.FieldReplySerial] = dbus.MakeVariant(to.Serial())
	}
	if len(body) > 0 {
		headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
	}
	m := &dbus.Message{Type: kind, Headers: headers, Body: body}
	_ = m.EncodeTo(c, binary.LittleEndian) // the other end may be gone
}

// TestScope: systemd is told which process it is about, and that it is to be divided;
// whatever it answers instead, there is an error in time.
func TestScope(t *testing.T) {
	for name, c := range map[string]struct {
		fake fakeSystemd
		bus  bool
		want string
	}{
		"done":          {fake: fakeSystemd{result: "done", group: "/app.slice/sbx-1.scope"}},
		"by a bus":      {fake: fakeSystemd{result: "done", group: "/app.slice/sbx-1.scope"}, bus: true},
		"another scope": {fake: fakeSystemd{result: "done", group: "/app.slice/other.scope"}, want: "has the cgroup"},
		"no scope":      {fake: fakeSystemd{result: "done", group: ""}, want: "has the cgroup"},
		"failed":        {fake: fakeSystemd{result: "failed"}, want: `the job ended as "failed"`},
		"refused":       {fake: fakeSystemd{refuse: "org.freedesktop.DBus.Error.AccessDenied"}, want: "no such luck"},
		"closed":        {fake: fakeSystemd{closes: true}, want: "EOF"},
		"another's":     {fake: fakeSystemd{denies: true}, want: "auth"},
		"no end of it":  {fake: fakeSystemd{hangs: true}, want: "no answer"},
		"no answer":     {fake: fakeSystemd{silent: true}, want: "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			socket := c.fake.listen(t)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			began := time.Now()
			path, err := scopeAt(ctx, socket, c.bus, "sbx-1.scope")
			if took := time.Since(began); took > 20*time.Second {
				t.Errorf("it took %s", took)
			}
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("%q, %v, want %s", path, err, c.want)
				}
				return
			}
			if err != nil || path != Root+"/app.slice/sbx-1.scope" || c.fake.hello != c.bus {
				t.Fatalf("%q, %v, hello %v", path, err, c.fake.hello)
			}
			c.fake.checkCall(t)
		})
	}
}

func (f *fakeSystemd) checkCall(t *testing.T) {
	t.Helper()
	for len(f.calls) > 0 {
		m := <-f.calls
		if m.Headers[dbus.FieldMember].Value() != "StartTransientUnit" {
			continue
		}
		properties := map[string]any{}
		for _, p := range m.Body[2].([][]any) {
			properties[p[0].(string)] = p[1].(dbus.Variant).Value()
		}
		pids, _ := properties["PIDs"].([]uint32)
		if m.Body[0] != "sbx-1.scope" || len(pids) != 1 || int(pids[0]) != os.Getpid() || properties["Delegate"] != true {
			t.Errorf("systemd was asked for %v", m.Body)
		}
		return
	}
	t.Error("systemd was not asked")
}

// TestScopeSockets: the next socket is tried where one does not do, and what all said
// is told.
func TestScopeSockets(t *testing.T) {
	no := fakeSystemd{refuse: "org.freedesktop.systemd1.NoSuchUnit"}
	first, second := no.listen(t), filepath.Join(t.TempDir(), "none")
	_, err := newScope(t.Context(), Host{User: "ada"}, Place{Sockets: []string{first, second}}, "x")
	for _, want := range []string{"no such luck", first, second} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %s", err, want)
		}
	}
}

// What nobody is in, and is no longer being made, is found.
func TestEmptyScopes(t *testing.T) {
	slice := t.TempDir()
	now := time.Now()
	for name, c := range map[string]struct {
		events string
		age    time.Duration
	}{
		"sbx-old.scope": {"populated 0\nfrozen 0\n", time.Minute}, "sbx-new.scope": {"populated 0\nfrozen 0\n", time.Second},
		"sbx-busy.scope": {"populated 1\nfrozen 0\n", time.Minute}, "other.scope": {"populated 0\nfrozen 0\n", time.Minute},
		"sbx-none.scope": {"", time.Minute},
	} {
		dir := filepath.Join(slice, name)
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if c.events != "" {
			if err := os.WriteFile(filepath.Join(dir, "cgroup.events"), []byte(c.events), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(dir, now.Add(-c.age), now.Add(-c.age)); err != nil {
			t.Fatal(err)
		}
	}
	if got := emptyScopes(slice, now); !slices.Equal(got, []string{"sbx-old.scope"}) {
		t.Errorf("%v", got)
	}
}
