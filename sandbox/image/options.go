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
	// MaxBytes, MaxEntries and MaxPath, in bytes, bound a layer when it is unpacked. Zero
	// is a default.
	MaxBytes, MaxEntries int64
	MaxPath              int
	// Jobs is how many layers are brought in at once. Zero is three.
	Jobs int
	// Newest bounds the times of files that are packed, and is the time of images that
	// are made (SOURCE_DATE_EPOCH). Zero is now, and bounds nothing.
	Newest time.Time
	// Say is told what is going on. Nil drops it.
	Say func(format string, args ...any)
	// Progress is told how much of a layer has arrived, and at last that it is unpacked.
	// Layers are brought at once, so it is called from several goroutines. Nil has Say
	// told of each layer instead.
	Progress func(layer store.Layer, arrived int64, unpacked bool)
	// Program is sbx-image, which unpacks.
	Program string
	// Patience is how long a registry is waited for that sends next to nothing. Zero
	// is a minute.
	Patience time.Duration
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

// now is when what is made here is made.
func (o Options) now() time.Time {
	if o.Newest.IsZero() {
		return time.Now().UTC().Truncate(time.Second)
	}
	return o.Newest
}

func (o Options) patience() time.Duration {
	if o.Patience > 0 {
		return o.Patience
	}
	return time.Minute
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
