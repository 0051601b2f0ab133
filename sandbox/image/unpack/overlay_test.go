package unpack

import (
	"archive/tar"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A union is layers, the lowest first, and what the kernel's overlay shows of them.
type union struct {
	name   string
	layers [][]item
	want   []string
	top    []string // the tree of the last layer, where it matters
}

var base = []item{
	directory("d").owner(3, 4).mode(0o2711).attr("user.a", "1"), file("d/a", "1"), file("d/b", "2"), file("d/e/c", "3"), file("f", "4"), link("lib", "usr/lib"), directory("usr/lib"),
}

var unions = []union{
	{name: "nothing", layers: [][]item{base, {}}, want: []string{
		"d: dir 2711 of 3:4 user.a=1", "d/a: file 644 1", "d/b: file 644 2", "d/e: dir 755", "d/e/c: file 644 3", "f: file 644 4", "lib: link usr/lib", "usr: dir 755", "usr/lib: dir 755"}},
	{name: "whiteouts", layers: [][]item{base, {file(".wh.f", ""), file("d/.wh.a", ""), file("d/.wh.e", ""), file(".wh.lib", ""), file(".wh.usr", ""), file(".wh.none", "")}},
		want: []string{"d: dir 2711 of 3:4 user.a=1", "d/b: file 644 2"},
		top:  []string{"d: dir 2711 of 3:4 user.a=1", "d/a: whiteout", "d/e: whiteout", "f: whiteout", "lib: whiteout", "usr: whiteout"}},
	{name: "opaque", layers: [][]item{base[:5], {file("d/.wh..wh..opq", ""), file("d/new", "5"), file("d/.wh.a", "")}},
		want: []string{"d: dir 2711 of 3:4 user.a=1", "d/new: file 644 5", "f: file 644 4"}},
	{name: "opaque last", layers: [][]item{base[:5], {file("d/.wh.a", ""), file("d/new", "5"), file("d/.wh..wh..opq", "")}},
		want: []string{"d: dir 2711 of 3:4 user.a=1", "d/new: file 644 5", "f: file 644 4"}},
	{name: "below an opaque directory", layers: [][]item{base[:5], {directory("d"), file("d/.wh..wh..opq", ""), file("d/e/x", "5"), file("d/e/.wh.c", "")}},
		want: []string{"d: dir 755", "d/e: dir 755", "d/e/x: file 644 5", "f: file 644 4"}},
	{name: "opaque root", layers: [][]item{base, {file("new", "5"), file(".wh..wh..opq", ""), file(".wh.f", "")}}, want: []string{"new: file 644 5"}},
	{name: "whiteout, then directory", layers: [][]item{base[:5], {file(".wh.d", ""), file("d/x", "5")}}, want: []string{"d: dir 755", "d/x: file 644 5", "f: file 644 4"}},
	{name: "directory, then whiteout", layers: [][]item{base[:5], {file("d/x", "5"), file(".wh.d", "")}}, want: []string{"d: dir 2711 of 3:4 user.a=1", "d/x: file 644 5", "f: file 644 4"}},
	{name: "file, then directory", layers: [][]item{base[:5], {file("d", "5"), directory("d"), file("f", "6")}}, want: []string{"d: dir 755", "f: file 644 6"}},
	{name: "directory over a file", layers: [][]item{base[4:5], {directory("f"), file("f/x", "5")}}, want: []string{"f: dir 755", "f/x: file 644 5"}},
	{name: "file over a directory", layers: [][]item{base[:5], {file("d", "5")}}, want: []string{"d: file 644 5", "f: file 644 4"}},
	{name: "a link below", layers: [][]item{base[5:], {file("lib/x", "5"), hard("h", "lib/x")}}, want: []string{
		"h: file 644 5 names 2", "lib: link usr/lib", "usr: dir 755", "usr/lib: dir 755", "usr/lib/x: file 644 5 names 2"}},
	{name: "a link replaced", layers: [][]item{base[5:], {directory("lib"), file("lib/x", "5")}}, want: []string{
		"lib: dir 755", "lib/x: file 644 5", "usr: dir 755", "usr/lib: dir 755"}},
	{name: "a device over a file", layers: [][]item{base[3:5], {file("f", "5"), special("f", tar.TypeChar)}}, want: []string{"d: dir 755", "d/e: dir 755", "d/e/c: file 644 3"}},
	{name: "three layers", layers: [][]item{base[:5], {file(".wh.d", "")}, {file("d/e/x", "5"), file("d/.wh.a", "")}},
		want: []string{"d: dir 755", "d/e: dir 755", "d/e/x: file 644 5", "f: file 644 4"}, top: []string{"d: dir 755", "d/e: dir 755", "d/e/x: file 644 5"}},
	{name: "a whiteout, opaque, a whiteout", layers: [][]item{base[:5], {file("d/.wh.a", ""), file("d/.wh..wh..opq", ""), file("d/.wh.b", ""), file("f", "5")}},
		want: []string{"d: dir 2711 of 3:4 user.a=1", "f: file 644 5"}, top: []string{"d: dir 2711 of 3:4 user.a=1 user.overlay.opaque=y", "f: file 644 5"}},
	{name: "a whiteout, opaque, a parent", layers: [][]item{{file("d/a", "1"), directory("d/e").mode(0o700)}, {file("d/.wh.a", ""), file("d/.wh..wh..opq", ""), file("d/e/x", "5")}},
		want: []string{"d: dir 755", "d/e: dir 755", "d/e/x: file 644 5"}},
	{name: "opaque between", layers: [][]item{base[:5], {directory("d").mode(0o700), file("d/.wh..wh..opq", "")}, {file("d/e/x", "5"), file("d/.wh.b", "")}},
		want: []string{"d: dir 700", "d/e: dir 755", "d/e/x: file 644 5", "f: file 644 4"}},
}

func TestOverlay(t *testing.T) {
	needRoot(t)
	for _, r := range unions {
		t.Run(r.name, func(t *testing.T) {
			y := newYard(t)
			defer y.remove()
			top, lowers := y.stack(t, r.layers)
			y.check(t)
			if r.top != nil {
				if d := cmp.Diff(r.top, tree(t, top)); d != "" {
					t.Error("top layer:", d)
				}
			}
			merged := filepath.Join(y.target, "merged")
			mountOverlay(t, lowers, merged)
			// An overlay does not show its own marks. A ghost of a whiteout would be
			// listed, and fail to be looked at.
			if d := cmp.Diff(r.want, tree(t, merged)); d != "" {
				t.Error(d)
			}
			if err := unix.Unmount(merged, 0); err != nil {
				t.Error(err)
			}
		})
	}
}

// stack unpacks layers, the lowest first, and gives those that count, the top
// first.
func (y yard) stack(t *testing.T, layers [][]item) (top string, dirs []string) {
	t.Helper()
	below := []int{}
	for i, items := range layers {
		top = filepath.Join(y.target, string(rune('a'+i)))
		if err := os.Mkdir(top, 0o755); err != nil {
			t.Fatal(err)
		}
		fd := openAs(t, top)
		defer unix.Close(fd)
		report, err := Unpack(fd, strings.NewReader(string(archive(t, items...))), Options{Lowers: below})
		if err != nil {
			t.Fatal(err)
		}
		if report.Opaque {
			dirs = nil
		}
		below, dirs = append([]int{fd}, below...), append([]string{top}, dirs...)
	}
	return top, dirs
}

func mountOverlay(t *testing.T, lowers []string, at string) {
	t.Helper()
	upper, work := at+"-upper", at+"-work"
	for _, dir := range []string{at, upper, work} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	options := "userxattr,lowerdir=" + strings.Join(lowers, ":") + ",upperdir=" + upper + ",workdir=" + work
	if err := unix.Mount("overlay", at, "overlay", 0, options); err != nil {
		t.Fatal(err)
	}
}
