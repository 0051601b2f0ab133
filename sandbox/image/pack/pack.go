package pack

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image/tree"
)

// Options say what a directory is.
type Options struct {
	// Upper says that it is the upper directory of an overlay.
	Upper bool
	// Points are where a sandbox mounted something. What is empty there was made to be
	// mounted on, and is not part of the layer.
	Points []string
	// Newest is the latest time that a file may have (SOURCE_DATE_EPOCH). Zero is no
	// bound.
	Newest time.Time
}

// A Report says what a layer could not take.
type Report struct {
	Skipped []string // sockets and devices
}

// Pack writes the layer of a directory.
func Pack(root int, to io.Writer, o Options) (Report, error) {
	p := packer{Options: o, tar: tar.NewWriter(to), first: map[uint64]string{}}
	for e, err := range tree.Entries(root) {
		if err == nil {
			err = p.entry(e)
		}
		if err != nil {
			return p.report, err
		}
	}
	return p.report, p.tar.Close()
}

type packer struct {
	Options
	tar   *tar.Writer
	first map[uint64]string // the name of each file that has several
	hides string            // the latest directory that was said to hide those below
	// waiting are directories that are mount points, each in the one before, of which it
	// is not known yet whether anything is in them.
	waiting []tree.Entry
	report  Report
}

func (p *packer) entry(e tree.Entry) error {
	switch mark, err := p.mark(e); {
	case err != nil:
		return err
	case mark == whiteout:
		dir, name := path.Split(e.Path)
		return errors.Join(p.flush(e.Path), p.empty(dir+whiteoutPrefix+name))
	case mark == opaque:
		return p.opaque(path.Dir(e.Path))
	}
	switch {
	case e.Path == "." && p.Upper: // which is not the image's root
	case p.isPoint(e):
		if e.Type() == unix.S_IFDIR {
			p.waiting = append(p.waiting, e)
		}
	default:
		if err := errors.Join(p.flush(e.Path), p.file(e)); err != nil {
			return fmt.Errorf("%q: %w", e.Path, err)
		}
	}
	if p.Upper && e.Type() == unix.S_IFDIR && isOpaque(e) {
		return p.opaque(e.Path)
	}
	return nil
}

// opaque writes once that a directory hides those below.
func (p *packer) opaque(dir string) error {
	if p.hides == dir {
		return nil
	}
	p.hides = dir
	return errors.Join(p.flush(dir+"/"), p.empty(path.Join(dir, opaqueName)))
}

// empty writes the file by which a layer says that something is gone.
func (p *packer) empty(name string) error {
	return p.tar.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, ModTime: time.Unix(0, 0), Format: tar.FormatPAX})
}

// flush writes the mount points in which there is something after all.
func (p *packer) flush(path string) error {
	for _, w := range p.waiting {
		if !strings.HasPrefix(path, w.Path+"/") {
			continue
		}
		if err := p.file(w); err != nil {
			return err
		}
	}
	p.waiting = nil
	return nil
}

func (p *packer) file(e tree.Entry) error {
	h, err := p.header(e)
	if err != nil || h == nil {
		return err
	}
	if h.Typeflag == tar.TypeReg && e.Stat.Nlink > 1 {
		if first, ok := p.first[e.Stat.Ino]; ok {
			h.Typeflag, h.Linkname, h.Size, h.PAXRecords = tar.TypeLink, first, 0, nil
		} else {
			p.first[e.Stat.Ino] = e.Path
		}
	}
	if err := p.tar.WriteHeader(h); err != nil || h.Size == 0 {
		return err
	}
	f, err := e.Open()
	if err != nil {
		return err
	}
	defer f.Close()
	if n, err := io.Copy(p.tar, io.LimitReader(f, h.Size)); err != nil {
		return err
	} else if n < h.Size {
		return errors.New("shorter than it was a moment ago")
	}
	return nil
}

// header describes a file, or is nil for one that a layer does not take.
func (p *packer) header(e tree.Entry) (*tar.Header, error) {
	h := &tar.Header{
		Name: e.Path, Mode: int64(e.Stat.Mode & 0o7777), Uid: int(e.Stat.Uid), Gid: int(e.Stat.Gid),
		ModTime: p.time(e.Stat.Mtim), Format: tar.FormatPAX,
	}
	switch e.Type() {
	case unix.S_IFREG:
		h.Typeflag, h.Size = tar.TypeReg, e.Stat.Size
	case unix.S_IFDIR:
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
	case unix.S_IFLNK:
		h.Typeflag, h.Linkname = tar.TypeSymlink, e.Link
	case unix.S_IFIFO:
		h.Typeflag = tar.TypeFifo
	default:
		p.report.Skipped = append(p.report.Skipped, e.Path)
		return nil, nil
	}
	return h, dress(h, e.Attributes)
}

// time is in whole seconds, as those of other tools' layers are.
func (p *packer) time(t unix.Timespec) time.Time {
	at := time.Unix(t.Sec, 0)
	if !p.Newest.IsZero() && at.After(p.Newest) {
		return p.Newest
	}
	return at
}

// dress adds attributes. Those of overlay drivers say nothing of the file, and the
// owner that it would have with more ids than one is its owner.
func dress(h *tar.Header, attributes map[string]string) error {
	for attr, value := range attributes {
		if attr == ownerAttribute {
			uid, gid, ok := strings.Cut(value, ":")
			var err, err2 error
			h.Uid, err = strconv.Atoi(uid)
			h.Gid, err2 = strconv.Atoi(gid)
			if !ok || err != nil || err2 != nil {
				return fmt.Errorf("attribute %s is %q, and not UID:GID", attr, value)
			}
			continue
		}
		if ours(attr) {
			continue
		}
		if h.PAXRecords == nil {
			h.PAXRecords = map[string]string{}
		}
		h.PAXRecords["SCHILY.xattr."+attr] = value
	}
	return nil
}
