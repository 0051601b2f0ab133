package image

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// A network is hosts by scheme and name, so that a test can have any. It notes who is
// asked for what, with which credentials.
type network struct {
	hosts map[string]http.Handler // scheme://host
	lock  sync.Mutex
	seen  []string // METHOD URL [AUTHORIZATION]
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.lock.Lock()
	n.seen = append(n.seen, strings.TrimSpace(r.Method+" "+r.URL.String()+" "+r.Header.Get("Authorization")))
	n.lock.Unlock()
	host, ok := n.hosts[r.URL.Scheme+"://"+r.URL.Host]
	if !ok {
		return nil, fmt.Errorf("no host %s", r.URL.Host)
	}
	w := httptest.NewRecorder()
	host.ServeHTTP(w, r)
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// asked is what a host was asked for, by the beginning of its URL.
func (n *network) asked(url string) (requests []string) {
	n.lock.Lock()
	defer n.lock.Unlock()
	for _, s := range n.seen {
		if _, rest, _ := strings.Cut(s, " "); strings.HasPrefix(rest, url) {
			requests = append(requests, s)
		}
	}
	return requests
}

const (
	home  = "https://registry.test"
	other = "https://other.test"
	// secret is ada:lovelace.
	secret = "YWRhOmxvdmVsYWNl"
)

// redirect leads blobs elsewhere.
func redirect(to string) func(*evil) {
	return func(e *evil) {
		e.image(good(e.t), nil, nil)
		e.on("/blobs/", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, to+r.URL.Path, http.StatusTemporaryRedirect)
		})
	}
}

