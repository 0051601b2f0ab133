package image

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

const (
	tries       = 5                      // of a request that is refused for a while
	firstPause  = 500 * time.Millisecond // before the second; each after that is twice as long
	longestWait = time.Minute            // that a registry may ask for
)

// A patient transport asks again for what a registry refuses for a while, and for
// what is cut. It waits as long as the registry wants (RFC 9110, "Retry-After"), if
// that is not for ever.
type patient struct {
	next  http.RoundTripper
	pause time.Duration
	say   func(format string, args ...any)
}

func (p *patient) RoundTrip(r *http.Request) (*http.Response, error) {
	for try, pause := 1, pauseOr(p.pause); ; try, pause = try+1, pause*2 {
		answer, err := p.next.RoundTrip(r)
		wait, passes := passing(answer, err, pause)
		if !passes || try == tries || wait > longestWait || r.Body != nil && r.GetBody == nil {
			return answer, err
		}
		if answer != nil {
			p.say("%s answers %s; asking again in %v", r.URL.Host, answer.Status, wait.Round(time.Millisecond))
			_, _ = io.CopyN(io.Discard, answer.Body, 64<<10) // the connection can be used again then
			answer.Body.Close()
		}
		if err := sleep(r.Context(), wait); err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		if r.GetBody != nil {
			if r.Body, err = r.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func pauseOr(pause time.Duration) time.Duration {
	if pause > 0 {
		return pause
	}
	return firstPause
}

// passing tells whether a failure may pass, and how long to wait for that.
func passing(answer *http.Response, err error, pause time.Duration) (time.Duration, bool) {
	if err != nil {
		return pause, cut(err)
	}
	switch answer.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return max(pause, retryAfter(answer.Header.Get("Retry-After"))), true
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusGatewayTimeout:
		return pause, true
	}
	return 0, false
}

// cut tells whether a connection was, or a name could not be looked up just now.
func cut(err error) bool {
	var name *net.DNSError
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.As(err, &name) && name.IsTemporary
}

// retryAfter reads seconds or a date. Zero says nothing.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.Atoi(text); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<20)) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

func sleep(ctx context.Context, wait time.Duration) error {
	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
