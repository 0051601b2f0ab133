package image

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// resumes is how often a blob's download is taken up again where it was cut.
const resumes = 5

// A resumed body goes on where the connection was cut (RFC 9110, "Range Requests").
type resumed struct {
	request *http.Request
	next    http.RoundTripper
	body    io.ReadCloser
	at, end int64
	tries   int
	pause   time.Duration
}

// resumable makes the body of a blob's answer one that goes on.
func resumable(r *http.Request, next http.RoundTripper, answer *http.Response) {
	if r.Method == http.MethodGet && answer.StatusCode == http.StatusOK && answer.ContentLength > 0 {
		answer.Body = &resumed{request: r, next: next, body: answer.Body, end: answer.ContentLength, pause: 200 * time.Millisecond}
	}
}

func (b *resumed) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.at += int64(n)
	switch {
	case err == nil || n > 0:
		return n, nil
	case b.at >= b.end && errors.Is(err, io.EOF):
		return 0, io.EOF
	case b.tries == resumes || b.request.Context().Err() != nil:
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return 0, fmt.Errorf("the download was cut after %d of %d bytes: %w", b.at, b.end, err)
	}
	b.tries++
	return 0, b.again()
}

// again asks for the rest. Where it is not to be had the next read ends at once, and
// asks again.
func (b *resumed) again() error {
	b.body.Close()
	b.body = http.NoBody
	select {
	case <-time.After(b.pause):
	case <-b.request.Context().Done():
		return b.request.Context().Err()
	}
	b.pause *= 2
	r := b.request.Clone(b.request.Context())
	r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", b.at, b.end-1))
	answer, err := b.next.RoundTrip(r)
	if err != nil {
		return nil
	}
	switch answer.StatusCode {
	case http.StatusPartialContent:
		b.body = answer.Body
		return nil
	case http.StatusOK: // it begins anew
		if _, err := io.CopyN(io.Discard, answer.Body, b.at); err == nil {
			b.body = answer.Body
			return nil
		}
	}
	answer.Body.Close()
	return nil
}

func (b *resumed) Close() error { return b.body.Close() }
