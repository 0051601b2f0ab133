package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// A pulled image is one that the registry has.
type pulled struct {
	title, ref string
	blobs      []string
	data       string // where sbx has it
}

func measurePulls(w io.Writer, dir string, rounds int) error {
	images, err := pulls(dir)
	if err != nil {
		return err
	}
	for _, i := range images {
		t := i.table(dir)
		t.measure(rounds)
		t.print(w)
		i.print(w, dir)
	}
	t := images[0].cached(dir)
	t.measure(rounds * 4)
	t.print(w)
	return nil
}

// pulls makes the images and their registry.
func pulls(dir string) (images []pulled, err error) {
	host, err := serveRegistry(filepath.Join(dir, "registry"))
	if err != nil {
		return nil, err
	}
	for _, c := range []struct {
		name, title string
		each        int64
		fill        func(w *layerWriter) error
	}{
		{"large", "200 MB of /usr/lib and /usr/share in four layers", 50_000_000, func(w *layerWriter) error {
			n, err := w.add("/usr/share", 80_000_000)
			if err == nil {
				_, err = w.add("/usr/lib", 200_000_000-n)
			}
			return err
		}},
		{"many", "50,000 files of 750 bytes in two layers", 19_500_000, func(w *layerWriter) error { return w.addFiles(50_000) }},
	} {
		w := &layerWriter{dir: filepath.Join(dir, c.name), each: c.each}
		if err := os.MkdirAll(w.dir, 0o755); err != nil {
			return nil, err
		}
		if err := w.addTrue(dir + "/root/bin/true"); err != nil {
			return nil, err
		}
		if err := c.fill(w); err != nil {
			return nil, err
		}
		if err := w.end(); err != nil {
			return nil, err
		}
		img, err := w.image(filepath.Join(dir, "registry/sha256"))
		if err != nil {
			return nil, err
		}
		ref, err := push(host, c.name+":1", img)
		if err != nil {
			return nil, err
		}
		images = append(images, pulled{c.title, ref, w.layers, filepath.Join(dir, "data-"+c.name)})
	}
	return images, nil
}

// podman has its storage in a directory. It takes overlay by itself for the directory
// that it has by default; for another it would take vfs, which copies each layer.
func podman(storage string) string {
	return "podman --storage-driver overlay --cgroup-manager cgroupfs --root " + storage + "/root --runroot " + storage + "/run "
}

func (i pulled) table(dir string) table {
	floor := []string{"sh", "-c", "for l; do sha256sum $l >/dev/null; zcat $l | tar -C FRESH -x; done", "sh"}
	t := table{title: "pull and unpack, nothing there before: " + i.title, reference: "podman pull", rows: []*row{
		{name: "sha256sum, and zcat | tar x (the floor)", command: append(floor, i.blobs...)},
		{name: "sbx pull", command: words("env XDG_DATA_HOME=FRESH " + dir + "/sbx pull -q " + i.ref)},
		{name: "podman pull", command: words(podman("FRESH") + "pull -q --tls-verify=false " + i.ref)},
		{name: "skopeo copy, umoci unpack", command: []string{"sh", "-c",
			"skopeo copy -q --src-tls-verify=false docker://" + i.ref + " oci:FRESH/oci:x && umoci unpack --rootless --image FRESH/oci:x FRESH/bundle"}},
	}}
	for _, r := range t.rows {
		r.fresh = filepath.Join(dir, "fresh")
	}
	return t
}

// cached runs a command in the image when it is there. The first round of each brings
// it.
func (i pulled) cached(dir string) table {
	return table{title: "a command in an image that is here", reference: "podman run", rows: []*row{
		{name: "sbx run --image", command: words("env XDG_DATA_HOME=" + i.data + " " + dir + "/sbx run -q --no-project --image " + i.ref + " -- /bin/true")},
		{name: "podman run", command: words(podman(dir+"/podman") + "run -q --rm --network none --tls-verify=false " + i.ref + " /bin/true")},
	}}
}

// print prints the peak memory of a pull, and what a store then has on the disk.
func (i pulled) print(w io.Writer, dir string) {
	all, err := watch(words("env XDG_DATA_HOME=" + i.data + " " + dir + "/sbx pull -q " + i.ref))
	if err == nil {
		fmt.Fprintf(w, "\nsbx pull, peak memory: %.1f MB, and %.1f MB that of its largest unpacker\n", all[0], slices.Max(all[1:]))
		err = printStore(w, filepath.Join(i.data, "sbx/images"))
	}
	if err != nil {
		fmt.Fprintf(w, "sbx pull  not measured: %v\n", err)
	}
}

func printStore(w io.Writer, store string) error {
	var disk int64
	sizes := map[string]int64{}
	err := filepath.Walk(store, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		if info.Mode().IsRegular() {
			part, _, _ := strings.Cut(strings.TrimPrefix(path, store+"/"), "/")
			sizes[part] += info.Size()
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			disk += st.Blocks * 512
		}
		return nil
	})
	fmt.Fprintf(w, "its store: %.1f MB of blobs and %.1f MB of files take %.1f MB of the disk\n", float64(sizes["blobs"])/1e6, float64(sizes["layers"])/1e6, float64(disk)/1e6)
	return err
}
