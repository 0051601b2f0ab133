package unpack

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A row is a layer, and what is made of it. In links OUT is the canary's path, from
// the root.
type row struct {
	name   string
	items  []item
	o      Options
	err    string
	want   []string
	report func(Report) bool
}

var (
	long = strings.Repeat("n", 255)
	rows = []row{
		{name: "what there is", items: []item{
			directory("./"), directory("./usr/"), file("./usr/f", "x").mode(0o4755), directory("t").mode(0o1777), link("l", "usr/f"),
			hard("usr/g", "./usr/f"), special("p", tar.TypeFifo), directory("s").mode(0o2750), file("s/f", "").mode(0o2640),
		}, want: []string{
			"l: link usr/f", "p: fifo 600", "s: dir 2750", "s/f: file 2640", "t: dir 1777", "usr: dir 755",
			"usr/f: file 4755 x names 2", "usr/g: file 4755 x names 2",
		}},
		{name: "root's own mode", items: []item{directory("/").mode(0o700)}, want: []string{".: dir 700"}},
		{name: "not a directory as root", items: []item{file(".", "x")}, err: "root of a layer"},
		{name: "a link as root", items: []item{link(".", "OUT")}, err: "root of a layer"},
		{name: "odd names", items: []item{file("a//b/./c", "x"), file("\xff\xfe", "y"), file("...", "z"), directory("d/.//")},
			want: []string{"...: file 644 z", "a: dir 755", "a/b: dir 755", "a/b/c: file 644 x", "d: dir 755", "\xff\xfe: file 644 y"}},

		// Up and out.
		{name: "absolute", items: []item{file("/OUT/new", "x"), file("///b", "y")}, want: []string{"OUT: dir 755", "OUT/new: file 644 x", "b: file 644 y"}},
		{name: "dotdot", items: []item{file("../canary/file", "x")}, err: `a name with ".."`, want: nil},
		{name: "dotdot inside", items: []item{file("a/../b", "x")}, err: `a name with ".."`},
		{name: "dotdot last", items: []item{directory("a/..")}, err: `a name with ".."`},
		{name: "dotdot after aufs", items: []item{file(".wh..wh.plnk/../../canary/file", "x")}, err: `a name with ".."`},
		{name: "dotdot for a device", items: []item{special("../canary/c", tar.TypeChar)}, err: `a name with ".."`},
		{name: "link out, absolute", items: []item{link("l", "OUT"), file("l/file", "x")}, want: nil},
		{name: "link up", items: []item{link("l", "../canary"), file("l/file", "x")},
			want: []string{"canary: dir 755", "canary/file: file 644 x", "l: link ../canary"}},
		{name: "link up, far", items: []item{link("a/b/l", "../../../../../../../x"), file("a/b/l/y", "x")},
			want: []string{"a: dir 755", "a/b: dir 755", "a/b/l: link ../../../../../../../x", "x: dir 755", "x/y: file 644 x"}},
		{name: "two links", items: []item{link("a", "b"), link("b", "OUT"), file("a/new", "x"), file("b/file", "x")}},
		{name: "link to proc", items: []item{link("l", "/proc/self/cwd"), file("l/x", "y")},
			want: []string{"l: link /proc/self/cwd", "proc: dir 755", "proc/self: dir 755", "proc/self/cwd: dir 755", "proc/self/cwd/x: file 644 y"}},
		{name: "write through a link", items: []item{link("l", "OUT/file"), file("l", "x")}, want: []string{"l: file 644 x"}},
		{name: "mode through a link", items: []item{link("l", "OUT/dir"), directory("l").mode(0o777)}, want: []string{"l: dir 777 user.overlay.opaque=y"}},
		{name: "fifo over a link", items: []item{link("l", "OUT/new"), special("l", tar.TypeFifo)}, want: []string{"l: fifo 600"}},
		{name: "whiteout through a link", items: []item{link("l", "OUT"), file("l/.wh.file", "")}},
		{name: "opaque through a link", items: []item{link("l", "OUT"), file("l/.wh..wh..opq", "")}},
		{name: "link through a link", items: []item{link("l", "OUT"), link("l/new", "x"), hard("l/h", "l/new")}},
		{name: "hard link out, absolute", items: []item{hard("h", "OUT/file")}, err: "not in this layer"},
		{name: "hard link out, dotdot", items: []item{hard("h", "../canary/file")}, err: `a name with ".."`},
		{name: "hard link out, through a link", items: []item{link("l", "OUT"), hard("h", "l/file")}, err: "not in this layer"},
		{name: "hard link to a link", items: []item{link("l", "OUT/file"), hard("h", "l"), file("h", "x")},
			want: []string{"h: file 644 x", "l: link OUT/file"}},
		{name: "loop", items: []item{link("a", "b"), link("b", "a"), file("a/x", "y")}, err: "more than 40 links"},
		{name: "loop of one", items: []item{link("a", "a/b"), file("a/x", "y")}, err: "more than 40 links"},
		{name: "loop for a hard link", items: []item{link("a", "a"), hard("x", "a/y")}, err: "more than 40 links"},

		// Parents.
		{name: "link in the layer", items: []item{directory("usr/lib"), link("lib", "usr/lib"), file("lib/f", "x"), file("usr/lib/g", "y"), file("lib/h", "z")},
			want: []string{"lib: link usr/lib", "usr: dir 755", "usr/lib: dir 755", "usr/lib/f: file 644 x", "usr/lib/g: file 644 y", "usr/lib/h: file 644 z"}},
		{name: "a file as parent", items: []item{file("f", "x"), file("f/g", "y")}, err: `directory "f": not a directory`, want: nil},
		{name: "a fifo as parent", items: []item{special("f", tar.TypeFifo), file("f/g", "y")}, err: `directory "f": not a directory`},

		// One after the other.
		{name: "file, directory", items: []item{file("a", "x"), directory("a"), file("a/b", "y")}, want: []string{"a: dir 755 user.overlay.opaque=y", "a/b: file 644 y"}},
		{name: "directory, file", items: []item{file("a/b/c", "x"), link("a/l", "OUT"), file("a", "y")}, want: []string{"a: file 644 y"}},
		{name: "directory, link", items: []item{file("a/b/c", "x"), link("a", "OUT"), file("a/file", "y")}},
		{name: "directory, fifo", items: []item{file("a/b/c", "x"), special("a", tar.TypeFifo)}, want: []string{"a: fifo 600"}},
		{name: "directory twice", items: []item{directory("a").attr("user.x", "1"), file("a/b", "x"), directory("a").mode(0o700)}, want: []string{"a: dir 700", "a/b: file 644 x"}},
		{name: "file twice", items: []item{file("a", "first"), hard("b", "a"), file("a", "2")}, want: []string{"a: file 644 2", "b: file 644 first"}},
		{name: "link, link", items: []item{link("a", "OUT"), link("a", "b")}, want: []string{"a: link b"}},
		{name: "hard link over a file", items: []item{file("a", "x"), file("b", "y"), hard("b", "a")}, want: []string{"a: file 644 x names 2", "b: file 644 x names 2"}},
		{name: "hard link over a directory", items: []item{file("a", "x"), file("d/e/f", "y"), hard("g", "d/e/f"), hard("d", "a")},
			want: []string{"a: file 644 x names 2", "d: file 644 x names 2", "g: file 644 y"}},
		{name: "hard link into a replaced directory", items: []item{file("d/f", "x"), hard("g", "d/f"), file("d", "y"), directory("d"), file("d/f", "z"), hard("h", "d/f")},
			want: []string{"d: dir 755 user.overlay.opaque=y", "d/f: file 644 z names 2", "g: file 644 x", "h: file 644 z names 2"}},
		{name: "hard link to itself", items: []item{file("a", "x"), hard("a", "a")}, want: []string{"a: file 644 x"}},
		{name: "hard link over its target's parent", items: []item{file("d/f", "y"), hard("d", "d/f")}, err: "not in this layer"},
		{name: "hard link to a directory", items: []item{directory("d"), hard("e", "d")}, err: "cannot have another name"},
		{name: "hard link to the root", items: []item{hard("e", "/")}, err: "cannot have another name"},
		{name: "hard link to nothing", items: []item{hard("e", "d")}, err: `hard link to "d": it is not in this layer`},
		{name: "hard link to a whiteout", items: []item{file(".wh.a", ""), hard("e", "a")}, err: "not in this layer"},

		// Devices.
		{name: "devices", items: []item{special("c", tar.TypeChar), special("b", tar.TypeBlock), special("d/c", tar.TypeChar)},
			want: []string{}, report: func(r Report) bool { return r.Skipped == 3 && r.Entries == 3 }},
		{name: "another name of a device", items: []item{special("d/c", tar.TypeChar), hard("e", "./d/c"), hard("f", "e")},
			want: []string{}, report: func(r Report) bool { return r.Skipped == 3 }},
		{name: "another name of a device that is a file now", items: []item{special("c", tar.TypeChar), file("c", "x"), hard("e", "c")},
			want: []string{"c: file 644 x names 2", "e: file 644 x names 2"}},
		{name: "another name of a device, over a file", items: []item{special("c", tar.TypeBlock), file("e", "x"), hard("e", "c")}, want: []string{}},
		{name: "a device over a file", items: []item{file("d/c", "x"), hard("e", "d/c"), special("d/c", tar.TypeChar)}, want: []string{"d: dir 755", "e: file 644 x"}},
		{name: "a device over a directory", items: []item{file("d/e/f", "x"), special("d", tar.TypeChar), file("g", "y")}, want: []string{"g: file 644 y"}},
		{name: "a device over a link out", items: []item{link("l", "OUT/file"), special("l", tar.TypeChar)}, want: []string{}},
		{name: "a device by way of a link", items: []item{link("l", "OUT"), special("l/file", tar.TypeChar)}},
		{name: "a device over a whiteout", items: []item{file(".wh.c", ""), special("c", tar.TypeChar)}, want: []string{"c: whiteout"}},
		{name: "a device as root", items: []item{special(".", tar.TypeChar), file("a", "x")}, want: []string{"a: file 644 x"}},
		{name: "a device below a file", items: []item{file("a", "x"), special("a/c", tar.TypeChar)}, want: []string{"a: file 644 x"}},

		// Whiteouts.
		{name: "whiteout", items: []item{file(".wh.a", ""), file("d/.wh.b", "ignored")}, want: []string{"a: whiteout", "d: dir 755", "d/b: whiteout"}},
		{name: "whiteout of any type", items: []item{link(".wh.a", "OUT"), directory(".wh.b/"), special(".wh.c", tar.TypeChar), hard(".wh.d", ".wh..wh.aufs")},
			want: []string{"a: whiteout", "b: whiteout", "c: whiteout", "d: whiteout"}},
		{name: "whiteout twice", items: []item{file(".wh.a", ""), file(".wh.a", "")}, want: []string{"a: whiteout"}},
		{name: "whiteout, file", items: []item{file(".wh.a", ""), file("a", "x")}, want: []string{"a: file 644 x"}},
		{name: "file, whiteout", items: []item{file("a", "x"), file(".wh.a", "")}, want: []string{"a: file 644 x"}},
		{name: "whiteout, directory", items: []item{file(".wh.a", ""), directory("a")}, want: []string{"a: dir 755 user.overlay.opaque=y"}},
		{name: "directory, whiteout", items: []item{file("a/b", "x"), file("a/.wh.c", ""), file(".wh.a", "")}, want: []string{"a: dir 755 user.overlay.opaque=y", "a/b: file 644 x"}},
		{name: "whiteout as parent", items: []item{file(".wh.a", ""), file("a/b", "x")}, want: []string{"a: dir 755 user.overlay.opaque=y", "a/b: file 644 x"}},
		{name: "whiteout of a hidden name", items: []item{file(".wh..a", ""), file(".wh.....", "")}, want: []string{"....: whiteout", ".a: whiteout"}},
		{name: "opaque", items: []item{file("d/e/.wh.x", ""), file("d/.wh..wh..opq", ""), file("d/f", "x"), file("d/.wh.y", "")},
			want: []string{"d: dir 755 user.overlay.opaque=y", "d/e: dir 755", "d/f: file 644 x"}},
		{name: "opaque root", items: []item{file(".wh..wh..opq", "")}, want: []string{".: dir 755 user.overlay.opaque=y"},
			report: func(r Report) bool { return r.Opaque }},
		{name: "aufs", items: []item{directory(".wh..wh.plnk"), file(".wh..wh.plnk/12.3", "x"), file(".wh..wh.aufs", ""), file("a/.wh..wh.x", ""), file(".wh..wh.", "")}, want: []string{}},
		{name: "whiteout of nothing", items: []item{file("d/.wh.", "")}, err: "whiteout of nothing"},
		{name: "whiteout of dot", items: []item{file("d/.wh..", "")}, err: "whiteout of nothing"},
		{name: "whiteout of dotdot", items: []item{file("d/.wh...", "")}, err: "whiteout of nothing"},
		{name: "below a whiteout", items: []item{file(".wh.a/b", "")}, err: "below a whiteout"},
		{name: "below a whiteout of nothing", items: []item{file(".wh./b", "")}, err: "below a whiteout"},
		{name: "below a whiteout, dots", items: []item{file(".wh.a/...", "")}, err: "below a whiteout"},
		{name: "whiteout with a slash", items: []item{directory(".wh.a/./")}, want: []string{"a: whiteout"}},

		// Attributes.
		{name: "attributes", items: []item{file("a", "x").attr("user.a", "1").attr("trusted.overlay.opaque", "y").attr("security.selinux", "z").attr("system.x", "y"),
			directory("d").attr("user.b", "").attr(capAttribute, "bad"), link("l", "x").attr("user.c", "1")},
			want: []string{"a: file 644 x user.a=1", "d: dir 755 user.b=", "l: link x"}},
		{name: "forged opaque", items: []item{directory("d").attr("user.overlay.opaque", "y")}, err: `"user.overlay.opaque", which an image must not have`, want: nil},
		{name: "forged redirect", items: []item{file("d", "").attr("user.overlay.redirect", "/etc")}, err: "must not have"},
		{name: "forged whiteout", items: []item{file("d", "").attr("user.overlay.whiteout", "y")}, err: "must not have"},
		{name: "forged on a link", items: []item{link("d", "x").attr("user.overlay.metacopy", "")}, err: "must not have"},
		{name: "forged on a whiteout", items: []item{file("d/.wh..wh..opq", "").attr("user.overlay.redirect", "/x")}, err: "must not have"},
		{name: "forged for fuse-overlayfs", items: []item{directory("d").attr("user.fuseoverlayfs.opaque", "y")}, err: "must not have"},
		{name: "forged owner", items: []item{file("d", "").attr("user.sbx.owner", "0:0")}, err: "must not have"},
		{name: "forged stat", items: []item{file("d", "").attr("user.containers.override_stat", "0:0:755")}, err: "must not have"},
		{name: "forged root", items: []item{directory("./").attr("user.overlay.opaque", "y")}, err: "must not have", want: []string{}},
		{name: "global header", items: []item{{tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{
			"comment": "x", "path": "../canary/file", paxAttribute + "user.overlay.opaque": "y"}}, ""}, file("a", "x")}, want: []string{"a: file 644 x"}},
		{name: "owner -1", items: []item{file("a", "").owner(1<<32-1, 0)}, err: "owner 4294967295:0 is none"},
		{name: "owner too large", items: []item{file("a", "").owner(0, 1<<32)}, err: "owner 0:4294967296 is none"},

		// Limits.
		{name: "long name", items: []item{file("a/"+strings.Repeat("b", 9), "")}, o: Options{MaxPath: 10}, err: "a name of 11 bytes; at most 10 are allowed"},
		{name: "long name of a link's target", items: []item{hard("a", strings.Repeat("b", 11))}, o: Options{MaxPath: 10}, err: "a name of 11 bytes; at most 10 are allowed"},
		{name: "long name by default", items: []item{file(strings.Repeat("b/", 2048)+"c", "")}, err: "a name of 4097 bytes"},
		{name: "long part", items: []item{file(long+"n", "")}, err: "file name too long"},
		{name: "longest name", items: []item{file(strings.Repeat(long+"/", 15)+long, "x")}},
		{name: "deep", items: []item{directory(strings.Repeat("d/", 1001))}, err: "deeper than 1000 directories"},
		{name: "entries", items: []item{directory("a"), file("b", ""), file("c", "")}, o: Options{MaxEntries: 2}, err: "more than 2 entries", want: []string{"a: dir 755", "b: file 644"}},
		{name: "parents count", items: []item{file("a/b/c/d", "")}, o: Options{MaxEntries: 3}, err: "more than 3 entries"},
		{name: "bytes", items: []item{file("a", "12345"), file("b", "123456")}, o: Options{MaxBytes: 10}, err: "6 bytes, after 5; at most 10 are allowed", want: []string{"a: file 644 12345"}},
		{name: "bytes, just so", items: []item{file("a", "12345"), file("b", "12345")}, o: Options{MaxBytes: 10}, want: []string{"a: file 644 12345", "b: file 644 12345"},
			report: func(r Report) bool { return r.Bytes == 10 && r.Entries == 2 }},
		{name: "unknown type", items: []item{special("a", 'Z')}, err: "unknown type 'Z'"},
	}
)

