package sandbox

import (
	"strings"

	"github.com/sbxrun/sbx/userns"
)

// ProxyPort is where the sandbox's proxy is, that of SOCKS.
const ProxyPort = 1080

const proxySocket userns.FD = "proxy's socket"

// ProxyEnvironment are the variables that tell programs of the sandbox's proxy. Some read
// them in lower case and some in upper. Names are for the proxy to find (socks5h), and
// what is on the sandbox's own loopback is not for it.
func ProxyEnvironment() (env []string) {
	at := loopback(ProxyPort).String()
	for _, v := range [][2]string{{"http_proxy", "http://" + at}, {"https_proxy", "http://" + at}, {"all_proxy", "socks5h://" + at}, {"no_proxy", "localhost,127.0.0.1,::1"}} {
		env = append(env, v[0]+"="+v[1], strings.ToUpper(v[0])+"="+v[1])
	}
	return env
}
