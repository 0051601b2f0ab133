package sandbox

import (
	"os"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sbxrun/sbx/userns"
)

// TestOpening: what is begun before the flags are read is what plans begin with,
// or every run would begin twice.
func TestOpening(t *testing.T) {
	dir := t.TempDir()
	spec := func(change func(*Spec)) Spec {
		s := build("make")
		s.Project, s.Writable = dir, []string{dir}
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		spec    Spec
		project string
	}{
		"host view": {spec(func(*Spec) {}), dir},
		"with files": {spec(func(s *Spec) {
			s.OCI.Mounts = append(s.OCI.Mounts, bind(os.Args[0], "/tmp/x", "ro"), tmpfs("/run/mine", "size=64k"))
			s.AllowRunLater = true
		}), dir},
		"without project": {spec(func(s *Spec) { s.Project = "" }), ""},
		"a root": {spec(func(s *Spec) {
			s.View, s.Layers, s.Upper, s.Overlay, s.IDs = Union, []string{dir}, t.TempDir(), DriverKernel, IDsSingle
		}), ""},
	} {
		h, err := Probe(c.spec)
		if err != nil {
			t.Fatal(err)
		}
		want, got := Opening(c.project), plan(t, c.spec, h)
		if len(got.Steps) < len(want.Steps) {
			t.Fatalf("%s: the plan is shorter than its opening", name)
		}
		got.Steps = got.Steps[:len(want.Steps)]
		if diff := cmp.Diff(want.String(), got.String()); diff != "" || !reflect.DeepEqual(want, got) {
			t.Errorf("%s (-opening +plan):\n%s", name, diff)
		}
	}
	if n := len(Opening("").Steps); n != 1 {
		t.Errorf("%d steps are begun for every plan", n)
	}
	if _, ok := Opening("").Steps[0].(userns.DieWithSupervisor); !ok {
		t.Error("a child was begun that outlives its supervisor")
	}
}
