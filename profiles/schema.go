package profiles

// A kind is what the value of a key must be.
type kind int

const (
	aText        kind = iota
	aSwitch           // true or false
	aChoice           // one of some words
	aDuration         // 90s, 10m, 2h
	anAmount          // of something of the machine, see key.amount
	processors        // 0-3,7
	aSize             // 512m, 2g
	profileNames      // lists, from here on
	commandNames
	paths        // that may end in "?": skipped when not there
	certainPaths // without it: skipped anyway, or made
	projectPaths // hidden ones
	keptPaths    // below the home
	globs        // of variables
	hosts
	ports
	limits
	devices     // DEVICE:rbps=...
	assignments // a table of strings
)

func (k kind) list() bool { return k >= profileNames && k < assignments }

// A key is a line of the schema: the one table from which profiles are parsed,
// merged, judged and printed.
type key struct {
	table, name string
	kind        kind
	// choices are the words of a choice and of a switch, the tightest first.
	choices []string
	// usual is the choice that holds where nothing is said.
	usual string
	// wider says in words what a value gives that there is not without it; a %
	// stands for the value. Empty is a key that can only tighten.
	wider string

	// amount is how much a value is, to compare it with another.
	amount func(text string) (float64, error)

	one  func(*Profile) *Value
	many func(*Profile) *[]Value
}

func (k *key) String() string {
	if k.table == "" {
		return k.name
	}
	return k.table + "." + k.name
}

// tightness is the place of a word among the choices: less is tighter.
func (k *key) tightness(word string) int {
	for i, c := range k.choices {
		if c == word {
			return i
		}
	}
	return len(k.choices)
}

// tables are those of a profile, in the order of the schema.
var tables = [...]string{"", "files", "cache", "home", "env", "network", "process", "limits", "security"}

