package tree

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// then is the time of all that plant makes.
var then = time.Unix(1_600_000_000, 5)

// plant makes the same tree each time.
func plant(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	do := func(errs ...error) {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	do(os.Mkdir(at("d"), 0o755), os.Mkdir(at("d/e"), 0o700), os.WriteFile(at("d/a"), []byte("one"), 0o644), os.Link(at("d/a"), at("d/b")),
		os.Symlink("a", at("d/link")), unix.Mkfifo(at("pipe"), 0o600), os.WriteFile(at("d.x"), nil, 0o644), os.WriteFile(at("new\nline\xff"), []byte("x"), 0o600),
		os.WriteFile(at("d/large"), []byte(strings.Repeat("0123456789", 20_000)), 0o600), unix.Setxattr(at("d/a"), "user.x", []byte("1"), 0),
		unix.Mknod(at("gone"), unix.S_IFCHR, 0))
	do(filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error { return err }))
	settle(t, dir)
	return dir
}

func settle(t *testing.T, dir string) {
	t.Helper()
	stamp := []unix.Timespec{unix.NsecToTimespec(then.UnixNano()), unix.NsecToTimespec(then.UnixNano())}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return unix.UtimesNanoAt(unix.AT_FDCWD, path, stamp, unix.AT_SYMLINK_NOFOLLOW)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string) int {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func TestEntries(t *testing.T) {
	var paths []string
	for e, err := range Entries(open(t, plant(t))) {
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, e.Path)
		if e.Path == "d/link" && e.Link != "a" || e.Path == "d/a" && (e.Attributes["user.x"] != "1" || e.Stat.Size != 3) {
			t.Errorf("%+v", e)
		}
	}
	want := []string{".", "d", "d/a", "d/b", "d/e", "d/large", "d/link", "d.x", "gone", "new\nline\xff", "pipe"}
	if !slices.Equal(paths, want) {
		t.Errorf("%q", paths)
	}
	if !slices.IsSortedFunc(paths, Compare) {
		t.Error("Compare has another order")
	}
	for e := range Entries(open(t, plant(t))) {
		if e.Path == "d" {
			break // which must not end in a panic
		}
	}
}

// TestDeep: a build can make a path that no system call takes.
func TestDeep(t *testing.T) {
	dir := t.TempDir()
	name := strings.Repeat("n", 200)
	for depth, want := range map[int]bool{900: true, 1200: false} {
		fd := open(t, dir)
		for range depth {
			if err := unix.Mkdirat(fd, name, 0o755); err != nil && err != unix.EEXIST {
				t.Fatal(err)
			}
			next, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
			if err != nil {
				t.Fatal(err)
			}
			if depth > 0 {
				t.Cleanup(func() { unix.Close(next) })
			}
			fd = next
		}
		n := 0
		var failed error
		for _, err := range Entries(open(t, dir)) {
			failed = err
			n++
		}
		if (failed == nil) != want {
			t.Errorf("%d deep: %d entries, %v", depth, n, failed)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDifferences(t *testing.T) {
	for name, row := range map[string]struct {
		change func(at func(string) string) error
		want   []string
	}{
		"none":    {func(func(string) string) error { return nil }, nil},
		"content": {func(at func(string) string) error { return os.WriteFile(at("d/a"), []byte("two"), 0) }, []string{`"d/a": content differs`, `"d/b": content differs`}},
		"last byte": {func(at func(string) string) error {
			return os.WriteFile(at("d/large"), []byte(strings.Repeat("0123456789", 19_999)+"012345678x"), 0)
		}, []string{`"d/large": content differs`}},
		"size":    {func(at func(string) string) error { return os.WriteFile(at("d.x"), []byte("1"), 0) }, []string{`"d.x": size is 1, not 0`}},
		"mode":    {func(at func(string) string) error { return os.Chmod(at("d/e"), 0o755) }, []string{`"d/e": mode is 40755, not 40700`}},
		"missing": {func(at func(string) string) error { return os.Remove(at("d/e")) }, []string{`"d/e" is missing`}},
		"last":    {func(at func(string) string) error { return os.Remove(at("pipe")) }, []string{`"pipe" is missing`}},
		"more":    {func(at func(string) string) error { return os.WriteFile(at("zz"), nil, 0o600) }, []string{`"zz" is there and should not be`}},
		"link":    {func(at func(string) string) error { os.Remove(at("d/link")); return os.Symlink("b", at("d/link")) }, []string{`"d/link": leads to "b", not "a"`}},
		"attribute": {func(at func(string) string) error { return unix.Setxattr(at("d/a"), "user.x", []byte("2"), 0) },
			[]string{`"d/a": extended attributes differ`, `"d/b": extended attributes differ`}},
		"hard link": {func(at func(string) string) error {
			os.Remove(at("d/b"))
			return errorOf(os.WriteFile(at("d/b"), []byte("one"), 0o644), unix.Setxattr(at("d/b"), "user.x", []byte("1"), 0))
		}, []string{`"d/b": is the same file as "d/b", not "d/a"`}},
		"type": {func(at func(string) string) error { os.Remove(at("pipe")); return os.WriteFile(at("pipe"), nil, 0o600) },
			[]string{`"pipe": mode is 100600, not 10600`}},
	} {
		t.Run(name, func(t *testing.T) {
			is, want := plant(t), plant(t)
			if err := row.change(func(name string) string { return filepath.Join(is, name) }); err != nil {
				t.Fatal(err)
			}
			settle(t, is)
			lines, err := Differences(open(t, is), open(t, want), 20)
			if err != nil || !slices.Equal(lines, row.want) {
				t.Errorf("%q, %v", lines, err)
			}
		})
	}
}

func errorOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func TestTimesDiffer(t *testing.T) {
	is, want := plant(t), plant(t)
	now := []unix.Timespec{{Sec: 1}, {Sec: 1}}
	for _, name := range []string{"d.x", "gone"} { // nobody sees the time of what is gone
		if err := unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(is, name), now, 0); err != nil {
			t.Fatal(err)
		}
	}
	lines, err := Differences(open(t, is), open(t, want), 20)
	if err != nil || fmt.Sprint(lines) != `["d.x": time is 1970-01-01T00:00:01Z, not 2020-09-13T12:26:40.000000005Z]` {
		t.Errorf("%q, %v", lines, err)
	}
	if lines, err := Differences(open(t, t.TempDir()), open(t, want), 3); err != nil || len(lines) != 3 {
		t.Errorf("%q, %v", lines, err)
	}
}
