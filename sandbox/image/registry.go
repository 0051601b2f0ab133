package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
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
	if host := ref.Context().RegistryStr(); slices.Contains(o.Insecure, host) {
		plain, err := name.ParseReference(ref.Name(), name.Insecure)
		if err != nil {
			return nil, err
		}
		ref = plain
	}
	repository := ref.Context()
	auth, err := authn.Resolve(ctx, authn.DefaultKeychain, repository)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", ref, err)
	}
	guard := &guarded{next: watching{o.transport(), o.patience()}, registry: repository.RegistryStr(), insecure: o.Insecure}
	client := &patient{next: guard, pause: o.pause, say: o.say}
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
	// A layer is compressed as it is, and hashed so.
	t.DisableCompression = true
	return t
}

// guarded refuses what a registry must not have us do: talk without encryption to a
// host that nobody allowed it for, as after a redirect, or to a host of the network
// that we are in and it is not, and read a document without end.
type guarded struct {
	next     http.RoundTripper
	registry string // HOST[:PORT]
	insecure []string
}

// blobPath ends so. A repository may have "blobs" in its name, but no colon.
var blobPath = regexp.MustCompile(`/blobs/[a-z0-9]+:[0-9a-f]+$`)

var errLarge = errors.New("the registry's answer is larger than 8 MiB")

func (g *guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !g.plain(r.URL) {
		return nil, fmt.Errorf("refusing to talk to %s without encryption; --insecure-registry %s allows it", r.URL.Host, r.URL.Host)
	}
	if !g.may(r.URL) {
		return nil, fmt.Errorf("refusing to be led to %s, which is on this machine or near it", r.URL.Host)
	}
	first, redirects := asked(r)
	if redirects > maxRedirects {
		return nil, fmt.Errorf("stopped after %d redirects", maxRedirects)
	}
	answer, err := g.next.RoundTrip(r)
	if err != nil || blobPath.MatchString(first.URL.Path) {
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

// plain tells where there may be no encryption. Other registries than those on this
// machine have no business on its loopback, where redirects could lead.
func (g *guarded) plain(u *url.URL) bool {
	home := url.URL{Host: g.registry}
	return loopback(u.Hostname()) && loopback(home.Hostname()) || slices.Contains(g.insecure, u.Host)
}

// may tells whether a registry may lead to a host. What listens at a private address
// trusts who can ask it, as the metadata of clouds do.
func (g *guarded) may(u *url.URL) bool {
	return !inside(u.Hostname()) || u.Host == g.registry || slices.Contains(g.insecure, u.Host)
}

// maxRedirects is what browsers take. The client that asks for blobs has no bound.
const maxRedirects = 10

// asked is the request that redirects led from, and their number.
func asked(r *http.Request) (first *http.Request, redirects int) {
	for r.Response != nil && r.Response.Request != nil {
		r = r.Response.Request
		redirects++
	}
	return r, redirects
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
