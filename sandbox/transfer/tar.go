package transfer

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// A TarWriter is a Sink that writes a tar.
type TarWriter struct {
	tar  *tar.Writer
	base string
	at   int64 // of the latest file, what is written
	size int64
}

// NewTarWriter makes one.
func NewTarWriter(to io.Writer) *TarWriter { return &TarWriter{tar: tar.NewWriter(to)} }

// Begin remembers how the source is called.
func (w *TarWriter) Begin(h Head) error {
	w.base = string(h.Base)
	if h.Contents {
		w.base = "."
	}
	return nil
}

func (w *TarWriter) name(p []byte) string {
	if len(p) == 0 {
		return w.base
	}
	return w.base + "/" + string(p)
}

// Entry writes a header. Setuid bits are not among what is handed out: who unpacks a tar
// may be root.
func (w *TarWriter) Entry(e Entry) error {
	h := &tar.Header{
		Name: w.name(e.Path), Mode: int64(e.Mode &^ (unix.S_ISUID | unix.S_ISGID)), Uid: int(e.UID), Gid: int(e.GID), ModTime: e.Modified, Format: tar.FormatPAX,
	}
	switch {
	case e.Type == unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
	case e.Same != nil:
		h.Typeflag, h.Linkname = tar.TypeLink, w.name(e.Same)
	case e.Type == unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, e.Size
	case e.Type == unix.S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, string(e.Link)
	case e.Type == unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	}
	w.at, w.size = 0, h.Size
	if err := w.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("%q: %w", e.Path, err)
	}
	return nil
}

var zeros [partSize]byte

// fill writes what a hole is read as.
func (w *TarWriter) fill(to int64) error {
	for w.at < to {
		n, err := w.tar.Write(zeros[:min(partSize, to-w.at)])
		if w.at += int64(n); err != nil {
			return err
		}
	}
	return nil
}

// Part writes a part of a file.
func (w *TarWriter) Part(at int64, b []byte) error {
	if err := w.fill(at); err != nil {
		return err
	}
	n, err := w.tar.Write(b)
	w.at += int64(n)
	return err
}

// EndFile writes the rest: one that has become shorter has been announced longer.
func (w *TarWriter) EndFile(int64) error { return w.fill(w.size) }

// End writes the end.
func (w *TarWriter) End() error { return w.tar.Close() }

// ReadTar gives what is in a tar to a sink.
func ReadTar(from io.Reader, to Sink, warn func(error)) error {
	if err := to.Begin(Head{Contents: true, Implied: true, Directory: true}); err != nil {
		return err
	}
	r := tar.NewReader(from)
	buf := make([]byte, partSize)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return to.End()
		}
		if err != nil && !errors.Is(err, tar.ErrInsecurePath) {
			return fmt.Errorf("the tar: %w", err)
		}
		e, ok := entryOfTar(h)
		if !ok {
			warn(fmt.Errorf("%q: an entry of type %q is not copied", h.Name, h.Typeflag))
			continue
		}
		if err := to.Entry(e); err != nil {
			return err
		}
		if e.Type == unix.S_IFREG && e.Same == nil {
			if err := tarContent(r, to, buf); err != nil {
				return err
			}
		}
	}
}

func tarContent(r *tar.Reader, to Sink, buf []byte) error {
	for at := int64(0); ; {
		n := 0
		var err error
		for n < len(buf) && err == nil {
			var m int
			m, err = r.Read(buf[n:])
			n += m
		}
		if err != nil && err != io.EOF {
			return fmt.Errorf("the tar: %w", err)
		}
		if n > 0 && !allZeros(buf[:n]) {
			if err := to.Part(at, buf[:n]); err != nil {
				return err
			}
		}
		if at += int64(n); err == io.EOF {
			return to.EndFile(at)
		}
	}
}

func allZeros(b []byte) bool { return string(b) == string(zeros[:len(b)]) }

// entryOfTar reads a header. No path leads up: ".." at the top is the top, as in a root.
func entryOfTar(h *tar.Header) (e Entry, ok bool) {
	e = Entry{Path: tarPath(h.Name), Mode: uint32(h.Mode) & 0o7777, UID: uint32(h.Uid), GID: uint32(h.Gid), Modified: h.ModTime, Size: h.Size}
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeGNUSparse, tar.TypeCont:
		e.Type = unix.S_IFREG
	case tar.TypeLink:
		e.Type, e.Same = unix.S_IFREG, tarPath(h.Linkname)
	case tar.TypeDir:
		e.Type = unix.S_IFDIR
	case tar.TypeSymlink:
		e.Type, e.Link = unix.S_IFLNK, []byte(h.Linkname)
	case tar.TypeFifo:
		e.Type = unix.S_IFIFO
	default:
		return e, false
	}
	return e, e.Type == unix.S_IFDIR || len(e.Path) > 0
}

func tarPath(name string) []byte { return []byte(strings.TrimPrefix(path.Clean("/"+name), "/")) }