func TestSecurityTars(t *testing.T) {
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			y := newYard(t)
			defer y.remove()
			out := strings.TrimPrefix(y.canary, "/")
			for i := range r.items {
				it := &r.items[i]
				if l, ok := strings.CutPrefix(it.Linkname, "OUT"); ok && r.name != "hard link to a link" {
					it.Linkname = "/" + out + l
				}
			}
			r.o.Squash = os.Getenv(inside) == ""
			report, err := y.unpack(t, archive(t, r.items...), r.o)
			y.check(t)
			switch {
			case r.err == "" && err != nil:
				t.Fatal(err)
			case r.err != "" && (err == nil || !strings.Contains(err.Error(), r.err)):
				t.Errorf("error %v, want %s", err, r.err)
			}
			if r.want != nil {
				if d := cmp.Diff(r.want, append([]string{}, tree(t, y.target)...)); d != "" {
					t.Error(d)
				}
			}
			if r.report != nil && !r.report(report) {
				t.Errorf("%+v", report)
			}
		})
	}
}

// TestSecurityTarsOut: what leads to the canary leads there within the target.
func TestSecurityTarsOut(t *testing.T) {
	y := newYard(t)
	defer y.remove()
	_, err := y.unpack(t, archive(t, link("a", "b"), link("b", y.canary), file("a/file", "x"), file("b/dir/file", "y"), file("a/.wh.dir", ""), hard("h", "a/file")),
		Options{Squash: os.Getenv(inside) == ""})
	y.check(t)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"file": "file 644 x names 2", "dir": "dir 755 user.overlay.opaque=y", "dir/file": "file 644 y"} {
		if got, err := describe(filepath.Join(y.target, y.canary, name)); err != nil || got != want {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
}

func TestTimes(t *testing.T) {
	y := newYard(t)
	defer y.remove()
	layer := archive(t, directory("./"), directory("d"), file("d/f", "x"), directory("d/e"), link("d/e/l", "x"), file("later", ""),
		file("d/e/g", "y"), special("d/p", tar.TypeFifo), file("d/.wh.w", ""), hard("d/e/h", "later"))
	if _, err := y.unpack(t, layer, Options{Squash: os.Getenv(inside) == ""}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".", "d", "d/f", "d/e", "d/e/l", "later", "d/e/g", "d/p", "d/e/h"} {
		info, err := os.Lstat(filepath.Join(y.target, name))
		if err != nil || !info.ModTime().Equal(day) {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}

func TestOwners(t *testing.T) {
	needRoot(t)
	y := newYard(t)
	defer y.remove()
	capability := "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	report, err := y.unpack(t, archive(t, directory("d").owner(1, 2), file("d/f", "x").owner(33, 44).mode(0o6755),
		link("l", "x").owner(5, 6), special("p", tar.TypeFifo).owner(7, 8), file("cap", "").attr(capAttribute, capability).owner(9, 9)), Options{})
	if err != nil || report.Squashed {
		t.Fatal(report, err)
	}
	want := []string{"cap: file 644 of 9:9 " + capAttribute + "=" + capability, "d: dir 755 of 1:2", "d/f: file 6755 x of 33:44", "l: link x of 5:6", "p: fifo 600 of 7:8"}
	if d := cmp.Diff(want, tree(t, y.target)); d != "" {
		t.Error(d)
	}
	// Those of a namespace with another root: where it has an id here they are kept, and
	// the kernel shows them as it did before if the root is this one's.
	of := func(root byte, far byte) string {
		return "\x01\x00\x00\x03" + capability[4:] + string([]byte{root, 0, far, 0})
	}
	y2 := newYard(t)
	defer y2.remove()
	if _, err := y2.unpack(t, archive(t, file("far", "x").attr(capAttribute, of(0, 0x10)), file("mapped", "").attr(capAttribute, of(5, 0)), file("own", "").attr(capAttribute, of(0, 0))), Options{}); err != nil {
		t.Fatal(err)
	}
	want = []string{"far: file 644 x", "mapped: file 644 " + capAttribute + "=" + of(5, 0), "own: file 644 " + capAttribute + "=" + capability}
	if d := cmp.Diff(want, tree(t, y2.target)); d != "" {
		t.Error(d)
	}
	if _, err := y2.unpack(t, archive(t, file("bad", "").attr(capAttribute, "bad")), Options{}); err == nil || !strings.Contains(err.Error(), "security.capability") {
		t.Error(err)
	}
	foreignOwner(t, 1<<20)
}

func TestSquash(t *testing.T) {
	if !withOneID(t) {
		return
	}
	y := newYard(t)
	defer y.remove()
	report, err := y.unpack(t, archive(t, directory("d").owner(1, 2), file("d/f", "x").owner(0, 44).mode(0o6755), link("l", "x").owner(5, 6),
		special("p", tar.TypeFifo).owner(7, 8), file("r", ""), file(".wh.w", "").owner(3, 4)), Options{Squash: true})
	if err != nil || !report.Squashed {
		t.Fatal(report, err)
	}
	want := []string{"d: dir 755 user.sbx.owner=1:2", "d/f: file 6755 x user.sbx.owner=0:44", "l: link x", "p: fifo 600", "r: file 644", "w: whiteout"}
	if d := cmp.Diff(want, tree(t, y.target)); d != "" {
		t.Error(d)
	}
	foreignOwner(t, 1)
}

// foreignOwner unpacks what belongs to a user without an id: that is kept in the attribute, and
// the file is set to nobody.
func foreignOwner(t *testing.T, uid int) {
	t.Helper()
	y := newYard(t)
	defer y.remove()
	report, err := y.unpack(t, archive(t, directory("d").owner(uid, 3), file("d/f", "").owner(uid, 3).mode(0o6755), link("l", "x").owner(uid, 3)), Options{})
	if err != nil || !report.Squashed {
		t.Fatal(report, err)
	}
	owner := fmt.Sprintf(" user.sbx.owner=%d:3", uid)
	want := []string{"d: dir 755" + owner, "d/f: file 755" + owner, "l: link x"}
	if d := cmp.Diff(want, tree(t, y.target)); d != "" {
		t.Error(d)
	}
}

// TestEarly: wherever a tar is cut there is an error.
func TestEarly(t *testing.T) {
	layer := archive(t, directory("d"), file("d/f", strings.Repeat("x", 700)), file("long"+strings.Repeat("/"+long, 3), "y"))
	cuts := []int{len(layer) - 512, len(layer)}
	for n := 0; n < len(layer); n += 100 {
		cuts = append(cuts, n)
	}
	for _, cut := range cuts {
		y := newYard(t)
		_, err := y.unpack(t, layer[:cut], Options{Squash: os.Getenv(inside) == ""})
		y.remove()
		if whole := cut == len(layer) || cut == len(layer)-512; whole != (err == nil) {
			t.Errorf("%d of %d bytes: %v", cut, len(layer), err)
		} else if err != nil && !strings.Contains(err.Error(), "the tar ends early") {
			t.Error(err)
		}
	}
}

func TestBehind(t *testing.T) {
	y := newYard(t)
	defer y.remove()
	fd := openAs(t, y.target)
	defer unix.Close(fd)
	in := bytes.NewReader(append(archive(t, file("a", "x")), bytes.Repeat([]byte("garbage"), 99999)...))
	if _, err := Unpack(fd, in, Options{Squash: true}); err != nil || in.Len() != 0 {
		t.Errorf("%d bytes left, %v", in.Len(), err)
	}
	in = bytes.NewReader(append(archive(t, file("b", "x")), make([]byte, 2<<20)...))
	if _, err := Unpack(fd, in, Options{Squash: true, MaxBytes: 10, MaxEntries: 10}); err == nil || !strings.Contains(err.Error(), fmt.Sprint("longer than ", 10+1<<20+10*4096)) {
		t.Error(err)
	}
}

func TestHoles(t *testing.T) {
	y := newYard(t)
	defer y.remove()
	content := make([]byte, 3<<20+5000)
	content[0], content[1<<20+7], content[2<<20-1] = 'a', 'b', 'c'
	_, err := y.unpack(t, archive(t, file("middle", string(content)), file("zeros", string(make([]byte, 1<<20))), file("small", string(content[1:100]))), Options{Squash: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(y.target, "middle"))
	if err != nil || !bytes.Equal(got, content) {
		t.Error("not the same", err)
	}
	for name, most := range map[string]int64{"middle": 4 * holeSize, "zeros": 0} {
		var st unix.Stat_t
		if err := unix.Stat(filepath.Join(y.target, name), &st); err != nil || st.Blocks*512 > most {
			t.Errorf("%s: %d bytes on the disk, %v", name, st.Blocks*512, err)
		}
	}
}
