package profiles

import (
	"strconv"
	"strings"
)

// A Line is the place in a file that a value comes from. Its zero value is
// nowhere: the value was not said.
type Line struct {
	File string
	N    int
}

func (l Line) String() string {
	if l.N == 0 {
		return l.File
	}
	return l.File + ":" + strconv.Itoa(l.N)
}

// BuiltIn tells whether it is of a profile that sbx brings.
func (l Line) BuiltIn() bool { return strings.HasPrefix(l.File, builtIn) }

// builtIn is what generate.go calls the files.
const builtIn = "profiles/"

// A Value is a word of a profile, as it stands there, and its place. A value of
// yes or no is the word "true" or "false".
type Value struct {
	Text string
	From Line
}

// Said tells whether a profile says anything of this value.
func (v Value) Said() bool { return v.From != Line{} }

// Is tells whether the value is that word.
func (v Value) Is(word string) bool { return v.Said() && v.Text == word }

// An Assignment sets a variable.
type Assignment struct {
	Name, Value string
	From        Line
}

// A Profile is what a command may see. A field has the name of its key, which
// the table in schema.go explains. Nothing said is the zero value.
type Profile struct {
	Name        string
	Description Value
	Extends     []Value
	Commands    []Value

	Files    Files
	Cache    Cache
	Home     Home
	Env      Env
	Network  Network
	Process  Process
	Limits   Limits
	Security Security
}

// Files is what is seen of the host's files.
type Files struct {
	Show, Write, Hide, Tmpfs, Expose []Value
	Project                          Value // read or write
	NoExecTmp                        Value
}

// Cache is what is kept from one run to the next.
//
// There is no cache that is shared with the host, writable. Who can write what
// the developer's next build takes for its own compiler output has that build.
type Cache struct {
	Private []Value
	// Layered are directories of the host's that are only read, and what is written there is
	// kept apart.
	Layered []Value
}

// Home is what a tool keeps of its own in the home, as settings and logins: it is no cache, and
// where those are nothing that cleans up looks for it.
type Home struct {
	Private []Value // for this project
	Shared  []Value // for all projects, and not with the host
}

// Env is the environment.
type Env struct {
	Pass, Drop []Value
	Set        []Assignment
	Clear      Value
}

// Network is what a command needs of the network.
type Network struct {
	Hosts []Value
	TCP   Value // none or allow
	// Publish are ports on which the command waits for a login's answer.
	Publish []Value
}

// Process is what a process may use up.
type Process struct {
	Ulimits []Value
	Timeout Value
	Disk    Value // of what is thrown away or kept
}

// Limits is how much all of a sandbox's processes together may use, in the words of the
// flags of the same names.
type Limits struct {
	Memory, MemorySwap, CPUs, CPUWeight, CPUSet, Pids Value
	IOMax                                             []Value
}

// Security is what protections are given up.
type Security struct {
	Seccomp  Value // default or unconfined
	RunLater Value // guard or keep
	UserNS   Value
	IA32     Value
}
