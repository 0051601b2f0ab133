// Upstream runs a command in a sandbox as sbx run does, with a network outside that is
// the test's: names are asked for at its name server, and addresses that nobody has are
// its own servers. The program under test has no flag or variable for that, and shall
// have none: it would be one more thing to attack.
//
//	upstream [-allow RULE] [-deny RULE] [-private RULE] OUTSIDE COMMAND ARG...
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// outside is what the test says of its network, in a file.
type outside struct {
	Resolver string            // where its name server is
	Servers  map[string]string // an address that nobody has, and where its server is
	Log      string            // the file for what was dialled and for the flows
}

func main() {
	code, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, "upstream:", err)
		os.Exit(125)
	}
	os.Exit(code)
}

func run() (code int, err error) {
	var e sandbox.Egress
	rule := func(to *[]string) func(string) error {
		return func(text string) error { *to = append(*to, text); return nil }
	}
	flag.Func("allow", "", rule(&e.Allow))
	flag.Func("deny", "", rule(&e.Deny))
	flag.Func("private", "", rule(&e.Private))
	flag.Parse()
	b, err := os.ReadFile(flag.Arg(0))
	if err != nil {
		return 0, err
	}
	var o outside
	if err := json.Unmarshal(b, &o); err != nil {
		return 0, err
	}
	log, err := os.OpenFile(o.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	project, err := os.Getwd()
	if err != nil {
		return 0, err
	}
	c := sandbox.New(context.Background(), sandbox.Spec{Project: project, Egress: &e})
	c.Spec.OCI.Process = &specs.Process{Args: flag.Args()[1:], Env: sandbox.Environment(sandbox.HostView, os.Environ(), nil)}
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Resolver = egress.HostResolver{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, o.Resolver)
	}}
	c.Dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		fmt.Fprintln(log, "dialled", to)
		at, known := o.Servers[to.String()]
		if !known && !to.Addr().IsLoopback() && !to.Addr().IsPrivate() && !to.Addr().IsUnspecified() {
			return nil, fmt.Errorf("%s: nobody is there", to)
		}
		if !known { // what is refused may come through, or nothing was shown
			at = to.String()
		}
		return (&net.Dialer{}).DialContext(ctx, "tcp", at)
	}
	c.Flow = func(f egress.Flow) {
		line, err := json.Marshal(f)
		fmt.Fprintln(log, "flow", string(line), err)
	}
	var exit *sandbox.ExitError
	if err = c.Run(); errors.As(err, &exit) {
		return exit.Code(), nil
	}
	return 0, err
}
