package image

import (
	"net/http"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Options say how an image is brought in.
type Options struct {
	// Platform is as OS/ARCH[/VARIANT]. Empty is this machine's.
	Platform *v1.Platform
	// Insecure are registries, as HOST[:PORT], that may be talked to without
	// encryption. Those on the loopback always may.
	Insecure []string
	// MaxBytes and MaxEntries bound a layer when it is unpacked. Zero is a default.
	MaxBytes, MaxEntries int64
	// Jobs is how many layers are brought in at once. Zero is three.
	Jobs int
	// Say is told what is going on. Nil drops it.
	Say func(format string, args ...any)
	// Program is sbx-image, which unpacks.
	Program string
	// Transport is for tests.
	Transport http.RoundTripper

	pause time.Duration // before the second try; zero is half a second
}

func (o Options) platform() v1.Platform {
	if o.Platform != nil {
		return *o.Platform
	}
	return v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
}

func (o Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(format, args...)
	}
}
