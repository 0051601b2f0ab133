package egress_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/sandbox"
)

// TestParallelTransfers: 25 connections to a name are one question, as the client's own
// was that came before them.
func TestParallelTransfers(t *testing.T) {
	needRun(t)
	need(t, "curl")
	for name, row := range map[string]struct {
		egress sandbox.Egress
		line   string
	}{
		"at once":    {sandbox.Egress{Allow: []string{"good.example.com"}}, "curl -Z --parallel-immediate --parallel-max 25 -sS 'http://good.example.com/[1-25]'"},
		"by a proxy": {sandbox.Egress{Allow: []string{"good.example.com"}, Proxy: true}, "curl -Z --parallel-immediate --parallel-max 25 -sS -px socks5h://127.0.0.1:" + fmt.Sprint(sandbox.ProxyPort) + " 'http://good.example.com/[1-25]'"},
		"by clients": {sandbox.Egress{Allow: []string{"good.example.com"}}, "for i in $(seq 25); do curl -sS http://good.example.com/$i & done; wait"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newInternet(t)
			out, flows, err := i.run(t, row.egress, nil, row.line)
			if n := strings.Count(out, "this is good.example.com"); err != nil || n != 25 {
				t.Errorf("%v: %d transfers: %s\n%+v", err, n, out, flows)
			}
			i.mu.Lock()
			defer i.mu.Unlock()
			if len(i.asked) > 3 { // a kept answer is old after a while on a slow machine
				t.Errorf("%d questions", len(i.asked))
			}
		})
	}
}
