package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/egress"
)

// addUpstream has the sandbox's network reach others as the caller's programs do, by the
// proxy that the environment names. What is in its URL stays out here.
func addUpstream(cmd *sandbox.Cmd) (tls *tlsProgram, err error) {
	tls = &tlsProgram{}
	if cmd.Spec.Egress == nil {
		return tls, nil
	}
	if cmd.Upstream, err = egress.ParseUpstream(os.Getenv); err != nil {
		return nil, fmt.Errorf("%w; an empty variable is none", err)
	}
	if cmd.Upstream != nil {
		cmd.Upstream.Resolver = egress.NewCache(egress.HostResolver{Search: true})
		cmd.Upstream.Secure = tls.secure
	}
	return tls, nil
}

// proxyFailed tells whether a proxy outside is the reason that something was not reached.
func proxyFailed(f egress.Flow) bool {
	return f.Upstream != "" && strings.HasPrefix(f.Error, "the proxy ")
}
