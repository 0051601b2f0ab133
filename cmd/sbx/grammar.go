package main

import (
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/sbxrun/sbx/cmd/internal/usage"
	"github.com/sbxrun/sbx/profiles"
	"github.com/sbxrun/sbx/profiles/hosts"
	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/image/store"
)

// The flags of run, in the groups in which --help shows them. kong takes some 20
// microseconds for each flag of a grammar, so the grammar has those alone that
// are among the arguments; a plain sbx run -- CMD pays for none.

type fileFlags struct {
	Volume    []text `short:"v" sep:"none" placeholder:"SRC:DST[:ro|rw]" help:"Bind a file or directory of the host, or mount a volume by its name."`
	Mount     []text `sep:"none" placeholder:"type=bind|tmpfs|volume,src=SRC,dst=DST[,ro]" help:"Mount as docker's --mount does."`
	Device    []text `sep:"none" placeholder:"PATH[:DST][:ro|rw]" help:"Give a device of the host, or a directory of devices."`
	Ro        []text `sep:"none" placeholder:"PATH" help:"Show a path of the host at its own place, read-only."`
	Rw        []text `sep:"none" placeholder:"PATH" help:"Show a path of the host at its own place, writable."`
	Hide      []text `sep:"none" placeholder:"PATH" help:"Hide a path (PATH? if it may be missing). Overrides all others."`
	Tmpfs     []text `sep:"none" placeholder:"DST[:size=SIZE]" help:"Mount a private directory in memory."`
	Project   text   `placeholder:"DIR" help:"Bind DIR, above this directory (default: repository or workspace)."`
	NoProject bool   `help:"Do not bind the current directory."`
	Workdir   text   `short:"w" placeholder:"DIR" help:"Set the working directory inside (default: the project)."`
}

type imageFlags struct {
	Image            text   `placeholder:"NAME" help:"Run in an image: a reference, oci:DIR, docker-archive:FILE, dir:ROOT."`
	Keep             string `placeholder:"NAME" help:"Keep what is written to the image under a name, for the next run."`
	Pull             string `enum:"missing,always,never,newer," default:"" placeholder:"missing|always|never|newer" help:"Choose when to pull the image (default: missing)."`
	Platform         string `placeholder:"OS/ARCH" help:"Choose the image's platform (default: this machine's)."`
	InsecureRegistry []text `sep:"none" placeholder:"HOST[:PORT]" help:"Talk to this registry without encryption."`
	Entrypoint       *text  `placeholder:"CMD" help:"Replace the image's entrypoint; an empty CMD removes it."`
}

type rootFlags struct {
	Rootfs   text   `placeholder:"DIR" help:"Run in DIR as the root, and throw away what is written to it."`
	RwRootfs bool   `help:"Write to the directory of --rootfs itself."`
	Layer    []text `sep:"none" placeholder:"DIR" help:"Run in a union of directories, the top one first."`
	Upper    text   `placeholder:"DIR" help:"Keep what is written to the union in DIR."`
	ReadOnly bool   `help:"Mount the root read-only."`
	Overlay  string `enum:"auto,kernel,fuse-overlayfs," default:"" placeholder:"auto|kernel|fuse-overlayfs" help:"Choose what makes the union (default: auto)."`
}

type identityFlags struct {
	Userns   string `placeholder:"auto|keep-id|root|single|UIDMAP" help:"Choose the ids inside; UIDMAP is INSIDE:OUTSIDE:COUNT,..."`
	User     text   `short:"u" placeholder:"USER[:GROUP]" help:"Run as this user of the root file system."`
	Name     string `placeholder:"NAME" help:"Name the sandbox, for sbx ps, exec and stop."`
	Hostname string `placeholder:"NAME" help:"Set the host name inside (default: the sandbox's name)."`
	GroupAdd []text `sep:"none" placeholder:"GROUP" help:"Add a group of the root file system to the user's."`
}

type environmentFlags struct {
	Env      []text `short:"e" sep:"none" placeholder:"NAME[=VALUE]" help:"Set a variable, or pass the caller's."`
	EnvFile  []text `sep:"none" placeholder:"FILE" help:"Set the variables of a file, one NAME=VALUE on each line."`
	EnvPass  []text `sep:"none" placeholder:"GLOB" help:"Pass the caller's variables whose names match."`
	RmEnv    []text `sep:"none" placeholder:"NAME" help:"Remove a variable."`
	ClearEnv bool   `help:"Pass none of the caller's variables by default."`

	NoGitConfig bool `help:"Give git nothing of your configuration, as your name."`
}

