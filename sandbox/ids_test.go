package sandbox

import (
	"testing"

	"github.com/sbxrun/sbx/userns"
)

// TestKeepsGroups: with more ids the command of the host view has the groups that it has with
// one, and no others are kept.
func TestKeepsGroups(t *testing.T) {
	for _, c := range []struct {
		name string
		ids  IDs
		user string
		keep bool
	}{{"keep-id", IDsKeep, "", true}, {"root", IDsRoot, "", true}, {"another user", IDsKeep, "daemon", false}} {
		s, h := build("make"), laptop()
		s.IDs, s.User, h.Account = c.ids, c.user, Account{UID: 1, GID: 1}
		p := plan(t, s, h)
		found := false
		for _, step := range p.Steps {
			if set, ok := step.(userns.SetUser); ok {
				found = true
				if (set.Groups == nil) != c.keep {
					t.Errorf("%s: %s", c.name, set)
				}
			}
		}
		if !found {
			t.Errorf("%s: no user is set", c.name)
		}
	}
}

// TestFilterForOneID: the filter knows the ids where there are one user and one group, and the
// command can map no others.
func TestFilterForOneID(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Spec)
		want   bool
	}{
		{"host view", func(*Spec) {}, true}, {"user namespaces", func(s *Spec) { s.UserNS = true }, false},
		{"keep-id", func(s *Spec) { s.IDs = IDsKeep }, false},
		{"root alone", func(s *Spec) { s.View, s.Layers, s.IDs = Union, []string{"/srv/a"}, IDsSingle }, true},
	} {
		s := build("make")
		c.change(&s)
		done, _, err := Complete(s, laptop())
		if err != nil {
			t.Fatal(err)
		}
		if got := done.oneID() != nil; got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
