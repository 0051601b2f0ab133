package landlock

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// full is a policy with all that a sandbox asks for.
func full() Policy {
	return Policy{
		Files: AllFiles, Ports: BindTCP | ConnectTCP, Scopes: Signals | AbstractSockets,
		Rules: []Rule{
			{Path: "/", Mount: -1, Rights: Read | Execute},
			{Path: "/p", Mount: 3, Rights: Read | Execute | Write | Sockets},
			{Path: "/p/file", Mount: 4, Rights: Read | Write, Leaf: true},
			{Path: "/s", Mount: -1, Rights: Sockets},
		},
	}
}

// The post-condition of Restrict, for every ABI there is and some that are not.
func TestRestrictHandlesOnlyWhatTheKernelKnows(t *testing.T) {
	for abi := 0; abi < 12; abi++ {
		got, lost := full().Restrict(abi)
		for _, v := range versions {
			has := got.Files&v.files != 0 || got.Ports&v.ports != 0 || got.Scopes&v.scopes != 0
			if has != (v.abi <= abi) {
				t.Errorf("ABI %d: %s of ABI %d: handled is %v", abi, v.what, v.abi, has)
			}
		}
		missing := 0
		for _, v := range versions {
			if v.abi > abi {
				missing++
			}
		}
		if len(lost) != missing {
			t.Errorf("ABI %d: lost %q, want %d lines", abi, lost, missing)
		}
		for _, r := range got.Rules {
			if r.Rights == 0 || r.Rights&^got.Files != 0 {
				t.Errorf("ABI %d: rule %v grants %b of %b", abi, r.Path, r.Rights, got.Files)
			}
			if r.Leaf && r.Rights&^onFiles != 0 {
				t.Errorf("ABI %d: %s is no directory and grants %b", abi, r.Path, r.Rights)
			}
		}
	}
}

func TestRestrictLeavesItsPolicyAlone(t *testing.T) {
	p := full()
	p.Restrict(2)
	if diff := cmp.Diff(full(), p); diff != "" {
		t.Error(diff)
	}
}

func TestRestrictInWords(t *testing.T) {
	for _, c := range []struct {
		abi   int
		words string
		lost  []string
	}{
		{7, "read,execute /; read,execute,write /p; read,write files /p/file; no TCP; signals within; abstract sockets within", []string{"named sockets (since Linux 7.1)"}},
		{9, "read,execute /; read,execute,write,connect /p; read,write files /p/file; connect /s; no TCP; signals within; abstract sockets within", nil},
		{2, "read,execute /; read,execute,write /p; read,write files /p/file", []string{
			"truncation (since Linux 6.2)", "TCP ports (since Linux 6.7)", "device control (since Linux 6.10)",
			"signals and abstract sockets (since Linux 6.12)", "named sockets (since Linux 7.1)",
		}},
	} {
		got, lost := full().Restrict(c.abi)
		if got.String() != c.words {
			t.Errorf("ABI %d: %s", c.abi, got)
		}
		if diff := cmp.Diff(c.lost, lost); diff != "" {
			t.Errorf("ABI %d: %s", c.abi, diff)
		}
	}
}

// No right is in two versions, and all are in one.
func TestVersionsHaveEachRightOnce(t *testing.T) {
	var files Rights
	for _, v := range versions {
		if files&v.files != 0 {
			t.Errorf("ABI %d brings again %b", v.abi, files&v.files)
		}
		files |= v.files
	}
	if files != AllFiles {
		t.Errorf("versions have %b, want %b", files, AllFiles)
	}
}
