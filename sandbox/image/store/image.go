package store

// An Image is what is known of a manifest whose layers are all there.
type Image struct {
	Manifest string // digest
	Type     string // media type of the manifest
	Length   int64  // of the manifest, in bytes
	ID       string // digest of the configuration
	OS, Arch string
	Created  string `json:",omitempty"`
	// Layers are in the order of the manifest, the lowest first.
	Layers []Layer
	// Config is how the image wants to be run.
	Config Config
}

// A Layer is one of an image's.
type Layer struct {
	DiffID string // digest of the tar
	Digest string // of the blob
	Size   int64  // of the blob, in bytes
	// Chain names the directory: the chain id, a digest of the diff ids from the
	// lowest layer up to this one (OCI image specification, "Layer ChainID"). What a
	// layer is unpacked to depends on those below: where they have a link, a file of
	// this one goes.
	Chain string
	// Opaque says that it hides all layers below.
	Opaque bool `json:",omitempty"`
}

// Config is what of an image's configuration says how to run it (OCI image
// specification, "Image Configuration").
type Config struct {
	User         string              `json:",omitempty"`
	ExposedPorts map[string]struct{} `json:",omitempty"`
	Env          []string            `json:",omitempty"`
	Entrypoint   []string            `json:",omitempty"`
	Cmd          []string            `json:",omitempty"`
	Volumes      map[string]struct{} `json:",omitempty"`
	WorkingDir   string              `json:",omitempty"`
	Labels       map[string]string   `json:",omitempty"`
	StopSignal   string              `json:",omitempty"`
}

// Union are the layers that the image is seen in, the lowest first.
func (i Image) Union() []Layer {
	for n := len(i.Layers) - 1; n > 0; n-- {
		if i.Layers[n].Opaque {
			return i.Layers[n:]
		}
	}
	return i.Layers
}

// Size is that of all blobs of layers, in bytes.
func (i Image) Size() (n int64) {
	for _, l := range i.Layers {
		n += l.Size
	}
	return n
}
