package runlater

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// blobOf is the id of a file's content in a commit.
func blobOf(t *testing.T, dir, path string) string {
	t.Helper()
	cmd := exec.Command("git", "rev-parse", "HEAD:"+path)
	cmd.Dir = dir
	out, err := cmd.Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

// TestReplacedObjects tells what has git take one object for another.
func TestReplacedObjects(t *testing.T) {
	dir := repository(t, tempDir(t))
	write(t, dir, "other", "evil\n")
	git(t, dir, "add", "other")
	git(t, dir, "commit", "-q", "-m", "other")
	blob, other := blobOf(t, dir, "README"), blobOf(t, dir, "other")
	write(t, dir, "fixtures/"+blob, other+"\n")
	write(t, dir, "old/grafts", blob+"\n")
	ref := "refs/replace/" + blob
	for _, c := range []struct {
		name string
		plan func()
		want []string
	}{
		{"by git", func() { git(t, dir, "replace", blob, other) }, []string{".git/" + ref}},
		{"by a longer name", func() { write(t, dir, ".git/refs/replace/a/b/"+blob, other+"\n") }, []string{".git/refs/replace/a/b/" + blob}},
		{"in other case", func() { write(t, dir, ".git/refs/Replace/"+blob, other+"\n") }, []string{".git/refs/Replace/" + blob}},
		{"moved there", func() { must(t, os.Rename(filepath.Join(dir, "fixtures"), filepath.Join(dir, ".git/refs/replace"))) }, []string{".git/" + ref}},
		{"by a link", func() { link(t, "../../fixtures", filepath.Join(dir, ".git/refs/replace")) }, []string{".git/refs/replace"}},
		{"by grafts", func() { write(t, dir, ".git/info/grafts", blob+"\n") }, []string{".git/info/grafts"}},
		{"by grafts that were moved there", func() {
			must(t, os.Rename(filepath.Join(dir, ".git/info"), filepath.Join(dir, "info")))
			must(t, os.Rename(filepath.Join(dir, "old"), filepath.Join(dir, ".git/info")))
		}, []string{".git/info/grafts"}},
		{"packed", func() {
			git(t, dir, "replace", blob, other)
			git(t, dir, "pack-refs", "--all")
		}, []string{".git/packed-refs (doubtful)"}},
		{"a branch of that name", func() {
			git(t, dir, "branch", "replace/"+blob)
			git(t, dir, "branch", "replace/x")
			git(t, dir, "pack-refs", "--all")
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			backup := filepath.Join(tempDir(t), "copy")
			must(t, exec.Command("cp", "-a", dir, backup).Run())
			g := find(t, dir)
			c.plan()
			want(t, found(check(t, g)), c.want...)
			must(t, os.RemoveAll(dir))
			must(t, os.Rename(backup, dir))
		})
	}

	// A link of the developer's, and a file that the run writes behind it.
	must(t, os.RemoveAll(filepath.Join(dir, ".git/refs/replace")))
	link(t, "../../theirs", filepath.Join(dir, ".git/refs/replace"))
	write(t, dir, "theirs/"+blob, other+"\n")
	g := find(t, dir)
	want(t, found(check(t, g)))
	write(t, dir, "theirs/"+other, blob+"\n")
	want(t, found(check(t, g)), "theirs/"+other)
}

// TestPartOfObjects: what git writes for a part of a repository is no finding.
func TestPartOfObjects(t *testing.T) {
	base := tempDir(t)
	from := repository(t, filepath.Join(base, "from"))

	for _, name := range []string{"a", "b", "c"} {
		write(t, from, name+"/"+name, name)
		git(t, from, "add", ".")
		git(t, from, "commit", "-q", "-m", name)
	}
	dir := repository(t, filepath.Join(base, "project"))
	g := find(t, dir)
	git(t, dir, "fetch", "-q", "--depth=1", "file://"+from, "main")
	git(t, dir, "clone", "-q", "--reference", from, from, "one")
	git(t, dir, "clone", "-q", "--depth=2", "file://"+from, "two")
	git(t, dir, "-C", "one", "sparse-checkout", "set", "a")
	write(t, dir, ".git/info/attributes", "*.c diff=cpp\n")
	write(t, dir, ".git/info/exclude", "*.o\n")
	git(t, dir, "gc", "-q")
	want(t, found(check(t, g)))
}

// TestTables reads a table as git writes it: names share a part with the one before.
func TestTables(t *testing.T) {
	id := strings.Repeat("i", 20)
	table := func(version byte, size int, records ...string) []byte {
		head := []byte{'R', 'E', 'F', 'T', version, byte(size >> 16), byte(size >> 8), byte(size)}
		head = append(head, make([]byte, 16)...)
		if version == 2 {
			head = append(head, "s256"...)
		}
		body := strings.Join(records, "")
		length := len(head) + 4 + len(body) + 3 + 2
		b := append(head, 'r', byte(length>>16), byte(length>>8), byte(length))
		b = append(append(b, body...), 0, 0, byte(len(head)+4), 0, 1)
		return append(b, make([]byte, max(0, size-len(b)))...)
	}
	record := func(shared int, suffix string, kind byte, value string) string {
		return string([]byte{byte(shared), byte(len(suffix)<<3) | kind}) + suffix + "\x01" + value
	}
	branch := record(0, "refs/re", 1, id)
	for name, c := range map[string]struct {
		table []byte
		want  string
		bad   bool
	}{
		"shared":     {table: table(1, 0, branch, record(7, "pla", 1, id), record(10, "ce/x", 1, id)), want: "refs/re refs/repla refs/replace/x"},
		"removed":    {table: table(1, 0, branch, record(7, "place/x", 0, "")), want: "refs/re"},
		"tag":        {table: table(1, 0, record(0, "refs/t", 2, id+id), record(5, "u", 3, "\x02ab")), want: "refs/t refs/u"},
		"sha256":     {table: table(2, 0, record(0, "refs/t", 1, id+id[:12])), want: "refs/t"},
		"two blocks": {table: append(table(1, 256, branch), "r\x00\x00\x26"+record(0, "refs/z", 1, id)+"\x00\x00\x04\x00\x01"...), want: "refs/re refs/z"},
		"cut":        {table: table(1, 0, branch[:12]), bad: true},
		"not one":    {table: []byte("REFT"), bad: true},
	} {
		var names []string
		err := tableNames(c.table, func(name []byte, gone bool) {
			if !gone {
				names = append(names, string(name))
			}
		})
		if got := strings.Join(names, " "); err != nil != c.bad || !c.bad && got != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}

	dir := repository(t, tempDir(t))
	write(t, dir, ".git/reftable/1.ref", string(table(1, 0, branch)))
	g := find(t, dir)
	write(t, dir, ".git/reftable/2.ref", string(table(1, 0, branch)))
	want(t, found(check(t, g)))
	write(t, dir, ".git/reftable/3.ref", string(table(1, 0, branch, record(7, "place/x", 1, id))))
	want(t, found(check(t, g)), ".git/reftable/3.ref (doubtful)")
}
