package image

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"

	"github.com/sbxrun/sbx/sandbox/image/pack"
)

// packLayer makes a compressed layer of a directory, in work. The flags are those of
// sbx-image pack.
func packLayer(h helper, o Options, dir, work string, flags ...string) (l fileLayer, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return l, err
	}
	f, err := os.Create(filepath.Join(work, "packed"))
	if err != nil {
		return l, err
	}
	defer f.Close()
	z := gzip.NewWriter(f) // with no time and no name in its header
	args := append([]string{"pack"}, flags...)
	if !o.Newest.IsZero() {
		args = append(args, "--newest", strconv.FormatInt(o.Newest.Unix(), 10))
	}
	report, err := os.Create(filepath.Join(work, "report"))
	if err != nil {
		return l, err
	}
	defer report.Close()
	err = h.stream(work, bytes.NewReader(nil), z, append(args, "--report", report.Name(), dir)...)
	if err = errors.Join(err, z.Close()); err != nil {
		return l, err
	}
	var r pack.Report
	if err := json.NewDecoder(report).Decode(&r); err != nil {
		return l, fmt.Errorf("the packer's report: %w", err)
	}
	for _, path := range r.Skipped {
		o.say("%s is left out: a layer has no sockets, and sbx puts no devices in one", path)
	}
	return newFileLayer(f.Name(), o)
}

// openDir makes the image whose only layer is a root file system. In it the caller's
// files are root's, as with sbx run --rootfs.
func openDir(dir, work string, h helper, o Options) (v1.Image, error) {
	l, err := packLayer(h, o, dir, work)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	at := v1.Time{Time: o.now()}
	img, err := mutate.ConfigFile(blank(), &v1.ConfigFile{OS: "linux", Architecture: runtime.GOARCH, Created: at})
	if err != nil {
		return nil, err
	}
	return mutate.Append(img, mutate.Addendum{Layer: l, History: v1.History{Created: at, CreatedBy: "sbx image import"}})
}

// as has a layer's media type be of the kind that the image's others are: a docker
// manifest names no OCI layers.
func (l fileLayer) as(manifest types.MediaType) fileLayer {
	if manifest == types.DockerManifestSchema2 {
		l.mediaType = types.DockerLayer
	}
	return l
}
