package unpack

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const blockSize = 512

// A stream is the tar as it comes in. It knows what archive/tar does not tell:
// whether the archive had its end mark, two blocks of zeros.
type stream struct {
	from  *bufio.Reader
	left  int64
	limit int64
	zeros bool // the last block read was zeros
	dry   bool // there was nothing more to read
}

// MaxStream bounds all that is read of a tar: headers can be as long as files, and
// much can be behind the end mark.
func (o Options) MaxStream() int64 {
	byDefault(&o.MaxBytes, maxBytes)
	byDefault(&o.MaxEntries, maxEntries)
	const header, behind = 4 << 10, 1 << 20
	limit := o.MaxBytes + behind
	if room := (1<<63 - 1 - limit) / header; room >= 0 {
		return limit + min(o.MaxEntries, room)*header
	}
	return 1<<63 - 1
}

func newStream(from io.Reader, o Options) *stream {
	limit := o.MaxStream()
	return &stream{from: bufio.NewReaderSize(from, readSize), left: limit, limit: limit}
}

var zeroBlock [blockSize]byte

func (s *stream) Read(p []byte) (n int, err error) {
	if s.left <= 0 {
		return 0, fmt.Errorf("the stream is longer than %d bytes", s.limit)
	}
	if len(p) == blockSize && s.left >= blockSize {
		n, err = io.ReadFull(s.from, p)
		if err == nil {
			s.zeros = bytes.Equal(p, zeroBlock[:])
		}
	} else {
		n, err = s.from.Read(p[:min(int64(len(p)), s.left)])
	}
	s.left -= int64(n)
	s.dry = s.dry || err == io.EOF
	return n, err
}

// finish reads what is behind the archive, and gives io.EOF if the archive was
// whole. One block of zeros is half an end mark, and as much as GNU tar wants.
func (s *stream) finish(buf []byte) error {
	if s.dry && !s.zeros {
		return errors.New("the tar ends early, without an end mark")
	}
	for {
		if _, err := s.Read(buf); err != nil {
			return err
		}
	}
}

// early says what the end of the stream means within an archive.
func early(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
		return errors.New("the tar ends early")
	}
	return err
}
