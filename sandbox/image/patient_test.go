package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// TestRefusedForAWhile: each request of a pull, for the token too, is refused twice and
// granted then, whatever the refusal is.
func TestRefusedForAWhile(t *testing.T) {
	for name, refuse := range map[string]func(w http.ResponseWriter){
		"too many requests": func(w http.ResponseWriter) { w.WriteHeader(http.StatusTooManyRequests) },
		"a wait": func(w http.ResponseWriter) {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"an error":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) },
		"a gateway": func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"a reset":   func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"a cut": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusOK)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, s, r := options(t), newStore(t), serve(t)
			o.pause = time.Millisecond
			ref := r.push(t, "hello:1", twoLayers(t))
			refused, granted := map[string]int{}, map[string]bool{}
			var mu sync.Mutex
			r.spoil = func(w http.ResponseWriter, q *http.Request, next http.Handler) {
				mu.Lock()
				defer mu.Unlock()
				if q.URL.Path != "/token" && q.Header.Get("Authorization") != "Bearer secret" {
					w.Header().Set("WWW-Authenticate", fmt.Sprintf("Bearer realm=%q,service=x", "http://"+r.host+"/token"))
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				if refused[q.URL.Path]++; refused[q.URL.Path] <= 2 {
					refuse(w)
					return
				}
				granted[q.URL.Path[:strings.LastIndexByte(q.URL.Path, '/')]] = true
				if q.URL.Path == "/token" {
					_, _ = io.WriteString(w, `{"token": "secret"}`)
					return
				}
				next.ServeHTTP(w, q)
			}
			i, err := add(t, s, ref, o)
			if err != nil {
				t.Fatal(err)
			}
			check(t, s, i)
			for _, kind := range []string{"", "/v2/hello/manifests", "/v2/hello/blobs"} {
				if !granted[kind] {
					t.Errorf("of %q nothing was asked for: %v", kind, granted)
				}
			}
		})
	}
}

// TestRefusedForGood: it gives up, and says what the registry says.
func TestRefusedForGood(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		after  string
		asked  int64
	}{
		"always":     {http.StatusTooManyRequests, "", tries},
		"for a year": {http.StatusTooManyRequests, "31536000", 1},
		"until 2199": {http.StatusServiceUnavailable, "Tue, 01 Jan 2199 00:00:00 GMT", 1},
		"denied":     {http.StatusForbidden, "", 1},
		"not there":  {http.StatusNotFound, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := serve(t)
			ref := r.push(t, "hello:1", imageOf(t, v1.Config{}))
			var asked atomic.Int64
			r.spoil = func(w http.ResponseWriter, q *http.Request, next http.Handler) {
				if !strings.Contains(q.URL.Path, "/manifests/") {
					next.ServeHTTP(w, q)
					return
				}
				asked.Add(1)
				w.Header().Set("Retry-After", c.after)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, `{"errors":[{"code":"X","message":"come another day"}]}`)
			}
			_, err := add(t, newStore(t), ref, Options{Program: "/nowhere", pause: time.Millisecond})
			if err == nil || !strings.Contains(err.Error(), "come another day") || asked.Load() != c.asked {
				t.Errorf("asked %d times, %v", asked.Load(), err)
			}
		})
	}
}

// TestWaiting: a registry is waited for as long as it says, and Ctrl-C ends that.
func TestWaiting(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var said string
	p := &patient{next: http.DefaultTransport, pause: time.Millisecond, say: func(format string, args ...any) {
		said = fmt.Sprintf(format, args...)
		cancel()
	}}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.RoundTrip(r); !errors.Is(err, context.Canceled) || !strings.Contains(said, "429 Too Many Requests; asking again in 50s") {
		t.Errorf("%v, said %q", err, said)
	}
}

// TestSentElsewhere: a registry that is not of this network cannot have us ask what is.
func TestSentElsewhere(t *testing.T) {
	g := &guarded{next: http.DefaultTransport}
	for host, want := range map[string]bool{"169.254.169.254": true, "10.0.0.1": true, "[fe80::1%25eth0]": true, "127.0.0.1": true, "localhost": true, "0.0.0.0": true} {
		first, _ := http.NewRequest(http.MethodGet, "https://registry.invalid/v2/x/blobs/y", nil)
		r, err := http.NewRequest(http.MethodGet, "https://"+host+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Response = &http.Response{Request: first}
		if _, err := g.RoundTrip(r); want != (err != nil && strings.Contains(err.Error(), "refusing to be led to")) {
			t.Errorf("%s: %v", host, err)
		}
	}
}
