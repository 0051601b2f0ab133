package image

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image/store"
	"github.com/sbxrun/sbx/sandbox/image/unpack"
)

// transfer reads a layer once, which is counted as it arrives, and decompressed,
// hashed again and unpacked.
func (a adder) transfer(from io.Reader, arrived *counted, known []store.Layer, n int, dir string) error {
	is := known[n]
	in := bufio.NewReaderSize(from, 256<<10)
	plain, _, err := decompress(in)
	if err != nil {
		return err
	}
	defer plain.Close()
	ahead := readAhead(plain)
	defer context.AfterFunc(a.ctx, func() { ahead.Close() })() // from the disk it could take long yet
	stop := syncMeanwhile(dir)
	defer stop()
	diff := sha256.New()
	unpacked := a.unpack(io.TeeReader(ahead, diff), known[:n], dir)
	ahead.end()
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	if unpacked == nil {
		_, unpacked = io.Copy(io.Discard, in) // what is behind the compressed stream
	}
	if err := arrived.check(unpacked); err != nil {
		return err
	}
	if id := hashOf(diff).String(); id != is.DiffID {
		return fmt.Errorf("unpacked it is %s, not %s as the configuration says", id, is.DiffID)
	}
	return syncTree(dir)
}

// counted hashes and counts what arrives of a layer, and fails beyond what there is
// to be.
type counted struct {
	is   store.Layer
	sum  hash.Hash
	n    int64
	over bool
	tell func(is store.Layer, n int64, unpacked bool)
}

// newCounted tells what arrives to tell, if there is one.
func newCounted(is store.Layer, tell func(is store.Layer, n int64, unpacked bool)) *counted {
	return &counted{is: is, sum: sha256.New(), tell: tell}
}

func (c *counted) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	if c.n > c.is.Size {
		c.over = true
		return 0, errors.New("too many bytes")
	}
	if c.tell != nil {
		c.tell(c.is, c.n, false)
	}
	return c.sum.Write(p)
}

// check tells whether what arrived is the blob, and if not, what else went wrong.
func (c *counted) check(err error) error {
	switch digest := hashOf(c.sum).String(); {
	case c.over:
		return fmt.Errorf("it is larger than the %d bytes that its manifest says", c.is.Size)
	case err != nil:
		return err
	case c.n != c.is.Size:
		return fmt.Errorf("it has %d bytes, and its manifest says %d", c.n, c.is.Size)
	case digest != c.is.Digest:
		return fmt.Errorf("its digest is %s, not %s", digest, c.is.Digest)
	}
	return nil
}

func hashOf(sum hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
}

// decompress goes by what the stream begins with: media types lie. It gives the one
// that the stream has as a layer.
func decompress(in *bufio.Reader) (io.ReadCloser, types.MediaType, error) {
	begins, err := in.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	switch {
	case bytes.HasPrefix(begins, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(in)
		return z, types.OCILayer, err
	case bytes.Equal(begins, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, "", err
		}
		return z.IOReadCloser(), types.OCILayerZStd, nil
	}
	return io.NopCloser(in), types.OCIUncompressedLayer, nil
}

// unpack has the helper unpack a tar into a directory, over layers.
func (a adder) unpack(tar io.Reader, below []store.Layer, dir string) error {
	args := []string{"unpack", "--max-bytes", strconv.FormatInt(a.options.MaxBytes, 10), "--max-entries", strconv.FormatInt(a.options.MaxEntries, 10),
		"--max-path", strconv.Itoa(a.options.MaxPath)}
	if a.helper.single != nil {
		args = append(args, "--squash")
	}
	for _, l := range slices.Backward(below) {
		path, err := a.store.LayerRoot(l.Chain)
		if err != nil {
			return err
		}
		args = append(args, "--lower", path)
		if l.Opaque {
			break
		}
	}
	out, err := a.helper.run(dir, tar, append(args, dir)...)
	if err != nil {
		return err
	}
	var report unpack.Report
	if err := json.Unmarshal(out, &report); err != nil {
		return fmt.Errorf("the unpacker's report: %w", err)
	}
	if !report.Opaque {
		return nil
	}
	return os.WriteFile(filepath.Join(filepath.Dir(dir), store.LayerOpaque), nil, 0o600)
}

// syncMeanwhile begins to write to the disk what is unpacked, which the kernel would
// do in seconds: little is left to wait for at the end then.
func syncMeanwhile(dir string) (stop func()) {
	ended, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-ended:
				return
			case <-time.After(200 * time.Millisecond):
				_ = syncTree(dir) // the sync at the end tells what is wrong
			}
		}
	}()
	return func() {
		close(ended)
		<-stopped
	}
}

// syncTree has all of a tree on the disk, by the file system that it is in.
func syncTree(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Syncfs(int(f.Fd())); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}
