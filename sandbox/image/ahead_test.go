package image

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// TestReadAhead: what is read is what there was, with its end or its error.
func TestReadAhead(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), 3*blockSize/10)
	wrong := errors.New("wrong")
	for name, c := range map[string]struct {
		from io.Reader
		err  error
	}{
		"its end":         {bytes.NewReader(text), nil},
		"a cut":           {io.MultiReader(bytes.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF},
		"an error":        {io.MultiReader(bytes.NewReader(text), iotest.ErrReader(wrong)), wrong},
		"halves":          {iotest.HalfReader(bytes.NewReader(text)), nil},
		"an end with all": {iotest.DataErrReader(bytes.NewReader(text)), nil},
	} {
		a := readAhead(c.from)
		b, err := io.ReadAll(a)
		a.end()
		if !bytes.Equal(b, text) || err != c.err {
			t.Errorf("%s: %d bytes of %d, %v", name, len(b), len(text), err)
		}
	}
}

// TestReadAheadEnds when nobody wants the rest.
func TestReadAheadEnds(t *testing.T) {
	from := &countedReads{}
	a := readAhead(from)
	if _, err := io.ReadFull(a, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	a.end()
	was := from.reads // nothing reads any more, or the race detector sees it
	if _, err := a.Read(make([]byte, 1)); err != io.ErrClosedPipe || from.reads != was {
		t.Errorf("%v, %d reads, and then %d", err, was, from.reads)
	}
}

type countedReads struct{ reads int }

func (e *countedReads) Read(p []byte) (int, error) {
	e.reads++
	return len(p), nil
}
