package runlater

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func linkedOf(r Report) []string {
	var names []string
	for _, f := range r.Linked {
		name := f.Path
		if f.What == Doubtful {
			name += " (perhaps)"
		}
		names = append(names, name)
	}
	return names
}

func sh(t *testing.T, dir, line string) {
	t.Helper()
	cmd := exec.Command("sh", "-ec", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@b", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@b")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", line, err, out)
	}
}

// TestLinked: what a command does to files that have names outside, and inside only.
func TestLinked(t *testing.T) {
	for line, changed := range map[string][]string{
		"echo x >> lib/a":     {"lib/a"},
		"echo x > deep/1/2/b": {"deep/1/2/b", "lib/b"},
		"touch -r lib/a t; echo x >> lib/a; touch -r t lib/a": {"lib/a (perhaps)"},
		"rm lib/b; echo x > deep/1/2/b; rm -rf lib":           {"deep/1/2/b"},
		"chmod +x lib/a; mv lib/a a":                          {"a (perhaps)"},
		"echo x >> in/1":                                      nil, // all names are in the project
		"rm -rf lib deep && mkdir lib && echo x > lib/a":      nil, // as npm ci
		"echo x > lib/new; mv lib/new lib/a":                  nil, // as an editor
		"mkdir s; echo x > s/1; ln s/1 lib/1; cp -al in in2":  nil, // as pnpm and cargo
		"cat lib/a > /dev/null; touch -a new; rm lib/a in/1":  nil,
		"git init -q r && cd r && echo > f && git add . && git commit -qm x && git clone -q . ../r2 && git gc -q": nil,
	} {
		t.Run(strings.ReplaceAll(line, "/", "|"), func(t *testing.T) {
			base := tempDir(t)
			dir := filepath.Join(base, "project")
			sh(t, base, `mkdir -p store project/lib project/deep/1/2 project/in; echo > store/a; echo > store/b; ln store/a project/lib; ln store/b project/lib
				ln store/b project/deep/1/2; echo > project/in/1; ln project/in/1 project/in/2; touch -d 2020-01-01 store/* project/in/*`)
			g := find(t, dir)
			must(t, g.Record())
			sh(t, dir, line)
			want(t, linkedOf(check(t, g)), changed...)
		})
	}
}

// TestLinkedWide: names that several walkers see are counted together.
func TestLinkedWide(t *testing.T) {
	base := tempDir(t)
	dir := filepath.Join(base, "project")
	for i := range 40 {
		sub := filepath.Join(dir, fmt.Sprint("d", i))
		must(t, os.MkdirAll(sub, 0o755))
		for _, name := range []string{"all", "some"} {
			if i == 0 {
				write(t, sub, name, "")
			} else {
				must(t, os.Link(filepath.Join(dir, "d0", name), filepath.Join(sub, name)))
			}
		}
	}
	must(t, os.Link(filepath.Join(dir, "d0/some"), filepath.Join(base, "outside")))
	g := find(t, dir)
	write(t, dir, "d7/all", "x")
	write(t, dir, "d9/some", "x")
	if names := linkedOf(check(t, g)); len(names) != 40 || names[0] != "d0/some" {
		t.Errorf("%q", names)
	}
}

// TestLinkedObjects: git sets the times of objects that it would write again.
func TestLinkedObjects(t *testing.T) {
	for _, packed := range []string{"true", "git -C from gc -q"} {
		base := tempDir(t)
		repository(t, filepath.Join(base, "from"))
		sh(t, base, packed+"; git clone -q from project; cp -a from/.git/objects copy")
		dir := filepath.Join(base, "project")
		g := find(t, dir)
		must(t, g.Record())
		sh(t, dir, "cp README again; git add .; git commit -qm again; find .git/objects -type f -links +1 ! -path '*/info/*' ! -name '*.idx' -exec touch {} +")
		r := check(t, g)
		if len(r.Linked) > 0 {
			t.Errorf("%s: %v", packed, r.Linked)
		}
		sh(t, dir, "find .git/objects -type f -links +1 -exec chmod u+w {} + -exec sh -c 'for f; do printf x | dd of=$f bs=1 seek=12 conv=notrunc status=none; done' sh {} +")
		if r := check(t, g); len(r.Linked) < 3 {
			t.Errorf("%s: %v", packed, r.Linked)
		}
	}
}

// TestLinkedRecorded: without change times that can be relied on.
func TestLinkedRecorded(t *testing.T) {
	base := tempDir(t)
	dir := filepath.Join(base, "project")
	for _, name := range []string{"a", "b", "c"} {
		write(t, base, "store/"+name, "")
		write(t, dir, "x", "")
		must(t, os.Link(filepath.Join(base, "store", name), filepath.Join(dir, name)))
	}
	g := find(t, dir)
	g.roots[0].reliable = false
	fd, err := openRoot(dir)
	must(t, err)
	_, err = g.baselineAt(0, fd)
	must(t, err)
	g.recorded = true
	write(t, dir, "a", "x")
	must(t, os.Rename(filepath.Join(dir, "b"), filepath.Join(dir, "b2")))
	want(t, linkedOf(check(t, g)), "a")
}
