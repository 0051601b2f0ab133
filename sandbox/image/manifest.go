package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const (
	// maxDocument is the size of what is read whole: manifests, indexes,
	// configurations.
	maxDocument = 8 << 20
	// maxNesting is more than any of them needs.
	maxNesting = 64
)

// manifestOf reads the manifest of an image that was said to be of a media type. It
// refuses what another program could take for something else (CVE-2021-41190).
func manifestOf(text []byte, as types.MediaType) (*v1.Manifest, error) {
	if err := document(text, as, "manifests", "fsLayers"); err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	if as.IsIndex() || as.IsSchema1() {
		return nil, fmt.Errorf("its manifest was said to be %q", as)
	}
	var m v1.Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("its manifest: %w", err)
	}
	switch {
	case m.MediaType.IsImage():
	case m.MediaType != "":
		return nil, fmt.Errorf("its manifest says to be %q", m.MediaType)
	case as.IsImage():
		m.MediaType = as
	default: // a server that knows no media types
		m.MediaType = types.OCIManifestSchema1
	}
	// Minus one means unknown to what reads it, and then there is no end.
	if m.Config.Size < 0 || m.Config.Size > maxDocument {
		return nil, fmt.Errorf("its configuration has %d bytes, more than %d", m.Config.Size, maxDocument)
	}
	if m.Config.Digest.Algorithm != "sha256" {
		return nil, errors.New("the digest of its configuration is no SHA-256")
	}
	if len(m.Layers) > maxLayers {
		return nil, fmt.Errorf("it has %d layers, more than %d", len(m.Layers), maxLayers)
	}
	for n, l := range m.Layers {
		switch {
		case l.Digest.Algorithm != "sha256":
			return nil, fmt.Errorf("layer %d of %d: its digest is no SHA-256", n+1, len(m.Layers))
		case l.Size < 0:
			return nil, fmt.Errorf("layer %d of %d: it has %d bytes", n+1, len(m.Layers), l.Size)
		case len(l.URLs) > 0:
			// Whoever wrote the manifest would have us ask any host for anything.
			return nil, fmt.Errorf("layer %d of %d is elsewhere, at %s, which is not followed", n+1, len(m.Layers), l.URLs[0])
		}
	}
	return &m, nil
}

// indexOf reads an index.
func indexOf(text []byte) (*v1.IndexManifest, error) {
	if err := document(text, "", "config", "layers", "fsLayers"); err != nil {
		return nil, fmt.Errorf("the index: %w", err)
	}
	var i v1.IndexManifest
	if err := json.Unmarshal(text, &i); err != nil {
		return nil, fmt.Errorf("the index: %w", err)
	}
	if i.MediaType != "" && !i.MediaType.IsIndex() {
		return nil, fmt.Errorf("the index says to be %q", i.MediaType)
	}
	return &i, nil
}

// document looks at what manifests and indexes have in common, and that there are
// none of the fields that only another kind has.
func document(text []byte, as types.MediaType, foreign ...string) error {
	if err := unambiguous(text); err != nil {
		return err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	folded := map[string]string{}
	for name := range fields {
		// Go's reader takes no notice of case, as that of other programs does.
		low := strings.ToLower(name)
		if other, ok := folded[low]; ok {
			return fmt.Errorf("it has %q and %q", min(name, other), max(name, other))
		}
		folded[low] = name
	}
	for _, name := range foreign {
		if _, ok := folded[strings.ToLower(name)]; ok {
			return fmt.Errorf("it has %q, and so is something else too", name)
		}
	}
	var version struct{ SchemaVersion int }
	if err := json.Unmarshal(text, &version); err != nil {
		return err
	}
	if version.SchemaVersion != 2 {
		return fmt.Errorf("schema version %d, not 2", version.SchemaVersion)
	}
	return nil
}

// unambiguous refuses JSON in which an object has a name twice: one program takes the
// first and another the last.
func unambiguous(text []byte) error {
	if len(text) > maxDocument {
		return fmt.Errorf("%d bytes, more than %d", len(text), maxDocument)
	}
	if !json.Valid(text) {
		return errors.New("it is no JSON")
	}
	type level struct {
		names map[string]bool // nil in an array
		name  bool            // a name is next
	}
	open := []level{{}}
	for d := json.NewDecoder(bytes.NewReader(text)); len(open) > 1 || d.More(); {
		token, err := d.Token()
		if err != nil {
			return err
		}
		here := &open[len(open)-1]
		if here.name {
			if name, ok := token.(string); ok {
				if here.names[name] {
					return fmt.Errorf("it has %q twice", name)
				}
				here.names[name], here.name = true, false
				continue
			}
		}
		here.name = here.names != nil
		switch token {
		case json.Delim('{'):
			open = append(open, level{map[string]bool{}, true})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
		if len(open) > maxNesting {
			return fmt.Errorf("nested deeper than %d", maxNesting)
		}
	}
	return nil
}

// same looks that a document is the one that a descriptor names.
func same(text []byte, d v1.Descriptor) error {
	if d.Digest.Algorithm != "sha256" {
		return fmt.Errorf("the digest %s is no SHA-256", d.Digest)
	}
	if int64(len(text)) != d.Size {
		return fmt.Errorf("%s has %d bytes, and its descriptor says %d", d.Digest, len(text), d.Size)
	}
	if is := digestOf(text); is != d.Digest.String() {
		return fmt.Errorf("it is %s, not %s", is, d.Digest)
	}
	return nil
}
