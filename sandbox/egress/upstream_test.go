package egress

import (
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func environment(lines ...string) func(string) string {
	return func(name string) string {
		for _, line := range lines {
			if value, ok := strings.CutPrefix(line, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func TestParseUpstream(t *testing.T) {
	for _, row := range []struct {
		env       []string
		rest, web string // or what is wrong
	}{
		{nil, "", ""}, {[]string{"NO_PROXY=*", "HTTPS_PROXY="}, "", ""},
		{[]string{"HTTPS_PROXY=http://proxy.example.com:3128"}, "http://proxy.example.com:3128", ""},
		{[]string{"HTTPS_PROXY=http://a:1", "https_proxy=http://b:2"}, "http://b:2", ""},
		{[]string{"http_proxy=proxy:8080"}, "", "http://proxy:8080"}, {[]string{"HTTP_PROXY=proxy", "REQUEST_METHOD=GET"}, "", ""},
		{[]string{"ALL_PROXY=socks5h://proxy", "HTTP_PROXY=https://me:hush@secure/"}, "socks5://proxy:1080", "https://secure:443"},
		{[]string{"all_proxy=http://[2001:db8::1]"}, "http://[2001:db8::1]:80", "http://[2001:db8::1]:80"},
		{[]string{"HTTPS_PROXY=socks4://hush@x"}, "HTTPS_PROXY: want http, https or socks5", ""}, {[]string{"http_proxy=http://me:hu#sh@x:1"}, "http_proxy: want http://", ""},
		{[]string{"ALL_PROXY=http://x:hush"}, "ALL_PROXY: want http://", ""}, {[]string{"HTTPS_PROXY=http://"}, "the proxy's host", ""}, {[]string{"HTTPS_PROXY=http://x/hush"}, "want http://", ""},
		{[]string{"HTTPS_PROXY=http://me:hush@x:0"}, "port", ""}, {[]string{"HTTPS_PROXY=http://me:" + strings.Repeat("hush", 64) + "@x"}, "longer than 255", ""}, {[]string{"HTTPS_PROXY=http://x%0d%0ahush:1"}, "want http", ""},
	} {
		u, err := ParseUpstream(environment(row.env...))
		if err != nil {
			if row.rest == "" || !strings.Contains(err.Error(), row.rest) || strings.Contains(err.Error(), "hush") {
				t.Errorf("%q: %v", row.env, err)
			}
			continue
		}
		if u == nil {
			u = &Upstream{}
		}
		for _, proxy := range []struct {
			p    *Proxy
			want string
		}{{u.Rest, row.rest}, {u.Web, row.web}} {
			if proxy.p == nil && proxy.want != "" || proxy.p != nil && proxy.p.String() != proxy.want {
				t.Errorf("%q: %v, want %s", row.env, proxy.p, proxy.want)
			}
		}
	}
	// Whatever prints it, the password stays where it is.
	u, err := ParseUpstream(environment("ALL_PROXY=http://me:hush@proxy:1"))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s %q %d", u.Rest, u.Rest, u.Rest, u.Rest, u.Rest, u.Rest), fmt.Sprintf("%v %+v %#v", u, u, u), fmt.Sprintf("%v %+v %#v", *u, *u, *u), fmt.Sprint(u.Lines())} {
		if strings.Contains(text, "hush") {
			t.Error(text)
		}
	}
}

// TestExceptions: NO_PROXY means what it means to programs in Go.
func TestExceptions(t *testing.T) {
	env := []string{"HTTPS_PROXY=http://proxy:1", "HTTP_PROXY=http://proxy:2",
		"NO_PROXY=one.example.com, .below.example.com,*.star.example.com,TWO.Example.com:8443,192.0.2.1,198.51.100.0/24,203.0.113.1:80,[2001:db8::1]:443,2001:db8:1::/48,,:,a:b:c,x:y,[,/"}
	for _, line := range env {
		name, value, _ := strings.Cut(line, "=")
		t.Setenv(name, value)
		t.Setenv(strings.ToLower(name), "")
	}
	u, err := ParseUpstream(environment(env...))
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for _, host := range []string{"one.example.com", "x.one.example.com", "xone.example.com", "below.example.com", "x.below.example.com", "star.example.com", "x.star.example.com", "two.example.com", "x.two.example.com", "example.com", "other.example.org",
		"192.0.2.1", "192.0.2.2", "198.51.100.7", "203.0.113.1", "2001:db8::1", "2001:db8:1::5", "2001:db8:2::5", "localhost", "127.0.0.1", "127.9.9.9", "::1", "x", "a"} {
		for _, port := range []uint16{80, 443, 8443} {
			scheme := "https"
			if port == 80 {
				scheme = "http"
			}
			at := fmt.Sprintf("%s:%d", host, port)
			if a, err := netip.ParseAddr(host); err == nil {
				at = netip.AddrPortFrom(a, port).String()
			}
			want, err := http.ProxyFromEnvironment(&http.Request{URL: &url.URL{Scheme: scheme, Host: at}})
			if err != nil {
				t.Fatal(err)
			}
			got := u.For(host, port, port == 80)
			if (got == nil) != (want == nil) || got != nil && got.String() != want.String() {
				t.Errorf("%s: by %v, and in Go by %v", at, got, want)
			}
			if got == nil {
				direct++
			}
		}
	}
	if direct < 20 {
		t.Errorf("only %d are reached directly", direct)
	}
	all, err := ParseUpstream(environment("HTTPS_PROXY=http://proxy:1", "NO_PROXY=a,*"))
	if err != nil || all.For("example.com", 443, false) != nil || all.Finds("example.com") || !u.Finds("example.com") || u.Finds("one.example.com") || u.Finds("x.localhost") || !u.Finds("two.example.com") || (*Upstream)(nil).Finds("x") {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestAnswerUpstream: a name that a proxy finds is there without anybody being asked,
// and one that no rule allows is not.
func TestAnswerUpstream(t *testing.T) {
	a, out, _ := answerer(t)
	u, err := ParseUpstream(environment("HTTPS_PROXY=http://proxy:1", "NO_PROXY=.wild.example.org"))
	if err != nil {
		t.Fatal(err)
	}
	a.Elsewhere = u.Finds
	for name, want := range map[string]string{"absent.example.com.": "Success 198.18.1.0", "evil.org.": "NameError soa", "no.wild.example.org.": "NameError soa", "bad.wild.example.org.": "NameError soa"} {
		if got := said(t, a.Answer(t.Context(), question(t, name, dnsmessage.TypeA, false), false)); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if strings.Join(out.names, " ") != "no.wild.example.org" {
		t.Errorf("asked for %q", out.names)
	}
}
