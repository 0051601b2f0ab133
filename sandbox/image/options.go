package image

import (
	"net/http"
	"runtime"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/sbxrun/sbx/sandbox/image/store"
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
	// Progress is told how much of a layer has arrived, and at last that it is unpacked.
	// Layers are brought at once, so it is called from several goroutines. Nil has Say
	// told of each layer instead.
	Progress func(layer store.Layer, arrived int64, unpacked bool)
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

func (o Options) begins(l store.Layer) {
	if o.Progress != nil {
		o.Progress(l, 0, false)
		return
	}
	o.say("layer %s, %s", l.Digest[7:19], bytesOf(l.Size))
}

func (o Options) arrived(l store.Layer, n int64, unpacked bool) {
	if o.Progress != nil {
		o.Progress(l, n, unpacked)
	}
}
