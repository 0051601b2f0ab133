package transfer

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func opened(t testing.TB, dir string) *os.File {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	f := os.NewFile(uintptr(fd), dir)
	t.Cleanup(func() { f.Close() })
	return f
}

// carry copies within this process, by way of a stream.
func carry(from Root, source string, follow bool, to Root, dest string, o Options) (warned []string, err error) {
	var stream bytes.Buffer
	r := Reader{Root: from, Follow: follow, Warn: func(err error) { warned = append(warned, err.Error()) }}
	if err := r.Read(source, NewWriter(&stream)); err != nil {
		return warned, err
	}
	tree := &Tree{Root: to, Path: dest, Options: o}
	defer tree.Close()
	return warned, Copy(tree, &stream)
}

// plant makes files: NAME/ is a directory, NAME=TEXT a file, NAME>TARGET a link.
func plant(t testing.TB, dir string, what ...string) {
	t.Helper()
	for _, w := range what {
		var err error
		if name, ok := strings.CutSuffix(w, "/"); ok {
			err = os.MkdirAll(filepath.Join(dir, name), 0o755)
		} else if name, text, ok := strings.Cut(w, "="); ok {
			err = os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
		} else if name, target, ok := strings.Cut(w, ">"); ok {
			err = os.Symlink(target, filepath.Join(dir, name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// harvest lists files as plant takes them.
func harvest(t testing.TB, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		switch d.Type() {
		case os.ModeDir:
			list = append(list, name+"/")
		case os.ModeSymlink:
			target, err := os.Readlink(path)
			list = append(list, name+">"+target)
			return err
		case 0:
			b, err := os.ReadFile(path)
			list = append(list, name+"="+string(b))
			return err
		default:
			list = append(list, name+" "+d.Type().String())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestWhere: where a source goes is what docker's documentation of cp says.
func TestWhere(t *testing.T) {
	source := t.TempDir()
	plant(t, source, "file=1", "dir/", "dir/a=2", "dir/sub/", "dir/sub/b=3", "tofile>file", "todir>dir", "tonowhere>nowhere", "up>../../../..")
	for _, row := range []struct {
		from, to string
		want     []string // or the words of an error
		failed   string
	}{
		{"file", "new", []string{"new=1"}, ""},
		{"file", "new/", nil, "no such file or directory"},
		{"file", "no/new", nil, "no such file or directory"},
		{"file", "old", []string{"old=1"}, ""},
		{"file", "old/", nil, "not a directory"},
		{"file", "d", []string{"d/file=1"}, ""},
		{"file", "d/", []string{"d/file=1"}, ""},
		{"file", ".", []string{"file=1"}, ""},
		{"file", "/", []string{"file=1"}, ""},
		{"file/", "new", nil, "not a directory"},
		{"nothing", "new", nil, "no such file or directory"},
		{"", "new", nil, "an empty path"},
		{"file", "", nil, "an empty path"},
		{"dir", "new", []string{"new/", "new/a=2", "new/sub/", "new/sub/b=3"}, ""},
		{"dir/", "new/", []string{"new/", "new/a=2", "new/sub/", "new/sub/b=3"}, ""},
		{"dir/.", "new", []string{"new/", "new/a=2", "new/sub/", "new/sub/b=3"}, ""},
		{"dir", "no/new", nil, "no such file or directory"},
		{"dir", "old", nil, "is no directory"},
		{"dir", "d", []string{"d/dir/", "d/dir/a=2", "d/dir/sub/", "d/dir/sub/b=3"}, ""},
		{"dir/", "d", []string{"d/dir/", "d/dir/a=2", "d/dir/sub/", "d/dir/sub/b=3"}, ""},
		{"dir/.", "d", []string{"d/a=2", "d/sub/", "d/sub/b=3"}, ""},
		{"dir/sub/..", "d", []string{"d/a=2", "d/sub/", "d/sub/b=3"}, ""},
		{"dir", "mixed", []string{"mixed/dir/a=2", "mixed/dir/sub/", "mixed/dir/sub/b=3"}, ""},
		{"dir/.", "blocked", nil, `"sub": not a directory`},
		{"dir", "linked", nil, `"dir": not a directory`},
		{"file", "full", nil, `"file": is a directory`},
		// A link is copied, or with Follow what it leads to. Where one is the destination
		// it is followed.
		{"tofile", "new", []string{"new>file"}, ""},
		{"todir", "d", []string{"d/todir>dir"}, ""},
		{"todir/", "d", []string{"d/todir/", "d/todir/a=2", "d/todir/sub/", "d/todir/sub/b=3"}, ""},
		{"tonowhere", "new", []string{"new>nowhere"}, ""},
		{"follow tofile", "new", []string{"new=1"}, ""},
		{"follow todir", "new", []string{"new/", "new/a=2", "new/sub/", "new/sub/b=3"}, ""},
		{"follow tonowhere", "new", nil, "no such file or directory"},
		{"follow up", "new", []string{"new/", "new/dir/", "new/dir/a=2", "new/dir/sub/", "new/dir/sub/b=3", "new/file=1", "new/todir>dir", "new/tofile>file",
			"new/tonowhere>nowhere", "new/up>../../../.."}, ""}, // the root's own
		{"file", "old2", []string{"old=1"}, ""},
		{"file", "d2", []string{"d/file=1"}, ""},
		{"file", "away", nil, "is a link that leads nowhere"}, // outside, which is not there in here
		{"tofile", "d/../linked/../new", []string{"new>file"}, ""},
		{"file", "pipe", nil, "is no regular file"},
	} {
		t.Run(row.from+" "+row.to, func(t *testing.T) {
			dest := t.TempDir()
			start := []string{"blocked/", "blocked/sub=x", "d/", "d2>d", "full/", "full/file/", "linked/", "linked/dir>..", "mixed/", "mixed/dir/", "mixed/dir/a=x", "old=x", "old2>/old", "away>" + dest + "/d"}
			plant(t, dest, start...)
			if err := unix.Mkfifo(filepath.Join(dest, "pipe"), 0o600); err != nil {
				t.Fatal(err)
			}
			start = harvest(t, dest)
			from, follow := strings.CutPrefix(row.from, "follow ")
			warned, err := carry(Inside(opened(t, source)), from, follow, Inside(opened(t, dest)), row.to, Options{})
			if warned != nil {
				t.Errorf("warned: %q", warned)
			}
			if row.failed != "" {
				if err == nil || !strings.Contains(err.Error(), row.failed) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var changed []string
			for _, line := range harvest(t, dest) {
				if !slices.Contains(start, line) {
					changed = append(changed, line)
				}
			}
			if !slices.Equal(changed, row.want) {
				t.Errorf("%q", changed)
			}
		})
	}
}

// TestKinds: what is no file or directory comes out as it is, or is told of, and nothing
// waits for it.
func TestKinds(t *testing.T) {
	source, dest := t.TempDir(), t.TempDir()
	plant(t, source, "new\nline\xff=1", ".wh.name=2", "first=3", "link>/etc/passwd")
	do := func(errs ...error) {
		t.Helper()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(source, name) }
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	do(err)
	defer unix.Close(fd)
	then := time.Unix(1_000_000_000, 7)
	do(os.Link(at("first"), at("second")), unix.Mkfifo(at("pipe"), 0o640), unix.Bind(fd, &unix.SockaddrUnix{Name: at("socket")}),
		os.WriteFile(at("secret"), []byte("x"), 0), os.Chmod(at("first"), 0o6751|os.ModeSetuid|os.ModeSetgid), os.Chtimes(at("first"), then, then))
	warned, err := carry(Inside(opened(t, source)), ".", false, Inside(opened(t, dest)), ".", Options{Times: true, Mask: 0o022})
	do(err)
	unread := os.Getuid() != 0
	want := []string{`"socket": sockets are not copied`}
	if unread {
		want = append(want, `"secret": permission denied`)
	}
	slices.Sort(warned)
	slices.Sort(want)
	if !slices.Equal(warned, want) {
		t.Errorf("warned: %q", warned)
	}
	got := harvest(t, dest)
	for _, line := range []string{"new\nline\xff=1", ".wh.name=2", "first=3", "second=3", "link>/etc/passwd", "pipe p---------"} {
		if !slices.Contains(got, line) {
			t.Errorf("%q is missing", line)
		}
	}
	var a, b unix.Stat_t
	do(unix.Stat(filepath.Join(dest, "first"), &a), unix.Stat(filepath.Join(dest, "second"), &b))
	if a.Ino != b.Ino {
		t.Error("two names of a file are two files")
	}
	if a.Mode&0o7777 != 0o751 || a.Mtim != unix.NsecToTimespec(then.UnixNano()) {
		t.Errorf("mode %o, time %v", a.Mode&0o7777, a.Mtim)
	}
}

// TestSetuidGoesIn: what is copied in may keep the bits, which nothing in there obeys.
func TestSetuidGoesIn(t *testing.T) {
	source, dest := t.TempDir(), t.TempDir()
	plant(t, source, "a=1")
	if err := unix.Chmod(source+"/a", 0o4755); err != nil {
		t.Fatal(err)
	}
	if _, err := carry(Host(), source+"/a", false, Host(), dest, Options{Setuid: true}); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dest+"/a", &st); err != nil || st.Mode&0o7777 != 0o4755 {
		t.Errorf("%o, %v", st.Mode, err)
	}
}

// TestSparse: holes take no time and no room, at the end too.
func TestSparse(t *testing.T) {
	source, dest := t.TempDir(), t.TempDir()
	f, err := os.Create(filepath.Join(source, "sparse"))
	if err != nil {
		t.Fatal(err)
	}
	const size = 1 << 40
	for at, text := range map[int64]string{0: "begin", size / 2: "middle"} {
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := carry(Host(), source+"/sparse", false, Host(), dest, Options{}); err != nil {
		t.Fatal(err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dest+"/sparse", &st); err != nil || st.Size != size || st.Blocks > 1000 {
		t.Errorf("%d bytes in %d blocks, %v", st.Size, st.Blocks, err)
	}
	g, err := os.Open(dest + "/sparse")
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	b := make([]byte, 7)
	if _, err := g.ReadAt(b, size/2); err != nil || string(b) != "middle\x00" {
		t.Errorf("%q, %v", b, err)
	}
}

// TestGrows: a file that grows as fast as it is read has an end all the same, and one that
// shrinks too.
func TestGrows(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "log")
	for _, change := range []func(f *os.File) error{
		func(f *os.File) error { _, err := f.Write(make([]byte, 2*partSize)); return err },
		func(f *os.File) error { return f.Truncate(partSize) },
	} {
		if err := os.WriteFile(name, bytes.Repeat([]byte("x"), 4*partSize), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			t.Fatal(err)
		}
		var stream bytes.Buffer
		changing := writerFunc(func(b []byte) (int, error) {
			if err := change(f); err != nil {
				return 0, err
			}
			return stream.Write(b)
		})
		r := Reader{Root: Host(), Warn: func(err error) { t.Error(err) }}
		if err := r.Read(name, NewWriter(changing)); err != nil {
			t.Fatal(err)
		}
		f.Close()
		tree := &Tree{Root: Host(), Path: dir + "/copy"}
		if err := Copy(tree, &stream); err != nil {
			t.Fatal(err)
		}
		tree.Close()
		if st, err := os.Stat(dir + "/copy"); err != nil || st.Size() > 4*partSize || st.Size() < partSize {
			t.Errorf("%v, %v", st, err)
		}
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

// TestLeased: who holds a lease on a file does not hold up who reads it (fcntl(2),
// F_SETLEASE).
func TestLeased(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "leased=1", "free=2")
	f, err := os.OpenFile(dir+"/leased", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := unix.FcntlInt(f.Fd(), unix.F_SETLEASE, unix.F_WRLCK); err != nil {
		t.Fatal(err)
	}
	dest := t.TempDir()
	begun := time.Now()
	warned, err := carry(Inside(opened(t, dir)), ".", false, Host(), dest, Options{})
	if err != nil || len(warned) != 1 || !strings.Contains(warned[0], "leased") || time.Since(begun) > 10*time.Second {
		t.Errorf("%q, %v", warned, err)
	}
	if got := harvest(t, dest); !slices.Equal(got, []string{"free=2"}) {
		t.Errorf("%q", got)
	}
}

// TestCut: a stream that ends early leaves nothing that is not whole.
func TestCut(t *testing.T) {
	source := t.TempDir()
	plant(t, source, "a=1", "b="+strings.Repeat("x", 3*partSize))
	var stream bytes.Buffer
	r := Reader{Root: Host(), Warn: func(err error) { t.Error(err) }}
	if err := r.Read(source+"/b", NewWriter(&stream)); err != nil {
		t.Fatal(err)
	}
	whole := stream.Bytes()
	for _, n := range []int{0, 3, 20, 200, partSize, 2 * partSize, len(whole) - 1} {
		dest := t.TempDir()
		tree := &Tree{Root: Host(), Path: dest}
		err := Copy(tree, bytes.NewReader(whole[:n]))
		tree.Close()
		if !errors.Is(err, ErrCut) {
			t.Errorf("%d bytes: %v", n, err)
		}
		if got := harvest(t, dest); n < len(whole)-1 && got != nil {
			t.Errorf("%d bytes: left %d files", n, len(got))
		}
	}
}

// TestBrokenStreams: whatever comes is an error, and nothing is written outside.
func TestBrokenStreams(t *testing.T) {
	for name, write := range map[string]func(w *Writer) error{
		"up":       func(w *Writer) error { return w.Entry(Entry{Path: []byte("../x"), Type: unix.S_IFREG}) },
		"absolute": func(w *Writer) error { return w.Entry(Entry{Path: []byte("/x"), Type: unix.S_IFREG}) },
		"dot":      func(w *Writer) error { return w.Entry(Entry{Path: []byte("a/./x"), Type: unix.S_IFREG}) },
		"nul":      func(w *Writer) error { return w.Entry(Entry{Path: []byte("a\x00"), Type: unix.S_IFREG}) },
		"link up": func(w *Writer) error {
			return w.Entry(Entry{Path: []byte("x"), Type: unix.S_IFREG, Same: []byte("../canary")})
		},
		"link to other": func(w *Writer) error {
			return w.Entry(Entry{Path: []byte("x"), Type: unix.S_IFREG, Same: []byte("old")})
		},
		"part":         func(w *Writer) error { return w.Part(0, []byte("x")) },
		"end":          func(w *Writer) error { return w.EndFile(1) },
		"type":         func(w *Writer) error { return w.Entry(Entry{Path: []byte("x"), Type: unix.S_IFBLK}) },
		"no parent":    func(w *Writer) error { return w.Entry(Entry{Path: []byte("a/x"), Type: unix.S_IFREG}) },
		"through link": func(w *Writer) error { return w.Entry(Entry{Path: []byte("out/x"), Type: unix.S_IFREG}) },
		"frame":        func(w *Writer) error { return w.frame('?') },
		"offset":       func(w *Writer) error { return w.frame(kindPart, []byte("x")) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			plant(t, dir, "canary=1", "dest/", "dest/old=2", "dest/out>..")
			var stream bytes.Buffer
			w := NewWriter(&stream)
			if err := errors.Join(w.Begin(Head{Contents: true, Directory: true}), write(w), w.End()); err != nil {
				t.Fatal(err)
			}
			tree := &Tree{Root: Host(), Path: dir + "/dest"}
			defer tree.Close()
			if err := Copy(tree, &stream); err == nil {
				t.Error("it is taken")
			}
			if got := harvest(t, dir); !slices.Equal(got, []string{"canary=1", "dest/", "dest/old=2", "dest/out>.."}) {
				t.Errorf("%q", got)
			}
		})
	}
}

func FuzzCopy(f *testing.F) {
	source := f.TempDir()
	plant(f, source, "a=1", "b/", "b/c=2", "l>a")
	var stream bytes.Buffer
	if err := (&Reader{Root: Host(), Warn: func(err error) { f.Error(err) }}).Read(source, NewWriter(&stream)); err != nil {
		f.Fatal(err)
	}
	f.Add(stream.Bytes())
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		plant(t, dir, "canary=1", "dest/", "dest/out>..")
		tree := &Tree{Root: Inside(opened(t, dir+"/dest")), Path: "."}
		_ = Copy(tree, bytes.NewReader(b)) // most are broken
		tree.Close()
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != 2 {
			t.Errorf("%v, %v", entries, err)
		}
		if b, err := os.ReadFile(dir + "/canary"); err != nil || string(b) != "1" {
			t.Errorf("%q, %v", b, err)
		}
	})
}

// TestTar: a tar that is written is one that others read, and the same comes of it.
func TestTar(t *testing.T) {
	source, dest := t.TempDir(), t.TempDir()
	long := strings.Repeat("n", 200)
	plant(t, source, "d/", "d/a=1", "d/"+long+"=2", "d/l>a", "d/empty/")
	if err := errors.Join(os.Link(source+"/d/a", source+"/d/z"), unix.Chmod(source+"/d/a", 0o4755), unix.Mkfifo(source+"/d/p", 0o600), os.WriteFile(source+"/d/hole", []byte("x"), 0o600),
		os.Truncate(source+"/d/hole", 3*partSize)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	r := Reader{Root: Host(), Warn: func(err error) { t.Error(err) }}
	if err := r.Read(source+"/d", NewTarWriter(&b)); err != nil {
		t.Fatal(err)
	}
	var names []string
	for r := tar.NewReader(bytes.NewReader(b.Bytes())); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("%c %s %s", h.Typeflag, h.Name, h.Linkname))
		if h.Mode&0o7000 != 0 {
			t.Errorf("%s: mode %o", h.Name, h.Mode)
		}
	}
	slices.Sort(names)
	want := []string{"0 d/" + long + " ", "0 d/hole ", "2 d/l a", "5 d/ ", "5 d/empty/ ", "6 d/p "}
	for _, line := range want {
		if !slices.Contains(names, line) {
			t.Errorf("%q is missing among %q", line, names)
		}
	}
	tree := &Tree{Root: Inside(opened(t, dest)), Path: "/"}
	defer tree.Close()
	var stream bytes.Buffer
	if err := ReadTar(&b, NewWriter(&stream), func(err error) { t.Error(err) }); err != nil {
		t.Fatal(err)
	}
	if err := Copy(tree, &stream); err != nil {
		t.Fatal(err)
	}
	if got, want := harvest(t, dest), harvest(t, source); !slices.Equal(got, want) {
		t.Errorf("%.300q\nwant %.300q", got, want)
	}
}

// TestTars: a tar of anybody's is written below the path, or refused.
func TestTars(t *testing.T) {
	for name, row := range map[string]struct {
		headers []tar.Header
		want    []string
		failed  string
	}{
		"up":          {[]tar.Header{{Name: "../../a"}, {Name: "/b"}, {Name: "c/../../d"}}, []string{"a=", "b=", "d="}, ""},
		"no parents":  {[]tar.Header{{Name: "x/y/z"}}, []string{"x/", "x/y/", "x/y/z="}, ""},
		"links":       {[]tar.Header{{Name: "a"}, {Name: "b", Typeflag: tar.TypeLink, Linkname: "./a"}, {Name: "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}}, []string{"a=", "b=", "l>/etc"}, ""},
		"twice":       {[]tar.Header{{Name: "a", Typeflag: tar.TypeSymlink, Linkname: "b"}, {Name: "a"}, {Name: "a"}}, []string{"a="}, ""},
		"by a link":   {[]tar.Header{{Name: "l", Typeflag: tar.TypeSymlink, Linkname: ".."}, {Name: "l/x"}}, nil, "not a directory"},
		"link to out": {[]tar.Header{{Name: "l", Typeflag: tar.TypeLink, Linkname: "../canary"}}, nil, "no such file"},
		"device":      {[]tar.Header{{Name: "null", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}, {Name: "a"}}, []string{"a="}, ""},
		"nothing":     {nil, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var b, stream bytes.Buffer
			w := tar.NewWriter(&b)
			for _, h := range row.headers {
				h.Mode = 0o644
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			w.Close()
			dir := t.TempDir()
			plant(t, dir, "canary=1", "dest/")
			warned := 0
			if err := ReadTar(&b, NewWriter(&stream), func(error) { warned++ }); err != nil {
				t.Fatal(err)
			}
			tree := &Tree{Root: Inside(opened(t, dir+"/dest")), Path: "/"}
			defer tree.Close()
			err := Copy(tree, &stream)
			if row.failed != "" {
				if err == nil || !strings.Contains(err.Error(), row.failed) {
					t.Errorf("%v", err)
				}
			} else if got := harvest(t, dir+"/dest"); err != nil || !slices.Equal(got, row.want) {
				t.Errorf("%q, %v", got, err)
			}
			if (warned == 1) != (name == "device") {
				t.Errorf("warned %d times", warned)
			}
		})
	}
	cut := make([]byte, 512)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	_ = w.WriteHeader(&tar.Header{Name: "a", Size: 2000, Mode: 0o600})
	_, _ = w.Write(make([]byte, 1000))
	if err := ReadTar(io.MultiReader(bytes.NewReader(b.Bytes())), NewWriter(io.Discard), nil); err == nil {
		t.Error("a tar that is cut is taken for whole")
	}
	if err := ReadTar(bytes.NewReader(append([]byte("no tar"), cut...)), NewWriter(io.Discard), nil); err == nil {
		t.Error("anything is taken for a tar")
	}
}

// TestSaid: a million warnings are twenty lines.
func TestSaid(t *testing.T) {
	var lines []string
	s := Said{Say: func(line string) { lines = append(lines, line) }}
	if s.End() {
		t.Error("something was said")
	}
	for range 1_000 {
		s.Warn(errors.New("x\xff"))
	}
	if !s.End() || len(lines) != 21 || lines[0] != "x?" || lines[20] != "and 980 more" {
		t.Errorf("%q", lines)
	}
}
