package landlock

import (
	"fmt"
	"strings"
)

// Floor is the oldest ABI that a sandbox can use. Version 1 refuses every rename
// from one directory to another, which no build survives.
const Floor = 2

// A Policy is what is granted, of the rights that are handled. What is handled
// and not granted is refused.
type Policy struct {
	Files  Rights // handled
	Ports  Ports  // handled; no port is granted
	Scopes Scopes
	Rules  []Rule
}

// A Rule grants rights below what is mounted or found at a path. Mount is the
// number of the mount that is meant, or negative.
type Rule struct {
	Path   string
	Mount  int
	Rights Rights
	// Leaf says that it is no directory.
	Leaf bool
}

// Restrict takes away what the kernel does not know, and tells what that is.
//
// The result handles no right of a later ABI, every rule grants only what is
// handled, and none is left that grants nothing.
func (p Policy) Restrict(abi int) (Policy, []string) {
	var files Rights
	var ports Ports
	var scopes Scopes
	var lost []string
	for _, v := range versions {
		if v.abi <= abi {
			files, ports, scopes = files|v.files, ports|v.ports, scopes|v.scopes
			continue
		}
		if p.Files&v.files != 0 || p.Ports&v.ports != 0 || p.Scopes&v.scopes != 0 {
			lost = append(lost, fmt.Sprintf("%s (since Linux %s)", v.what, v.linux))
		}
	}
	out := Policy{Files: p.Files & files, Ports: p.Ports & ports, Scopes: p.Scopes & scopes}
	for _, r := range p.Rules {
		r.Rights &= out.Files
		if r.Leaf {
			r.Rights &= onFiles
		}
		if r.Rights != 0 {
			out.Rules = append(out.Rules, r)
		}
	}
	return out, lost
}

// Empty tells that nothing is handled, so that there is nothing to enforce.
func (p Policy) Empty() bool { return p.Files == 0 && p.Ports == 0 && p.Scopes == 0 }

// String gives the policy in words, for a line of the plan.
func (p Policy) String() string {
	var parts []string
	for _, r := range p.Rules {
		parts = append(parts, fmt.Sprintf("%s %s", r.Rights, r.Path))
	}
	if p.Ports != 0 {
		parts = append(parts, "no TCP")
	}
	if p.Scopes&Signals != 0 {
		parts = append(parts, "signals within")
	}
	if p.Scopes&AbstractSockets != 0 {
		parts = append(parts, "abstract sockets within")
	}
	return strings.Join(parts, "; ")
}

// Everything handles all there is, to tell what a kernel has not.
var Everything = Policy{Files: AllFiles, Ports: BindTCP | ConnectTCP, Scopes: Signals | AbstractSockets}