type networkFlags struct {
	Net          string `aliases:"network" enum:"none,allow,user,host," default:"" placeholder:"none|allow|user|host" help:"Choose the network: none (default), allowed hosts, internet, host's."`
	NetDriver    string `enum:"auto,pasta,slirp4netns," default:"" placeholder:"auto|pasta|slirp4netns" help:"Choose what serves --net user (default: the first installed)."`
	Allow        []text `sep:"none" placeholder:"HOST[:PORT]" help:"Allow a host, *.NAME, ADDRESS/BITS or a set as @npm (ports 443, 80)."`
	Deny         []text `sep:"none" placeholder:"HOST[:PORT]" help:"Block a host. Overrides --allow."`
	AllowPrivate []text `sep:"none" placeholder:"HOST[:PORT]" help:"Let an allowed host resolve to a private or local address."`
	HostPort     []text `sep:"none" placeholder:"PORT[:PORT]" help:"Forward a port of the host's localhost into the sandbox."`
	AddHost      []text `sep:"none" placeholder:"NAME:IP" help:"Add a line to /etc/hosts."`
	Publish      []text `short:"p" sep:"none" placeholder:"[IP:]HOST:SANDBOX[/udp]" help:"Publish a port on 127.0.0.1 (or IP). Omit HOST for a free port."`
	NetLearn     bool   `help:"Allow all public hosts, and print the --allow flags to use."`
	ProxyEnv     bool   `help:"Run an HTTP and SOCKS5 proxy inside, and set http_proxy and friends."`
	NetLog       text   `placeholder:"FILE" help:"Write each connection to a file, as JSON."`
}

type processFlags struct {
	Timeout     span   `placeholder:"DURATION" help:"End the command after this time (90, 1m30s), with exit code 124."`
	Ulimit      []text `sep:"none" placeholder:"NAME=SOFT[:HARD]" help:"Set a resource limit."`
	ShmSize     text   `placeholder:"SIZE" help:"Limit the memory that /dev/shm takes."`
	StopSignal  string `placeholder:"SIGNAL" help:"Ask the command to end by this signal (default: SIGTERM, or image's)."`
	StopTimeout *span  `placeholder:"SECONDS" help:"Kill it after this time then (default: 10; 1 with --timeout)."`
	Disk        text   `placeholder:"SIZE" help:"Limit what is written and thrown away, or kept (--upper, --keep)."`
	Interactive bool   `short:"i" help:"Keep standard input open (only needed with --detach)."`
	Tty         *bool  `short:"t" negatable:"" help:"Give the command a terminal (default: if stdin and stdout are one)."`
	Stdio       string `enum:"pipe,direct," default:"" placeholder:"pipe|direct" help:"Carry a redirected file through a pipe (default), or pass it on."`
	Init        *bool  `negatable:"" help:"Run a reaper as process 1 (default), or the command itself."`
	NewClock    *bool  `negatable:"" help:"Start the monotonic and boot clocks at zero (default)."`
	Umask       *text  `placeholder:"OCTAL" help:"Set the file mode creation mask (default: yours)."`
}

type lifecycleFlags struct {
	Detach  bool   `short:"d" help:"Run in the background, and print the id."`
	Rm      bool   `help:"Remove the sandbox when it exits (always so without --detach)."`
	Label   []text `short:"l" sep:"none" placeholder:"NAME[=VALUE]" help:"Describe the sandbox, for sbx ps --filter and inspect."`
	Cidfile text   `placeholder:"FILE" help:"Write the sandbox's id to a new file."`
	Restart string `placeholder:"no|on-failure[:N]" help:"With --detach: restart it when it failed, at most N times."`
	LogMax  string `placeholder:"SIZE|none" help:"With --detach: limit its log, the oldest lines go (default: 10m)."`
}

