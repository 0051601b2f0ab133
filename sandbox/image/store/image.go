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
	DiffID string // digest of the tar, which names the directory
	Digest string // of the blob
	Size   int64  // of the blob, in bytes
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

// Size is that of all blobs of layers, in bytes.
func (i Image) Size() (n int64) {
	for _, l := range i.Layers {
		n += l.Size
	}
	return n
}
