package state

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func fresh(t *testing.T) *Sandboxes {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "sbx"), os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(t *testing.T, s *Sandboxes, r Record) *Held {
	t.Helper()
	h, err := s.Add(r)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestLife(t *testing.T) {
	s := fresh(t)
	h := add(t, s, Record{Name: "one", Command: []string{"make", "\xff\n"}})
	id := h.Record().ID
	for _, name := range []string{"one", id, id[:3]} {
		if r, err := s.Find(name); err != nil || r.ID != id || r.Status != Starting {
			t.Fatalf("%s: %+v, %v", name, r, err)
		}
	}
	if err := h.Begun(42); err != nil {
		t.Fatal(err)
	}
	r, err := s.Find("one")
	if err != nil || r.Status != Running || r.PID != 42 || r.Since() > time.Minute {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := s.Remove(r); !errors.Is(err, ErrRuns) {
		t.Errorf("what runs was removed: %v", err)
	}
	if err := h.Ended(3, ""); err != nil {
		t.Fatal(err)
	}
	h.Close()
	if r, err = s.Find("one"); err != nil || r.Status != Exited || *r.Exit != 3 || r.PID != 0 {
		t.Fatalf("%+v, %v", r, err)
	}
	if err := s.Remove(r); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(r); !errors.Is(err, ErrNotFound) {
		t.Errorf("it was removed twice: %v", err)
	}
	empty(t, s)
}

// empty checks that nothing is left.
func empty(t *testing.T, s *Sandboxes) {
	t.Helper()
	for _, dir := range []string{"boxes", "names"} {
		left, err := os.ReadDir(filepath.Join(s.Path(), dir))
		if err != nil || len(left) > 0 {
			t.Errorf("%s: %v is left, %v", dir, left, err)
		}
	}
}

// One whose lock nobody has is dead, whatever its record says, and one that wanted to
// be removed is.
func TestDead(t *testing.T) {
	s := fresh(t)
	h := add(t, s, Record{Name: "killed"})
	gone := add(t, s, Record{Name: "gone", Remove: true})
	for _, h := range []*Held{h, gone} {
		if err := h.Begun(1); err != nil {
			t.Fatal(err)
		}
		h.Close()
	}
	list, failed := s.List()
	if len(list) != 1 || list[0].Status != Dead || *list[0].Exit != 137 || len(failed) > 0 {
		t.Fatalf("%+v, %v", list, failed)
	}
	if _, err := s.Find("gone"); !errors.Is(err, ErrNotFound) {
		t.Errorf("gone: %v", err)
	}
	add(t, s, Record{Name: "gone"}).Remove()
	if err := s.Remove(list[0]); err != nil {
		t.Fatal(err)
	}
	empty(t, s)
}

// TestDeadOnFullDisk: that one is dead is told where it cannot be written down too.
func TestDeadOnFullDisk(t *testing.T) {
	s := fresh(t)
	h := add(t, s, Record{Name: "a"})
	if err := h.Begun(4711); err != nil {
		t.Fatal(err)
	}
	h.Close()
	inTheWay := filepath.Join(s.box(h.Record().ID), ".record.json")
	if err := os.Mkdir(inTheWay, 0o700); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if list, failed := s.List(); len(list) != 1 || list[0].Status != Dead || *list[0].Exit != 137 || len(failed) > 0 {
			t.Errorf("%+v, %v", list, failed)
		}
		if err := os.RemoveAll(inTheWay); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Remove(h.Record()); err != nil {
		t.Fatal(err)
	}
	empty(t, s)
}

// What a crash leaves half made or half removed is no sandbox, and is swept up.
func TestSweep(t *testing.T) {
	s := fresh(t)
	if err := os.MkdirAll(s.box(".half"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.box(".half"), "log"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("0123456789ab", s.named("nobody")); err != nil {
		t.Fatal(err)
	}
	if list, failed := s.List(); len(list) > 0 || len(failed) > 0 {
		t.Errorf("%v, %v", list, failed)
	}
	empty(t, s)
	if err := os.Symlink("0123456789ab", s.named("alone")); err != nil {
		t.Fatal(err)
	}
	s.Sweep()
	empty(t, s)
	if err := os.Symlink("0123456789ab", s.named("nobody")); err != nil {
		t.Fatal(err)
	}
	add(t, s, Record{Name: "nobody"}).Remove()
	empty(t, s)
}

func TestNames(t *testing.T) {
	s := fresh(t)
	h := add(t, s, Record{Name: "a"})
	defer h.Remove()
	var taken *NameTakenError
	if _, err := s.Add(Record{Name: "a"}); !errors.As(err, &taken) || taken.ID != h.Record().ID {
		t.Errorf("%v", err)
	}
	for _, name := range []string{".", "..", ".a", "a/b", "a\nb", "../a", "-a", "ä", strings.Repeat("a", 129), "a b"} {
		if _, err := s.Add(Record{Name: name}); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	for _, what := range []string{"", "..", "names", "zzz", "../names/a", h.Record().ID + "0"} {
		if _, err := s.Find(what); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", what, err)
		}
	}
}

// Several at once: a name is one's, an id is one's, and a sandbox is removed once.
func TestAtOnce(t *testing.T) {
	s := fresh(t)
	const n = 40
	held := make([]*Held, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			r := Record{}
			if i%2 == 0 {
				r.Name = "same"
			}
			h, err := s.Add(r)
			var taken *NameTakenError
			if err != nil && !errors.As(err, &taken) {
				t.Error(err)
			}
			held[i] = h
			s.List() // which sweeps
		})
	}
	wg.Wait()
	same := 0
	for i, h := range held {
		if i%2 == 0 && h != nil {
			same++
		}
		if i%2 == 1 && h == nil {
			t.Errorf("%d was not made", i)
		}
	}
	if same != 1 {
		t.Errorf("%d have the same name", same)
	}
	list, failed := s.List()
	if len(list) != n/2+1 || len(failed) > 0 {
		t.Errorf("%d, %v", len(list), failed)
	}
	for _, h := range held {
		if h != nil {
			h.Ended(0, "")
			h.Close()
		}
	}
	for _, r := range list {
		removed := make(chan error, 4)
		for range 4 {
			go func() { removed <- s.Remove(r) }()
		}
		done := 0
		for range 4 {
			if err := <-removed; err == nil {
				done++
			} else if !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrRuns) {
				t.Error(err)
			}
		}
		if done != 1 {
			t.Errorf("removed %d times", done)
		}
	}
	empty(t, s)
}

// A record of an older sbx is read, one of a newer is left alone, one that is damaged
// is told of, and none keeps the others from being seen.
func TestVersions(t *testing.T) {
	s := fresh(t)
	for id, text := range map[string]string{
		"000000000001": `{"version": 1, "id": "000000000001", "name": "old", "status": "exited", "command": ["true"], "exit": 4, "created": "2026-01-02T03:04:05Z", "unknown": {"a": 1}}`,
		"000000000002": `{"version": 99, "name": 7}`,
		"000000000003": `{"version": 1, "na`,
		"000000000004": ``,
	} {
		if err := os.Mkdir(s.box(id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.box(id), "record.json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, failed := s.List()
	if len(list) != 1 || list[0].Name != "old" || *list[0].Exit != 4 || list[0].Since() < time.Hour {
		t.Errorf("%+v", list)
	}
	if len(failed) != 3 {
		t.Errorf("%v", failed)
	}
	var newer *NewerError
	if _, err := s.Find("000000000002"); !errors.As(err, &newer) || newer.Version != 99 {
		t.Errorf("%v", err)
	}
}

func TestDir(t *testing.T) {
	runtime := t.TempDir()
	if err := os.Chmod(runtime, 0o700); err != nil {
		t.Fatal(err)
	}
	open := filepath.Join(runtime, "open")
	if err := os.Mkdir(open, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(runtime, "link")
	if err := os.Symlink(open, link); err != nil {
		t.Fatal(err)
	}
	uid := os.Getuid()
	for value, own := range map[string]bool{runtime: true, "": false, "relative": false, open: false, link: false, "/nowhere": false, "/proc": uid == 0} {
		dir := Dir(func(string) string { return value }, uid)
		if got := dir == filepath.Join(value, "sbx"); got != own {
			t.Errorf("XDG_RUNTIME_DIR=%q: %s", value, dir)
		}
	}
	// Somebody was there first.
	var wrong *DirError
	for _, dir := range []string{open, link} {
		if _, err := Open(dir, uid); !errors.As(err, &wrong) || wrong.Hint() == "" {
			t.Errorf("%s: %v", dir, err)
		}
	}
	if _, err := Open(filepath.Join(runtime, "theirs"), uid+1); !errors.As(err, &wrong) {
		t.Errorf("another's: %v", err)
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"name":"a","status":"running","exit":1,"created":"2026-01-02T03:04:05Z"}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecord("0123", b)
		if err == nil && (r.ID != "0123" || r.Version > version) {
			t.Errorf("%+v", r)
		}
		r.Since()
	})
}

func TestNewestFirst(t *testing.T) {
	s := fresh(t)
	for range 3 {
		defer add(t, s, Record{}).Remove()
	}
	list, _ := s.List()
	if !slices.IsSortedFunc(list, func(a, b Record) int { return b.Created.Compare(a.Created) }) || len(list) != 3 {
		t.Errorf("%+v", list)
	}
}

// Whoever sets the wall clock changes nothing of how long it has run.
func TestClockJumps(t *testing.T) {
	s := fresh(t)
	h := add(t, s, Record{})
	defer h.Remove()
	if err := h.Begun(1); err != nil {
		t.Fatal(err)
	}
	for _, jump := range []time.Duration{-1000 * time.Hour, 1000 * time.Hour} {
		r := h.Record()
		r.Created, r.Started = r.Created.Add(jump), r.Started.Add(jump)
		if since := r.Since(); since < 0 || since > time.Minute {
			t.Errorf("%s: %s", jump, since)
		}
		r.Boot = 0 // as an older record, for which the wall clock has to do
		if since := r.Since(); since < 0 {
			t.Errorf("%s: %s", jump, since)
		}
	}
}

// TestOtherDirectories: what was begun with another environment is found, and its name is
// taken.
func TestOtherDirectories(t *testing.T) {
	here, there := filepath.Join(t.TempDir(), "sbx"), filepath.Join(t.TempDir(), "sbx")
	other, err := Open(there, os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	h := add(t, other, Record{Name: "one"})
	s, err := OpenAll([]string{here, there, filepath.Join(here, "none")}, os.Getuid())
	if err != nil {
		t.Fatal(err)
	}
	own := add(t, s, Record{Name: "two"})
	for _, what := range []string{"one", h.Record().ID, h.Record().ID[:8]} {
		if r, err := s.Find(what); err != nil || r.ID != h.Record().ID || s.Socket(r.ID) != other.Socket(r.ID) {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
	if all, failed := s.List(); len(all) != 2 || len(failed) > 0 || all[0].Name != "two" {
		t.Errorf("listed %+v, %v", all, failed)
	}
	var taken *NameTakenError
	if _, err := s.Add(Record{Name: "one"}); !errors.As(err, &taken) {
		t.Errorf("the name was taken twice: %v", err)
	}
	if err := own.Rename("one"); !errors.As(err, &taken) {
		t.Errorf("by rename: %v", err)
	}
	if err := own.Rename("three"); err != nil {
		t.Error(err)
	}
	if err := errors.Join(h.Ended(1, ""), h.Close(), own.Remove()); err != nil {
		t.Fatal(err)
	}
	r, err := s.Find("one")
	if err == nil {
		err = s.Rename(r, "two")
	}
	if err != nil {
		t.Fatal(err)
	}
	if r, err = s.Find("two"); err != nil || r.Name != "two" {
		t.Fatalf("renamed: %+v, %v", r, err)
	}
	if err := s.Remove(r); err != nil {
		t.Error(err)
	}
	if all, _ := s.List(); len(all) > 0 {
		t.Errorf("left: %+v", all)
	}
}

// TestDirs: where sandboxes are looked for, and made first.
func TestDirs(t *testing.T) {
	own, usual := t.TempDir(), t.TempDir()
	for _, dir := range []string{own, usual} {
		if err := os.Chmod(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	open := t.TempDir()
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		runtime, usual string
		want           []string
	}{
		{own, usual, []string{own + "/sbx", usual + "/sbx"}},
		{usual, usual, []string{usual + "/sbx", "/last"}},
		{"", usual, []string{usual + "/sbx", "/last"}},
		{"/no-such", usual, []string{usual + "/sbx", "/last"}},
		{"", open, []string{"/last"}}, // others may look into it
		{"", "/proc", []string{"/last"}},
		{own, open, []string{own + "/sbx"}},
	} {
		if got := dirs(c.runtime, c.usual, "/last", os.Getuid()); !slices.Equal(got, c.want) {
			t.Errorf("XDG_RUNTIME_DIR=%s, %s: %q, want %q", c.runtime, c.usual, got, c.want)
		}
	}
}

// TestHold takes over what has ended, with its id, name and log.
func TestHold(t *testing.T) {
	s := fresh(t)
	h := add(t, s, Record{Name: "one"})
	id := h.Record().ID
	if _, err := s.Hold(id, Record{}); !errors.Is(err, ErrRuns) {
		t.Errorf("what runs was taken over: %v", err)
	}
	args := []string{"-d", "--", "sh", "\xff\n"}
	if err := errors.Join(h.KeepBegun(Begun{"/dir/\xe9", "id", args}), h.Ended(3, ""), h.Close()); err != nil {
		t.Fatal(err)
	}
	r, err := s.Find("one")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := s.BegunBy(r); err != nil || got.Dir != "/dir/\xe9" || got.ID != "id" || !slices.Equal(got.Args, args) {
		t.Errorf("begun by %q, %v", got, err)
	}
	again, err := s.Hold(id, Record{Command: []string{"new"}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if r, err = s.Find("one"); err != nil || r.ID != id || r.Status != Starting || r.Exit != nil || r.Command[0] != "new" {
		t.Errorf("taken over: %+v, %v", r, err)
	}
}

// TestBytes: names that are no text come back as they were.
func TestBytes(t *testing.T) {
	s := fresh(t)
	want := Record{Name: "one", Command: []string{"a", "\xff"}, Writable: []string{"/w\xfe"}, Project: "/p\xe9", Rootfs: "/r\xe8"}
	h := add(t, s, want)
	defer h.Close()
	r, err := s.Find("one")
	if err != nil || r.Project != want.Project || r.Rootfs != want.Rootfs || !slices.Equal(r.Command, want.Command) || !slices.Equal(r.Writable, want.Writable) || r.Bytes != nil {
		t.Errorf("%+v, %v", r, err)
	}
}
