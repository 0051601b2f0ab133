package store

import (
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// index writes index.json anew, which tells other tools what images there are. Our
// own do not read it.
func (s Store) index() error {
	lock, err := s.lock("index.lock", unix.LOCK_EX)
	if err != nil {
		return err
	}
	defer lock.Unlock()
	type descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int64             `json:"size"`
		Annotations map[string]string `json:"annotations,omitempty"`
	}
	list := struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []descriptor `json:"manifests"`
	}{2, "application/vnd.oci.image.index.v1+json", []descriptor{}}
	names, err := s.Names()
	if err != nil {
		return err
	}
	for _, n := range names {
		if n.Name != n.Full {
			continue
		}
		i, err := s.image(n.Manifest)
		if err != nil {
			continue // it is being removed
		}
		list.Manifests = append(list.Manifests, descriptor{i.Type, i.Manifest, i.Length, map[string]string{"org.opencontainers.image.ref.name": n.Full}})
	}
	slices.SortFunc(list.Manifests, func(a, b descriptor) int {
		return strings.Compare(a.Annotations["org.opencontainers.image.ref.name"], b.Annotations["org.opencontainers.image.ref.name"])
	})
	return s.writeJSON(filepath.Join(s.dir, "index.json"), list)
}
