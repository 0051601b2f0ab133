package pack

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// yard is a directory to be packed.
type yard struct {
	t   *testing.T
	dir string
}

func newYard(t *testing.T) yard { return yard{t, t.TempDir()} }

func (y yard) at(name string) string { return filepath.Join(y.dir, name) }

func (y yard) must(errs ...error) {
	y.t.Helper()
	if err := errors.Join(errs...); err != nil {
		y.t.Fatal(err)
	}
}

func (y yard) dirs(names ...string) {
	for _, name := range names {
		y.must(os.MkdirAll(y.at(name), 0o755))
	}
}

func (y yard) file(name, text string) {
	y.must(os.WriteFile(y.at(name), []byte(text), 0o644))
}

func (y yard) gone(name string) { y.must(unix.Mknod(y.at(name), unix.S_IFCHR, 0)) }

func (y yard) attr(name, attr, value string) {
	y.must(unix.Setxattr(y.at(name), attr, []byte(value), 0))
}

func (y yard) pack(o Options) ([]byte, Report, error) {
	fd, err := unix.Open(y.dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	y.must(err)
	defer unix.Close(fd)
	var b bytes.Buffer
	r, err := Pack(fd, &b, o)
	return b.Bytes(), r, err
}

// list is a layer in words.
func list(t *testing.T, layer []byte) (lines []string) {
	t.Helper()
	r := tar.NewReader(bytes.NewReader(layer))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		line := fmt.Sprintf("%s %c", h.Name, h.Typeflag)
		for _, more := range []string{h.Linkname, string(text), h.PAXRecords["SCHILY.xattr.user.x"]} {
			if more != "" {
				line += " " + more
			}
		}
		for key := range h.PAXRecords {
			if strings.Contains(key, "overlay") || strings.Contains(key, "sbx") {
				t.Errorf("%s has %s", h.Name, key)
			}
		}
		lines = append(lines, line)
	}
}

func TestPack(t *testing.T) {
	y := newYard(t)
	y.dirs("d/e")
	y.file("d/a", "one")
	y.attr("d/a", "user.x", "attribute")
	y.must(os.Link(y.at("d/a"), y.at("b")), os.Symlink("../b", y.at("d/l")), unix.Mkfifo(y.at("d/p"), 0o600))
	y.file("new\nline\xff", "x")
	s, err := net.Listen("unix", y.at("s"))
	y.must(err)
	defer s.Close()
	layer, report, err := y.pack(Options{})
	y.must(err)
	want := []string{"./ 5", "b 0 one attribute", "d/ 5", "d/a 1 b", "d/e/ 5", "d/l 2 ../b", "d/p 6", "new\nline\xff 0 x"}
	if got := list(t, layer); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if !slices.Equal(report.Skipped, []string{"s"}) {
		t.Errorf("left out: %q", report.Skipped)
	}
}

func TestUpper(t *testing.T) {
	y := newYard(t)
	y.dirs("d/e", "opaque/x", "fuse")
	y.file("d/a", "one")
	y.gone("d/e/gone")
	y.gone("also")
	y.attr("opaque", "user.overlay.opaque", "y")
	y.attr("fuse", "user.fuseoverlayfs.opaque", "y")
	y.file("fuse/.wh..wh..opq", "")
	y.attr("d", "user.overlay.impure", "y")
	y.attr("d/a", "user.overlay.origin", "x")
	layer, _, err := y.pack(Options{Upper: true})
	y.must(err)
	want := []string{".wh.also 0", "d/ 5", "d/a 0 one", "d/e/ 5", "d/e/.wh.gone 0", "fuse/ 5", "fuse/.wh..wh..opq 0",
		"opaque/ 5", "opaque/.wh..wh..opq 0", "opaque/x/ 5"}
	if got := list(t, layer); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestPoints: what was made to be mounted on is the sandbox's and not the image's,
// unless something is in it.
func TestPoints(t *testing.T) {
	y := newYard(t)
	y.dirs("home/me/project", "etc", "opt/tools/bin", "proc", "empty", "srv/a")
	y.file("etc/hosts", "")
	y.file("etc/hostname", "written\n")
	y.file("opt/kept", "x")
	y.gone("srv/gone")
	layer, _, err := y.pack(Options{Upper: true, Points: []string{"/home/me/project", "/etc/hosts", "/etc/hostname", "/opt/tools/bin", "/proc", "/srv/a"}})
	y.must(err)
	want := []string{"empty/ 5", "etc/ 5", "etc/hostname 0 written\n", "opt/ 5", "opt/kept 0 x", "srv/ 5", "srv/.wh.gone 0"}
	if got := list(t, layer); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestMarks: a file must not turn into a mark, nor a mark of a driver that sbx does not
// use into a file.
func TestMarks(t *testing.T) {
	for name, plant := range map[string]func(y yard){
		"whiteout":   func(y yard) { y.file(".wh.etc", "") },
		"opaque":     func(y yard) { y.file(".wh..wh..opq", "text") },
		"directory":  func(y yard) { y.dirs("d/.wh.x") },
		"redirected": func(y yard) { y.dirs("d"); y.attr("d", "user.overlay.redirect", "/etc") },
	} {
		y := newYard(t)
		plant(y)
		if _, _, err := y.pack(Options{Upper: true}); err == nil {
			t.Errorf("%s: packed", name)
		}
	}
	y := newYard(t)
	y.file(".wh..wh..opq", "")
	if _, _, err := y.pack(Options{}); err == nil {
		t.Error("a root file system hides what is below it")
	}
}

// TestSame: the layer of the same files is the same, whenever they were written.
func TestSame(t *testing.T) {
	newest := time.Unix(1_700_000_000, 0)
	build := func(at time.Time, names ...string) []byte {
		y := newYard(t)
		y.dirs("d")
		for _, name := range names {
			y.file("d/"+name, name)
			y.must(os.Chtimes(y.at("d/"+name), at, at))
		}
		y.must(os.Chtimes(y.at("d"), at, at))
		layer, _, err := y.pack(Options{Upper: true, Newest: newest})
		y.must(err)
		return layer
	}
	a, b := build(newest.Add(time.Hour), "a", "b", "c"), build(newest.Add(2*time.Hour), "c", "a", "b")
	if !bytes.Equal(a, b) {
		t.Error("layers differ")
	}
	if old := build(newest.Add(-time.Hour), "a", "b", "c"); bytes.Equal(a, old) {
		t.Error("an older time is not kept")
	}
}

// TestOwner: where one id stands for all, the image's owner is in an attribute.
func TestOwner(t *testing.T) {
	y := newYard(t)
	y.file("a", "")
	y.attr("a", "user.sbx.owner", "12:34")
	layer, _, err := y.pack(Options{Upper: true})
	y.must(err)
	h, err := tar.NewReader(bytes.NewReader(layer)).Next()
	y.must(err)
	if h.Uid != 12 || h.Gid != 34 || len(h.PAXRecords) != 0 {
		t.Errorf("%+v", h)
	}
	y.attr("a", "user.sbx.owner", "root")
	if _, _, err := y.pack(Options{}); err == nil {
		t.Error("an owner that is none is taken")
	}
}
