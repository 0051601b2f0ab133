package image

import (
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"
)

var errStalled = errors.New("the registry sends next to nothing")

// least is what a registry has to send within Options.Patience. One that sends a
// byte now and then would hold a pull, and those that wait for it, for ever.
const least = 16 << 10

// watching gives up on answers that do not arrive.
type watching struct {
	next     http.RoundTripper
	patience time.Duration
}

func (w watching) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := w.next.RoundTrip(r)
	if err == nil && answer.Body != nil {
		answer.Body = &watched{ReadCloser: answer.Body, patience: w.patience}
	}
	return answer, err
}

// watched is a body that has to arrive. The time counts in which it is waited for:
// whoever unpacks it may be slower than the network.
type watched struct {
	io.ReadCloser
	patience, waited time.Duration
	got              int
	stalled          atomic.Bool
}

func (w *watched) Read(p []byte) (int, error) {
	end := time.AfterFunc(w.patience-w.waited, func() {
		w.stalled.Store(true)
		w.ReadCloser.Close() // ends the read
	})
	start := time.Now()
	n, err := w.ReadCloser.Read(p)
	end.Stop()
	if w.got += n; w.got >= least {
		w.got, w.waited = 0, 0
	} else {
		w.waited += time.Since(start)
	}
	if err != nil && w.stalled.Load() {
		err = errStalled
	}
	return n, err
}