var schema = [...]key{
	{name: "description", kind: aText, one: func(p *Profile) *Value { return &p.Description }},
	{name: "extends", kind: profileNames, many: func(p *Profile) *[]Value { return &p.Extends }},
	{name: "commands", kind: commandNames, many: func(p *Profile) *[]Value { return &p.Commands }},

	{table: "files", name: "show", kind: paths, wider: "shows % read-only",
		many: func(p *Profile) *[]Value { return &p.Files.Show }},
	{table: "files", name: "write", kind: paths, wider: "shows % writable",
		many: func(p *Profile) *[]Value { return &p.Files.Write }},
	{table: "files", name: "hide", kind: projectPaths,
		many: func(p *Profile) *[]Value { return &p.Files.Hide }},
	{table: "files", name: "tmpfs", kind: certainPaths, wider: "puts a writable directory in memory at %",
		many: func(p *Profile) *[]Value { return &p.Files.Tmpfs }},
	{table: "files", name: "expose", kind: paths, wider: "shows % read-only, with the secrets in it",
		many: func(p *Profile) *[]Value { return &p.Files.Expose }},
	{table: "files", name: "project", kind: aChoice, choices: []string{"read", "write"}, usual: "write", wider: "makes the project writable",
		one: func(p *Profile) *Value { return &p.Files.Project }},
	{table: "files", name: "noexec_tmp", kind: aSwitch, choices: []string{"true", "false"}, usual: "false", wider: "lets programs in /tmp be run",
		one: func(p *Profile) *Value { return &p.Files.NoExecTmp }},

	{table: "cache", name: "private", kind: keptPaths, wider: "keeps what is written to % for the next run",
		many: func(p *Profile) *[]Value { return &p.Cache.Private }},
	{table: "cache", name: "layered", kind: keptPaths, wider: "shows % read-only, and keeps what is written there for the next run",
		many: func(p *Profile) *[]Value { return &p.Cache.Layered }},

	{table: "home", name: "private", kind: keptPaths, wider: "keeps what is written to % for the project",
		many: func(p *Profile) *[]Value { return &p.Home.Private }},
	{table: "home", name: "shared", kind: keptPaths, wider: "keeps what is written to % for all projects with this profile",
		many: func(p *Profile) *[]Value { return &p.Home.Shared }},

	{table: "env", name: "pass", kind: globs, wider: "passes the environment's %",
		many: func(p *Profile) *[]Value { return &p.Env.Pass }},
	{table: "env", name: "drop", kind: globs,
		many: func(p *Profile) *[]Value { return &p.Env.Drop }},
	{table: "env", name: "set", kind: assignments, wider: "sets the environment's %"},
	{table: "env", name: "clear", kind: aSwitch, choices: []string{"true", "false"}, usual: "false", wider: "passes the usual environment",
		one: func(p *Profile) *Value { return &p.Env.Clear }},

	{table: "network", name: "hosts", kind: hosts, wider: "needs the network's %",
		many: func(p *Profile) *[]Value { return &p.Network.Hosts }},
	{table: "network", name: "publish", kind: ports, wider: "publishes port % on the loopback",
		many: func(p *Profile) *[]Value { return &p.Network.Publish }},
	{table: "network", name: "tcp", kind: aChoice, choices: []string{"none", "allow"}, usual: "allow", wider: "allows TCP",
		one: func(p *Profile) *Value { return &p.Network.TCP }},

	{table: "process", name: "ulimits", kind: limits,
		many: func(p *Profile) *[]Value { return &p.Process.Ulimits }},
	{table: "process", name: "timeout", kind: aDuration,
		one: func(p *Profile) *Value { return &p.Process.Timeout }},
	{table: "process", name: "disk", kind: aSize,
		one: func(p *Profile) *Value { return &p.Process.Disk }},

	{table: "limits", name: "memory", kind: anAmount, amount: memoryAmount, one: func(p *Profile) *Value { return &p.Limits.Memory }},
	{table: "limits", name: "memory_swap", kind: anAmount, amount: memoryAmount, one: func(p *Profile) *Value { return &p.Limits.MemorySwap }},
	{table: "limits", name: "cpus", kind: anAmount, amount: cpusAmount, one: func(p *Profile) *Value { return &p.Limits.CPUs }},
	{table: "limits", name: "cpu_weight", kind: anAmount, amount: weightAmount, one: func(p *Profile) *Value { return &p.Limits.CPUWeight }},
	{table: "limits", name: "cpuset", kind: processors, one: func(p *Profile) *Value { return &p.Limits.CPUSet }},
	{table: "limits", name: "pids", kind: anAmount, amount: pidsAmount, one: func(p *Profile) *Value { return &p.Limits.Pids }},
	{table: "limits", name: "io_max", kind: devices, many: func(p *Profile) *[]Value { return &p.Limits.IOMax }},

	{table: "security", name: "seccomp", kind: aChoice, choices: []string{"default", "unconfined"}, usual: "default", wider: "allows every system call",
		one: func(p *Profile) *Value { return &p.Security.Seccomp }},
	{table: "security", name: "run_later", kind: aChoice, choices: []string{"guard", "keep"}, usual: "guard",
		wider: "leaves files that are run later outside as the command made them",
		one:   func(p *Profile) *Value { return &p.Security.RunLater }},
	{table: "security", name: "userns", kind: aSwitch, choices: []string{"false", "true"}, usual: "false", wider: "allows nested user namespaces",
		one: func(p *Profile) *Value { return &p.Security.UserNS }},
	{table: "security", name: "ia32", kind: aSwitch, choices: []string{"false", "true"}, usual: "false", wider: "allows 32-bit system calls",
		one: func(p *Profile) *Value { return &p.Security.IA32 }},
}

// hostSets are the words that stand for the hosts of one ecosystem; package hosts knows
// which those are.
var hostSets = [...]string{"@cargo", "@debian", "@github", "@go", "@maven", "@npm", "@pypi", "@rubygems"}

// resources are the limits that a profile may set, as in prlimit(1). There is no
// "core": a core dump is the memory of a process, and none are made.
var resources = [...]string{
	"as", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
}
