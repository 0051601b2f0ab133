package idmap

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayouts(t *testing.T) {
	sub := []Range{{100000, 65536}}
	for _, c := range []struct {
		name string
		got  Map
		want string
	}{
		{"single", Single(0, 1000), "0:1000:1"},
		{"root", Root(1000, sub), "0:1000:1,1:100000:65536"},
		{"root, two ranges", Root(1000, []Range{{5000, 10}, {100000, 100}}), "0:1000:1,1:5000:10,11:100000:100"},
		{"root, own id in a range", Root(1000, []Range{{990, 20}}), "0:1000:1,1:990:10,11:1001:9"},
		{"root, own id alone in a range", Root(1000, []Range{{1000, 1}, {2000, 1}}), "0:1000:1,1:2000:1"},
		{"root, a range twice", Root(1000, []Range{{5000, 10}, {5000, 10}, {5005, 10}}), "0:1000:1,1:5000:10"},
		{"keep-id", KeepID(1000, sub), "1000:1000:1,0:100000:1000,1001:101000:64536"},
		{"keep-id of root", KeepID(0, []Range{{5000, 3}}), "0:0:1,1:5000:3"},
		{"keep-id, few ids", KeepID(1000, []Range{{5000, 10}}), "1000:1000:1,0:5000:10"},
		{"keep-id, two ranges", KeepID(5, []Range{{50, 3}, {90, 6}}), "5:5:1,0:50:3,3:90:2,6:92:4"},
		{"keep-id, a large id", KeepID(1<<31+7, []Range{{5000, 3}}), "2147483655:2147483655:1,0:5000:3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.got.String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if err := c.got.Check(); err != nil {
				t.Errorf("the kernel would refuse it: %v", err)
			}
		})
	}
}

func TestBothDirections(t *testing.T) {
	m := KeepID(1000, []Range{{100000, 65536}})
	for _, inside := range []uint32{0, 999, 1000, 1001, 65535} {
		outside, ok := m.ToOutside(inside)
		if !ok {
			t.Fatalf("no id outside for %d", inside)
		}
		if back, ok := m.ToInside(outside); !ok || back != inside {
			t.Errorf("%d -> %d -> %d", inside, outside, back)
		}
	}
	if _, ok := m.ToOutside(70000); ok {
		t.Error("an id past the map has an id outside")
	}
	if _, ok := m.ToInside(1001); ok {
		t.Error("another user's id is inside")
	}
}

func TestCheckRefuses(t *testing.T) {
	long := make(Map, MaxLines+1)
	for i := range long {
		long[i] = Mapping{uint32(i), uint32(i), 1}
	}
	for name, m := range map[string]Map{
		"empty": {}, "an empty line": {{0, 1000, 0}}, "too long": long,
		"past the last id inside":  {{math.MaxUint32, 1000, 2}},
		"past the last id outside": {{0, math.MaxUint32 - 1, 5}},
		"overlap inside":           {{0, 1000, 10}, {5, 2000, 10}},
		"overlap outside":          {{0, 1000, 10}, {10, 1005, 10}},
	} {
		if m.Check() == nil {
			t.Errorf("%s: %s was taken", name, m)
		}
	}
	if err := long[:MaxLines].Check(); err != nil {
		t.Errorf("the longest map: %v", err)
	}
}

func TestForms(t *testing.T) {
	m := Root(1000, []Range{{100000, 65536}})
	if got, want := m.File(), "0 1000 1\n1 100000 65536\n"; got != want {
		t.Errorf("file: got %q, want %q", got, want)
	}
	if diff := cmp.Diff([]string{"0", "1000", "1", "1", "100000", "65536"}, m.Args()); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	if m.Size() != 65537 || m.IsSingle() || !Single(0, 0).IsSingle() {
		t.Errorf("size %d, single %v", m.Size(), m.IsSingle())
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0:1000:1", "0:1000:1,1:100000:65536", "", "0:0:0", "4294967295:1:1", "-1:0:1", "0:1", "a:b:c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		m, err := Parse(s)
		if err != nil {
			return
		}
		if m.Check() != nil {
			t.Errorf("%q was taken and is no map", s)
		}
		again, err := Parse(m.String())
		if err != nil || cmp.Diff(m, again) != "" {
			t.Errorf("%q: %s reads back as %s, %v", s, m, again, err)
		}
	})
}
