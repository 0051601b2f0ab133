package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// blobs are those of a repository.
type blobs struct {
	of     name.Repository
	client *http.Client
	pause  time.Duration
}

// errNoRange says that a blob cannot be had from where it was asked for.
var errNoRange = errors.New("the registry has nothing from there on")

// open asks for a blob from a byte on. Where the registry gives all of it, what is
// before is skipped.
func (b blobs) open(ctx context.Context, is v1.Descriptor, at int64) (io.ReadCloser, error) {
	u := url.URL{Scheme: b.of.Scheme(), Host: b.of.RegistryStr(), Path: fmt.Sprintf("/v2/%s/blobs/%s", b.of.RepositoryStr(), is.Digest)}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if at > 0 {
		r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", at, is.Size-1))
	}
	answer, err := b.client.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its address may hold a signature that is nobody's business
			err = u.Err
		}
		return nil, err
	}
	if err = begins(answer, is, at); err != nil {
		answer.Body.Close()
		return nil, err
	}
	return answer.Body, nil
}

// begins checks that an answer is what was asked for, and skips what was not.
func begins(answer *http.Response, is v1.Descriptor, at int64) error {
	switch answer.StatusCode {
	case http.StatusOK:
		if answer.ContentLength >= 0 && answer.ContentLength != is.Size {
			return fmt.Errorf("the registry gives %d bytes, and its manifest says %d", answer.ContentLength, is.Size)
		}
		_, err := io.CopyN(io.Discard, answer.Body, at)
		return err
	case http.StatusPartialContent:
		var from int64
		if _, err := fmt.Sscanf(answer.Header.Get("Content-Range"), "bytes %d-", &from); err != nil || from != at {
			return errNoRange
		}
		return nil
	case http.StatusRequestedRangeNotSatisfiable:
		return errNoRange
	}
	return transport.CheckError(answer, http.StatusOK)
}

// download is a blob from a byte on, which goes on where it is cut.
func (b blobs) download(ctx context.Context, is v1.Descriptor, at int64) io.ReadCloser {
	open := func(at int64) (io.ReadCloser, error) { return b.open(ctx, is, at) }
	return &download{ctx: ctx, open: open, at: at, end: is.Size, pause: pauseOr(b.pause)}
}

// A registryImage is one whose blobs can be had from a byte on.
type registryImage struct {
	v1.Image
	blobs  blobs
	ctx    context.Context
	config []byte
}

// RawConfigFile is read again where it is cut, as layers are.
func (i *registryImage) RawConfigFile() ([]byte, error) {
	if i.config != nil {
		return i.config, nil
	}
	manifest, err := i.Manifest()
	if err != nil {
		return nil, err
	}
	if manifest.Config.Data != nil {
		return i.Image.RawConfigFile()
	}
	from := i.blobs.download(i.ctx, manifest.Config, 0)
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, maxDocument))
	if err == nil {
		i.config = text // whose digest describe checks
	}
	return text, err
}

func (i *registryImage) ConfigFile() (*v1.ConfigFile, error) {
	text, err := i.RawConfigFile()
	if err != nil {
		return nil, err
	}
	return v1.ParseConfigFile(bytes.NewReader(text))
}

func (i *registryImage) Layers() ([]v1.Layer, error) {
	layers, err := i.Image.Layers()
	if err != nil {
		return nil, err
	}
	manifest, err := i.Manifest()
	if err != nil {
		return nil, err
	}
	for n, is := range manifest.Layers {
		// Those that are in the manifest or elsewhere too are had as a whole.
		if n < len(layers) && is.Data == nil && len(is.URLs) == 0 {
			layers[n] = registryLayer{layers[n], i.blobs, is}
		}
	}
	return layers, nil
}

// A registryLayer can be had from a byte on.
type registryLayer struct {
	v1.Layer
	blobs blobs
	is    v1.Descriptor
}

func (l registryLayer) download(ctx context.Context, at int64) io.ReadCloser {
	return l.blobs.download(ctx, l.is, at)
}