// challenge asks for a token of a realm, and takes any.
func challenge(realm, scope string) func(*evil) {
	return func(e *evil) {
		e.image(good(e.t), nil, nil)
		e.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/token" {
				_, _ = w.Write([]byte(`{"token":"t0ken"}`))
				return
			}
			if r.Header.Get("Authorization") == "Bearer t0ken" {
				panic(errUnanswered)
			}
			w.Header().Set("WWW-Authenticate", `Bearer realm="`+realm+`/token",service="s",scope="`+scope+`"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

func basic(e *evil) {
	e.image(good(e.t), nil, nil)
	e.answer = func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			panic(errUnanswered)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
}

// TestSecurityHosts: a registry leads to other hosts, by redirects, realms and foreign
// layers. Those it may lead to get no credentials, and the others are not asked.
func TestSecurityHosts(t *testing.T) {
	for _, c := range []struct {
		name     string
		evil     func(*evil)
		want     string   // in the error, or nothing where it works
		unasked  []string // hosts
		insecure bool     // the registry is one of --insecure-registry
	}{
		{name: "nothing", evil: func(e *evil) { e.image(good(e.t), nil, nil) }, unasked: []string{other, "http:"}},
		{name: "no encryption, as --insecure-registry says", evil: func(e *evil) { e.image(good(e.t), nil, nil) }, insecure: true, unasked: []string{other}},
		{name: "a redirect to another host", evil: redirect(other)},
		{name: "a redirect to another port", evil: redirect(home + ":8443")},
		{name: "a redirect to a host below", evil: redirect("https://cdn.registry.test")},
		{name: "a redirect without encryption", evil: redirect("http://registry.test"), want: "stopped after 10 redirects", unasked: []string{"http:"}},
		{name: "a redirect to another host without encryption", evil: redirect("http://other.test"), want: "without encryption", unasked: []string{"http:"}},
		{name: "a redirect to this machine", evil: redirect("http://127.0.0.1:8080"), want: "127.0.0.1", unasked: []string{"http:"}},
		{name: "a redirect to this machine by name", evil: redirect("http://localhost:8080"), want: "without encryption", unasked: []string{"http:"}},
		{name: "a redirect to the metadata of a cloud", evil: redirect("http://169.254.169.254"), want: "169.254.169.254", unasked: []string{"http:"}},
		{name: "a redirect to a private address", evil: redirect("https://10.0.0.1"), want: "10.0.0.1", unasked: []string{"https://10"}},
		{name: "a greeting that leads to this machine", evil: func(e *evil) {
			e.answer = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "http://localhost:8080/admin?stop=1", http.StatusFound)
			}
		}, want: "without encryption", unasked: []string{"http:"}},
		{name: "a greeting that leads to a private address", evil: func(e *evil) {
			e.answer = func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "https://10.0.0.1/admin?stop=1", http.StatusFound)
			}
		}, want: "10.0.0.1", unasked: []string{"https://10"}},

		{name: "a realm of its own", evil: challenge(home, "repository:x:pull")},
		// As Docker Hub's is. Its registry names it over an encrypted connection.
		{name: "a realm of another host", evil: challenge(other, "repository:x:pull")},
		{name: "a realm without encryption", evil: challenge("http://other.test", ""), want: "not allowed", unasked: []string{"http:"}},
		{name: "a realm on this machine", evil: challenge("https://127.0.0.1", ""), want: "127.0.0.1", unasked: []string{"https://127"}},
		{name: "a realm on this machine by name", evil: challenge("http://localhost:8080", ""), want: "not allowed", unasked: []string{"http:"}},
		{name: "a realm that is the metadata of a cloud", evil: challenge("https://169.254.169.254", ""), want: "169.254.169.254", unasked: []string{"https://169"}},
		{name: "a realm that is a file", evil: challenge("file:///etc/passwd", ""), want: "not allowed"},
		{name: "a realm of another host, for a registry without encryption", evil: challenge("http://other.test", ""), insecure: true, want: "without encryption", unasked: []string{"http://other.test"}},
		{name: "a realm for all repositories", evil: challenge(other, "registry:catalog:* repository:private:pull,push,delete")},

		{name: "a foreign layer", evil: func(e *evil) {
			e.image(good(e.t), nil, func(p *parts) {
				delete(e.objects, p.layer["digest"].(string))
				p.layer["urls"] = []string{other + "/secret", "http://169.254.169.254/"}
			})
		}, want: "is elsewhere", unasked: []string{other, "http:"}},
		{name: "a foreign layer that the registry has", evil: said("urls", []string{other + "/secret"}), want: "is elsewhere", unasked: []string{other}},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, s, e := options(t), newStore(t), newEvil(t)
			e.host = "registry.test"
			c.evil(e)
			n := &network{hosts: map[string]http.Handler{home: e, home + ":8443": e, other: e, "https://cdn.registry.test": e}}
			for _, host := range []string{"127.0.0.1:8080", "localhost:8080", "169.254.169.254", "registry.test", "other.test"} {
				n.hosts["http://"+host] = e
			}
			// At the other hosts is what was led to.
			lead := e.answer
			e.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Host != "registry.test" && r.URL.Path != "/token" || lead == nil {
					panic(errUnanswered)
				}
				lead(w, r)
			}
			if o.Transport = n; c.insecure {
				o.Insecure = []string{"registry.test"}
				delete(n.hosts, home)
			}
			_, err := add(t, s, e.ref(), o)
			switch {
			case c.want == "" && err != nil:
				t.Fatal(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Fatalf("got %v, want %s", err, c.want)
			case c.want != "":
				unharmed(t, s)
			}
			for _, url := range c.unasked {
				if got := n.asked(url); len(got) > 0 {
					t.Errorf("%s was asked for %v", url, got)
				}
			}
		})
	}
}

// TestSecurityCredentials: those of a registry go to it alone, and to the realm that it
// names over an encrypted connection.
func TestSecurityCredentials(t *testing.T) {
	config := t.TempDir()
	auths := `{"auths":{"registry.test":{"auth":"` + secret + `"},"bank.test":{"auth":"YmFuazpiYW5r"}}}`
	if err := os.WriteFile(filepath.Join(config, "config.json"), []byte(auths), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DOCKER_CONFIG", config)
	for _, c := range []struct {
		name   string
		evil   func(*evil)
		secret string // the beginning of URLs that may get the credentials
	}{
		{"basic", basic, home + "/v2/"},
		{"a token", challenge(home, ""), home + "/token"},
		{"a token of another host", challenge(other, ""), other + "/token"},
		{"a token of a host that has credentials of its own", challenge("https://bank.test", "repository:money:pull"), "https://bank.test/token"},
		{"a redirect to another host", both(basic, redirect(other)), home + "/v2/"},
		{"a redirect to another port", both(basic, redirect(home+":8443")), home + "/v2/"},
		{"a redirect to a host below", both(basic, redirect("https://cdn.registry.test")), home + "/v2/"},
		{"a redirect with a token", both(challenge(home, ""), redirect(other)), home + "/token"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o, s, e := options(t), newStore(t), newEvil(t)
			e.host = "registry.test"
			c.evil(e)
			lead := e.answer
			e.answer = func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Host != "registry.test" && r.URL.Path != "/token" {
					panic(errUnanswered)
				}
				lead(w, r)
			}
			n := &network{hosts: map[string]http.Handler{home: e, home + ":8443": e, other: e, "https://cdn.registry.test": e, "https://bank.test": e}}
			o.Transport = n
			if _, err := add(t, s, e.ref(), o); err != nil {
				t.Fatal(err)
			}
			got := 0
			for _, s := range n.seen {
				fields := strings.Fields(s)
				if strings.Contains(s, "YmFuazpiYW5r") {
					t.Errorf("the credentials of another registry went along: %s", s)
				}
				if len(fields) < 3 {
					continue
				}
				if fields[3] == secret {
					if got++; !strings.HasPrefix(fields[1], c.secret) {
						t.Errorf("the credentials went along: %s", s)
					}
				} else if !strings.HasPrefix(fields[1], home+"/v2/") {
					t.Errorf("a token went along: %s", s)
				}
			}
			if got == 0 {
				t.Error("the credentials were not used, so this shows nothing")
			}
		})
	}
}

// both has the second answer what the first lets through.
func both(first, second func(*evil)) func(*evil) {
	return func(e *evil) {
		first(e)
		guard := e.answer
		second(e)
		lead := e.answer
		e.answer = func(w http.ResponseWriter, r *http.Request) {
			if !passes(guard, w, r) {
				return
			}
			lead(w, r)
		}
	}
}

// TestSecurityRetryAfter: a registry that says to come back tomorrow is not waited for.
func TestSecurityRetryAfter(t *testing.T) {
	o, s, e := options(t), newStore(t), newEvil(t)
	e.image(good(t), nil, nil)
	e.on("/manifests/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "86400")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	if _, err := add(t, s, e.ref(), o); err == nil || !strings.Contains(err.Error(), "429") {
		t.Fatal(err)
	}
	if n := e.asked.Load(); n > 5 {
		t.Errorf("asked %d times", n)
	}
}
