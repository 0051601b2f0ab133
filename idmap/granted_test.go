package idmap

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rootless-containers/rootlesskit/v3/pkg/parent/idtools"
)

func TestRangesAreChecked(t *testing.T) {
	got, err := ranges([]idtools.SubIDRange{{Start: 100000, Length: 65536}, {Start: 7, Length: 0}, {Start: 200000, Length: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Range{{100000, 65536}, {200000, 1}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, r := range map[string]idtools.SubIDRange{
		"negative start":        {Start: -1, Length: 5},
		"negative length":       {Start: 5, Length: -1},
		"past the last id":      {Start: 1 << 32, Length: 1},
		"overflow (2016-6252)":  {Start: 100000, Length: 1<<32 - 1},
		"the host's root in it": {Start: 0, Length: 65536},
	} {
		if _, err := ranges([]idtools.SubIDRange{r}); err == nil {
			t.Errorf("%s: %v was taken", name, r)
		}
	}
}

func TestDynamicSource(t *testing.T) {
	for text, want := range map[string]bool{
		"":                            false,
		"passwd: files sss\n":         false,
		"subid: files\n":              false,
		"subid: sss\n":                true,
		" subid:\tsss files # ours\n": true,
		"# subid: sss\n":              false,
		"subid:\n":                    false,
	} {
		if got := dynamicIn(strings.NewReader(text)); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

func TestHelperErrors(t *testing.T) {
	if got := (Helpers{}).Missing(); got != "newuidmap" {
		t.Errorf("missing %q", got)
	}
	if got := (Helpers{NewUIDMap: "/x"}).Missing(); got != "newgidmap" {
		t.Errorf("missing %q", got)
	}
	err := Helpers{"/bin/false", "/bin/true"}.Write(1, Single(0, 1), Single(0, 1))
	if err == nil || !strings.Contains(err.Error(), "/bin/false 0:1:1: exit status 1") {
		t.Errorf("got %v", err)
	}
	err = Helpers{"/bin/true", "/no/such/helper"}.Write(1, Single(0, 1), Single(0, 1))
	if err == nil || !strings.Contains(err.Error(), "/no/such/helper") {
		t.Errorf("got %v", err)
	}
}
