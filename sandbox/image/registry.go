package image

import (
	"bytes"
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
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// openRegistry finds an image in a registry, with the credentials of docker's and
// podman's own files and helpers. An index is followed to the platform's image.
func openRegistry(ctx context.Context, ref name.Reference, o Options) (v1.Image, error) {
	repository := ref.Context()
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, repository)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	client := &patient{next: &guarded{next: o.transport(), insecure: o.Insecure}, pause: o.pause, say: o.say}
	through, err := transport.NewWithContext(ctx, repository.Registry, auth, transport.NewUserAgent(client, "sbx"), []string{repository.Scope(transport.PullScope)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	img, err := fromRegistry(ctx, ref, through, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	return &registryImage{Image: img, blobs: blobs{repository, &http.Client{Transport: through}, o.pause}, ctx: ctx}, nil
}

func fromRegistry(ctx context.Context, ref name.Reference, through http.RoundTripper, o Options) (v1.Image, error) {
	d, err := remote.Get(ref, remote.WithContext(ctx), remote.WithPlatform(o.platform()), remote.WithTransport(through))
	if err != nil {
		return nil, err
	}
	if !d.MediaType.IsIndex() {
		return d.Image()
	}
	index, err := d.ImageIndex()
	if err != nil {
		return nil, err
	}
	return pick(index, "", o.platform(), 1)
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
// host that nobody allowed it for, as after a redirect, or to a host of the network
// that we are in and it is not, and read a document without end.
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
	first := asked(r)
	if host := r.URL.Hostname(); host != first.URL.Hostname() && inside(host) {
		return nil, fmt.Errorf("refusing to go from %s to %s, where it sends us", first.URL.Host, r.URL.Host)
	}
	answer, err := g.next.RoundTrip(r)
	if err != nil || strings.Contains(first.URL.Path, "/blobs/") {
		return answer, err
	}
	// Here, so that one which is cut is asked for again.
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument+1))
	if err == nil && len(text) > maxDocument {
		err = errLarge
	}
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(text))
	return answer, nil
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

// inside tells whether an address is one of this machine or of the network that it is
// in, such as that where a cloud gives its machines their credentials.
func inside(host string) bool {
	host, _, _ = strings.Cut(host, "%")
	ip := net.ParseIP(host)
	return loopback(host) || ip != nil && (ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified())
}
