package image

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// leastPartial is the size from which on a blob that is cut is gone on with by the next
// who wants it. Smaller ones are as fast brought again.
const leastPartial = 1 << 20

// A kept blob is one on its way to the disk.
type kept struct {
	file    *os.File
	partial bool          // stays where it is when it is cut
	had     int64         // what was there of it before
	rest    io.ReadCloser // what is to come
	failed  error         // of the disk
}

// spoiled is what shows that a partial blob was not what it should be.
type spoiled struct{ error }

func (s spoiled) Unwrap() error { return s.error }

// keep begins to keep a layer's blob, or goes on with it. Where another process is at
// it, as for a layer of other layers, this one keeps its own.
func (a adder) keep(l v1.Layer, is store.Layer, work string) (k *kept, err error) {
	ranged, ok := l.(interface {
		download(ctx context.Context, at int64) io.ReadCloser
	})
	if ok && is.Size >= leastPartial {
		f, err := a.store.Partial(is.Digest)
		if err == nil {
			return resume(f, is.Size, func(at int64) io.ReadCloser { return ranged.download(a.ctx, at) })
		}
		if !errors.Is(err, store.ErrBusy) {
			return nil, err
		}
	}
	k = &kept{}
	if ok {
		k.rest = ranged.download(a.ctx, 0)
	} else if k.rest, err = l.Compressed(); err != nil {
		return nil, err
	}
	k.file, err = os.OpenFile(filepath.Join(work, "blob"), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		k.rest.Close()
		return nil, err
	}
	return k, nil
}

func resume(f *os.File, size int64, rest func(at int64) io.ReadCloser) (*kept, error) {
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, err
	}
	k := &kept{file: f, partial: true, had: info.Size()}
	if k.had > size {
		k.had = 0
		if err := k.empty(); err != nil {
			f.Close()
			return nil, err
		}
	}
	k.rest = rest(k.had)
	return k, nil
}

func (k *kept) empty() error {
	_, err := k.file.Seek(0, io.SeekStart)
	return errors.Join(err, k.file.Truncate(0))
}

// from reads all of the blob: what was there, from the disk, and then what arrives,
// which is kept. It is counted first, so that no more is kept than the blob has.
func (k *kept) from(arrived *counted) io.Reader {
	was := io.NewSectionReader(k.file, 0, k.had)
	return io.MultiReader(io.TeeReader(was, arrived), io.TeeReader(k.rest, io.MultiWriter(arrived, k)))
}

func (k *kept) Write(p []byte) (n int, err error) {
	n, k.failed = k.file.Write(p)
	return n, k.failed
}

// place puts the blob in its place when it is on the disk. The file is open still: it
// is nobody else's.
func (k *kept) place(to string) error {
	if err := k.file.Sync(); err != nil {
		return err
	}
	return store.Place(k.file.Name(), to)
}

// give says what became of a blob that is not whole. It stays where more of it may
// come; what is wrong is emptied, and spoiled if that may be of what was there before.
func (k *kept) give(err error) error {
	d, ok := k.rest.(*download)
	cut := ok && d.failed != nil && !errors.Is(d.failed, errNoRange)
	if !k.partial || cut || k.failed != nil {
		return err
	}
	if e := k.empty(); e != nil {
		return errors.Join(err, e)
	}
	if k.had > 0 {
		return spoiled{err}
	}
	return err
}

// close lets others at the blob. Nothing of one is no partial blob.
func (k *kept) close() {
	k.rest.Close()
	if info, err := k.file.Stat(); k.partial && err == nil && info.Size() == 0 {
		_ = os.Remove(k.file.Name()) // an empty file does no harm
	}
	k.file.Close()
}
