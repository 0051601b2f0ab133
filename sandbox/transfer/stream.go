package transfer

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Kinds of frames. A frame is its kind, its length, and so many bytes; a part's begin
// with its offset.
const (
	kindHead  = 'H'
	kindEntry = 'E'
	kindPart  = 'P'
	kindSize  = 'S'
	kindEnd   = '.'
)

// maxFrame is that of an entry with two paths that are as deep as may be (maxDepth).
const maxFrame = 1 << 20

// A Writer is a Sink that writes a stream.
type Writer struct{ to *bufio.Writer }

// NewWriter makes one.
func NewWriter(to io.Writer) *Writer { return &Writer{bufio.NewWriterSize(to, partSize)} }

func (w *Writer) frame(kind byte, parts ...[]byte) error {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	if n > maxFrame {
		return fmt.Errorf("a name is too long: %d bytes", n)
	}
	head := binary.BigEndian.AppendUint32([]byte{kind}, uint32(n))
	_, err := w.to.Write(head)
	for _, p := range parts {
		if err == nil {
			_, err = w.to.Write(p)
		}
	}
	return err
}

func (w *Writer) json(kind byte, what any) error {
	b, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return w.frame(kind, b)
}

func number(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// Begin writes how it begins.
func (w *Writer) Begin(h Head) error { return w.json(kindHead, h) }

// Entry writes an entry.
func (w *Writer) Entry(e Entry) error { return w.json(kindEntry, e) }

// Part writes a part of a file.
func (w *Writer) Part(at int64, b []byte) error { return w.frame(kindPart, number(at), b) }

// EndFile writes a file's size.
func (w *Writer) EndFile(size int64) error { return w.frame(kindSize, number(size)) }

// End writes the end.
func (w *Writer) End() error {
	if err := w.frame(kindEnd); err != nil {
		return err
	}
	return w.to.Flush()
}

// ErrCut says that a stream ended before its end: who wrote it says why.
var ErrCut = errors.New("it was broken off")

// Copy gives a stream to a sink.
func Copy(to Sink, from io.Reader) error {
	r := bufio.NewReaderSize(from, partSize)
	buf := make([]byte, maxFrame)
	for {
		var head [5]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return cut(err)
		}
		n := binary.BigEndian.Uint32(head[1:])
		if n > maxFrame {
			return fmt.Errorf("a frame of %d bytes", n)
		}
		b := buf[:n]
		if _, err := io.ReadFull(r, b); err != nil {
			return cut(err)
		}
		if head[0] == kindEnd {
			return to.End()
		}
		if err := give(to, head[0], b); err != nil {
			return err
		}
	}
}

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrCut
	}
	return err
}

func give(to Sink, kind byte, b []byte) error {
	switch {
	case kind == kindHead:
		var h Head
		if err := json.Unmarshal(b, &h); err != nil {
			return err
		}
		return to.Begin(h)
	case kind == kindEntry:
		var e Entry
		if err := json.Unmarshal(b, &e); err != nil {
			return err
		}
		return to.Entry(e)
	case kind == kindPart && len(b) >= 8:
		return to.Part(int64(binary.BigEndian.Uint64(b)), b[8:])
	case kind == kindSize && len(b) == 8:
		return to.EndFile(int64(binary.BigEndian.Uint64(b)))
	}
	return fmt.Errorf("a frame of kind %q and %d bytes", kind, len(b))
}
