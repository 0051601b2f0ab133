package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// openRegistry finds an image in a registry, with the credentials of docker's and
// podman's own files and helpers. An index is followed to the platform's image.
func openRegistry(ctx context.Context, ref name.Reference, o Options) (v1.Image, error) {
	client := &guarded{next: o.transport(), insecure: o.Insecure}
	d, err := remote.Get(ref, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithPlatform(o.platform()), remote.WithTransport(client), remote.WithUserAgent("sbx"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	if !d.MediaType.IsIndex() {
		return d.Image()
	}
	index, err := d.ImageIndex()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	img, err := pick(index, "", o.platform(), 1)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return img, nil
}

func (o Options) transport() http.RoundTripper {
	if o.Transport != nil {
		return o.Transport
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 60 * time.Second
	return t
}

// guarded refuses what a registry must not have us do: talk without encryption to a
// host that nobody allowed it for, as after a redirect, and read a document without
// end.
type guarded struct {
	next     http.RoundTripper
	insecure []string
}

// maxDocument is the size of what is read whole: manifests, indexes, tokens.
const maxDocument = 8 << 20

var errLarge = errors.New("the registry's answer is larger than 8 MiB")

func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !loopback(r.URL.Hostname()) && !slices.Contains(g.insecure, r.URL.Host) {
		return nil, fmt.Errorf("refusing to talk to %s without encryption; --insecure-registry %s allows it", r.URL.Host, r.URL.Host)
	}
	answer, err := g.next.RoundTrip(r)
	switch {
	case err != nil:
	case strings.Contains(asked(r).URL.Path, "/blobs/"):
		resumable(r, g.next, answer)
	default:
		answer.Body = &bounded{answer.Body, maxDocument}
	}
	return answer, err
}

// asked is the request that redirects led from.
func asked(r *http.Request) *http.Request {
	for r.Response != nil && r.Response.Request != nil {
		r = r.Response.Request
	}
	return r
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// bounded is a body with an end.
type bounded struct {
	io.ReadCloser
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left == 0 {
		if n, err := b.ReadCloser.Read(make([]byte, 1)); n == 0 {
			return 0, err
		}
		return 0, errLarge
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
