package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// resumes is how often a download is taken up again that does not get on.
	resumes = 5
	// headway is how much of it makes up for all cuts before.
	headway = 8 << 20
)

// A download goes on where the connection was cut (RFC 9110, "Range Requests"). It
// asks for the first byte when that is read.
type download struct {
	ctx     context.Context
	open    func(at int64) (io.ReadCloser, error)
	body    io.ReadCloser // or nil
	at, end int64
	cuts    int
	since   int64 // where the last cut was
	pause   time.Duration
	failed  error // what it came to an end by, other than its end
}

func (d *download) Read(p []byte) (int, error) {
	for d.failed == nil {
		if d.body == nil {
			if d.at == d.end {
				return 0, io.EOF
			}
			body, err := d.open(d.at)
			if err != nil {
				d.interrupted(err, (d.cuts > 0 || cut(err)) && !errors.Is(err, errNoRange))
				continue
			}
			d.body = body
		}
		n, err := d.body.Read(p)
		d.at += int64(n)
		switch {
		case err == nil || n > 0:
			return n, nil
		case d.at >= d.end && errors.Is(err, io.EOF):
			return 0, io.EOF
		case errors.Is(err, io.EOF):
			err = io.ErrUnexpectedEOF
		}
		d.interrupted(err, true)
	}
	return 0, d.failed
}

// interrupted waits before the next try, or has the download fail.
func (d *download) interrupted(err error, passes bool) {
	d.Close()
	d.body = nil
	if d.at-d.since >= headway {
		d.cuts = 0
	}
	d.since = d.at
	switch {
	case d.ctx.Err() != nil:
		d.failed = context.Cause(d.ctx)
	case !passes:
		d.failed = err
	case d.cuts == resumes:
		d.failed = fmt.Errorf("the download was cut after %d of %d bytes: %w", d.at, d.end, err)
	default:
		if err := sleep(d.ctx, d.pause<<d.cuts); err != nil {
			d.failed = err
		}
		d.cuts++
	}
}

func (d *download) Close() error {
	if d.body == nil {
		return nil
	}
	return d.body.Close()
}