type protectionFlags struct {
	Profile         []text `sep:"none" placeholder:"NAME,..." help:"Choose what the command may see (default: by the command's name)."`
	NoProfile       bool   `help:"Use no profile."`
	Secret          []text `sep:"none" placeholder:"NAME[,env=VAR|file=PATH][,from=FILE]" help:"Give a variable or a file to the command, kept in memory."`
	UnsafeExpose    []text `sep:"none" placeholder:"PATH" help:"Show a path that is hidden because it holds secrets."`
	AllowRunLater   bool   `help:"Leave files that run later on the host, such as git hooks."`
	ReadOnlyProject bool   `help:"Bind the current directory read-only."`
	NoexecTmp       bool   `help:"Run no program from a private directory or from memory."`
	NoTcp           bool   `help:"Forbid TCP, also on the loopback."`
	Seccomp         text   `placeholder:"FILE|default|unconfined" help:"Filter system calls by an OCI or docker profile (default: default)."`
	AllowUserns     bool   `help:"Allow user namespaces and mounts in them (Chromium, Bazel, Nix)."`
	AllowIa32       bool   `name:"allow-ia32" help:"Allow 32-bit system calls."`
	CapAdd          []text `sep:"none" placeholder:"CAP" help:"Add a capability."`
	CapDrop         []text `sep:"none" placeholder:"CAP" help:"Drop a capability, or ALL."`
	SecurityOpt     []text `sep:"none" placeholder:"label=...|apparmor=PROFILE" help:"Set the label of SELinux or AppArmor."`
	RawTerminal     bool   `help:"Let every control sequence through to the terminal."`
	AllowRoot       bool   `help:"Let root run a command in the host view."`
	AllowDegraded   []text `sep:"none" placeholder:"NAME,..." help:"Run without a missing protection: landlock, seccomp, clock, limits."`
}

type outputFlags struct {
	Receipt text   `placeholder:"FILE" help:"Write what was enforced to a file, as JSON."`
	DryRun  dryRun `placeholder:"plan|spec|json" help:"Print what would be done, step by step or as JSON, and do nothing."`
	Quiet   bool   `short:"q" help:"Print errors only."`
	Verbose bool   `help:"Print each step and the reason for each choice."`
	Help    bool   `short:"h" help:"Print this help."`
}

// runFlags are all flags of run.
type runFlags struct {
	fileFlags
	imageFlags
	rootFlags
	identityFlags
	environmentFlags
	networkFlags
	processFlags
	lifecycleFlags
	protectionFlags
	limitFlags
	outputFlags
	command []string
	image   *store.Image // of --image
	inUse   *os.File     // keeps it from being removed
	kept    store.Kept   // of --keep
	notes   []string     // what is to be said before the command runs
	profile profiles.Profile
	set     []profiles.Assignment // variables that the profile sets
	origins map[string]string     // the profile's line behind a path
	again   string                // the id of the sandbox that sbx start starts again
	volumes []*os.File            // keep them from being removed
	hosts   []hosts.Host          // what sets of hosts stand for
	place   location              // the project, and where the caller is in it
	linked  []linked              // paths of flags that go through links
	logical string                // the working directory by the caller's name through links
	around  *sandbox.Surroundings // what is read of the host meanwhile
	umask   uint32                // the caller's
	// unlimited are the profile's limits that are not in force.
	unlimited []sandbox.LimitProof
}

func (f *runFlags) note(format string, args ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, args...))
}

func (f *runFlags) groups() []flagGroup {
	return []flagGroup{
		{"Files", &f.fileFlags}, {"Image", &f.imageFlags}, {"Root", &f.rootFlags}, {"Identity", &f.identityFlags},
		{"Environment", &f.environmentFlags}, {"Network", &f.networkFlags}, {"Process", &f.processFlags}, {"Lifecycle", &f.lifecycleFlags},
		{"Protection", &f.protectionFlags}, {"Limits", &f.limitFlags}, {"Output", &f.outputFlags},
	}
}

// flagGroup is some flags under a title. flags points to a struct of them.
type flagGroup struct {
	title string
	flags any
}

// used gives the group with those flags alone that are among the arguments. It
// may take the value of another flag for a flag, which costs time and changes
// nothing. The struct is a new one; keep copies its values back.
func (g flagGroup) used(args []string) (some flagGroup, keep func()) {
	from := reflect.ValueOf(g.flags).Elem()
	var fields []reflect.StructField
	for i := range from.NumField() {
		if field := from.Type().Field(i); mentioned(field, args) {
			fields = append(fields, field)
		}
	}
	if fields == nil {
		return flagGroup{}, nil
	}
	to := reflect.New(reflect.StructOf(fields))
	return flagGroup{g.title, to.Interface()}, func() {
		for _, field := range fields {
			from.FieldByName(field.Name).Set(to.Elem().FieldByName(field.Name))
		}
	}
}

// mentioned tells whether a flag is among the arguments, by any of its names.
func mentioned(field reflect.StructField, args []string) bool {
	long := kebab(field.Name)
	short, alias := field.Tag.Get("short"), field.Tag.Get("aliases")
	for _, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if name, ok := strings.CutPrefix(name, "--"); ok {
			if name == long || name == "no-"+long || alias != "" && name == alias {
				return true
			}
			continue
		}
		if short != "" && strings.HasPrefix(arg, "-") && strings.Contains(arg, short) {
			return true
		}
	}
	return false
}

