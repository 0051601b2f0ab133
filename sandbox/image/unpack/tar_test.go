package unpack

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// TestLikeTar: what GNU tar writes is unpacked as GNU tar unpacks it, sparse files
// of every form among it.
func TestLikeTar(t *testing.T) {
	needRoot(t)
	if _, err := exec.LookPath("tar"); err != nil && os.Getenv("SBX_MUST_WORK") != "1" {
		t.Skip(err)
	}
	y := newYard(t)
	defer y.remove()
	source := filepath.Join(y.top, "source")
	makeSource(t, source)
	for i, format := range [][]string{
		{"--format=gnu"}, {"--format=gnu", "--sparse"}, {"--format=posix"}, {"--format=ustar"},
		{"--format=posix", "--sparse", "--sparse-version=0.0"}, {"--format=posix", "--sparse", "--sparse-version=0.1"},
		{"--format=posix", "--sparse", "--sparse-version=1.0"}, {"--format=posix", "--xattrs"},
	} {
		t.Run(strings.Join(format, " "), func(t *testing.T) {
			layer := run(t, nil, append([]string{"-C", source, "-c", "--numeric-owner"}, append(format, ".")...)...)
			theirs, ours := filepath.Join(y.top, fmt.Sprint("theirs", i)), filepath.Join(y.top, fmt.Sprint("ours", i))
			for _, dir := range []string{theirs, ours} {
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			}
			run(t, layer, "-C", theirs, "-x", "-p", "--numeric-owner", "--xattrs")
			fd := openAs(t, ours)
			defer unix.Close(fd)
			report, err := Unpack(fd, bytes.NewReader(layer), Options{})
			if err != nil {
				t.Fatal(report, err)
			}
			if d := cmp.Diff(timed(t, theirs), timed(t, ours)); d != "" {
				t.Error(d)
			}
		})
	}
}

func run(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	var out, warnings bytes.Buffer
	cmd := exec.Command("tar", args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(in), &out, &warnings
	if err := cmd.Run(); err != nil {
		t.Fatalf("tar %s: %v\n%s", args, err, &warnings)
	}
	return out.Bytes()
}

func makeSource(t *testing.T, at string) {
	t.Helper()
	deep := filepath.Join(at, "deep", strings.Repeat("d", 60))
	sparse := filepath.Join(deep, "sparse")
	errs := []error{
		os.MkdirAll(deep, 0o755), os.WriteFile(filepath.Join(at, "suid"), []byte("x"), 0o755), os.Chmod(filepath.Join(at, "suid"), 0o755|os.ModeSetuid),
		os.WriteFile(sparse, []byte("begin"), 0o640), os.Link(sparse, filepath.Join(at, "second")), os.Symlink("/etc/../x", filepath.Join(at, "link")),
		unix.Mkfifo(filepath.Join(deep, "fifo"), 0o622), os.WriteFile(filepath.Join(at, "\xff\xfe"), nil, 0), os.Chmod(filepath.Join(at, "deep"), 0o1770),
		os.Truncate(sparse, 9<<20), unix.Setxattr(sparse, "user.x", []byte("y"), 0),
	}
	f, err := os.OpenFile(sparse, os.O_WRONLY, 0)
	errs = append(errs, err)
	for i := range 30 { // more pieces than a header has room for
		_, err := f.WriteAt([]byte("piece"), int64(i)*256<<10)
		errs = append(errs, err)
	}
	errs = append(errs, f.Close())
	if os.Getenv(inside) == "many" {
		errs = append(errs, os.Lchown(filepath.Join(at, "link"), 5, 6), os.Chown(deep, 7, 8))
	}
	for _, name := range []string{sparse, deep, filepath.Join(at, "deep"), filepath.Join(at, "suid"), at} {
		errs = append(errs, os.Chtimes(name, day, day.Add(time.Hour)))
	}
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// timed is tree with times, and without what is most of the content.
func timed(t *testing.T, root string) (lines []string) {
	t.Helper()
	for _, line := range tree(t, root) {
		name, what, _ := strings.Cut(line, ": ")
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, fmt.Sprint(name, " ", info.ModTime().Unix(), " ", strings.ReplaceAll(what, strings.Repeat("\x00", 1000), "0")))
	}
	return lines
}