// kebab is how kong names the flag of a field.
func kebab(field string) string {
	var b strings.Builder
	for i, r := range field {
		if r >= 'A' && r <= 'Z' {
			if i > 0 {
				b.WriteByte('-')
			}
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// text is a value as it was typed. kong passes its own strings through JSON, which
// changes names that are not UTF-8 into others.
type text string

// Decode takes the value as it is.
func (t *text) Decode(ctx *kong.DecodeContext) error {
	token, err := ctx.Scan.PopValue("value")
	if err != nil {
		return err
	}
	value, ok := token.Value.(string)
	if !ok {
		return fmt.Errorf("want a value, not %v", token.Value)
	}
	*t = text(value)
	return nil
}

// span is a duration, or a number of seconds as timeout(1) and podman take it.
type span time.Duration

// Decode reads it.
func (d *span) Decode(ctx *kong.DecodeContext) error {
	token, err := ctx.Scan.PopValue("duration")
	if err != nil {
		return err
	}
	value := fmt.Sprint(token.Value)
	if _, err := strconv.ParseFloat(value, 64); err == nil {
		value += "s"
	}
	parsed, err := time.ParseDuration(value)
	if err != nil {
		return fmt.Errorf("%q: want seconds, or a duration as 90s or 1h30m", token.Value)
	}
	*d = span(parsed)
	return nil
}

func texts(values []text) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}

// dryRun is --dry-run with or without a form.
type dryRun string

// IsBool lets the flag stand without a value (kong.BoolMapperValue).
func (d *dryRun) IsBool() bool { return true }

// Decode reads the form, which is plan when there is none.
func (d *dryRun) Decode(ctx *kong.DecodeContext) error {
	*d = "plan"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		*d = dryRun(fmt.Sprint(ctx.Scan.Pop().Value))
	}
	if !slices.Contains([]dryRun{"plan", "spec", "json"}, *d) {
		return fmt.Errorf("want plan, spec or json")
	}
	return nil
}

// parseRun reads the arguments of run. What is not a flag starts the command.
func parseRun(args []string) (*runFlags, error) {
	f := &runFlags{}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		f.command = args
		return f, nil
	}
	if len(args) > 1 && args[0] == "--" {
		f.command = args[1:]
		return f, nil
	}
	flags := args
	if i := slices.Index(args, "--"); i >= 0 {
		flags = args[:i]
	}
	var used []flagGroup
	var keeps []func()
	for _, g := range f.groups() {
		if some, keep := g.used(flags); keep != nil {
			used, keeps = append(used, some), append(keeps, keep)
		}
	}
	if err := f.parse(used, args); err == nil {
		for _, keep := range keeps {
			keep()
		}
		return f, nil
	}
	// The whole grammar has the flag, or says best what is wrong.
	f = &runFlags{}
	return f, f.parse(f.groups(), args)
}

func (f *runFlags) parse(groups []flagGroup, args []string) error {
	k, command, err := grammar(groups)
	if err != nil {
		return err
	}
	if _, err = k.Parse(args); err != nil {
		return usage.Explain(err, k.Model.Node)
	}
	// As typed: kong has passed its own copy through JSON.
	f.command = args[len(args)-len(command.Command):]
	if len(f.command) > 0 && f.command[0] == "--" {
		f.command = f.command[1:]
	}
	return nil
}

func grammar(groups []flagGroup) (*kong.Kong, *runCommand, error) {
	options := []kong.Option{
		kong.Name("sbx run"), kong.NoDefaultHelp(),
		kong.Description("Run a command in a sandbox: the host's tools read-only, this directory, and nothing else."),
		kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}),
	}
	for _, g := range groups {
		options = append(options, kong.Embed(g.flags, fmt.Sprintf("group:%q", g.title)))
	}
	command := &runCommand{}
	k, err := kong.New(command, options...)
	return k, command, err
}

// runCommand is what follows the flags.
type runCommand struct {
	Command []string `arg:"" optional:"" passthrough:"partial" name:"CMD" help:"The command and its arguments (default: your shell, on a terminal)."`
}

// runUsage is all that run takes.
func runUsage() (usage.Command, error) {
	k, _, err := grammar((&runFlags{}).groups())
	if err != nil {
		return usage.Command{}, err
	}
	return usage.Of("sbx run", k.Model.Node), nil
}
