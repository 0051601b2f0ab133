package layer

import (
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/sbxrun/sbx/userns"
)

// A Union is a stack of directories that look like one.
type Union struct {
	// Lower are the directories that are only read, the top one first.
	Lower []string
	// Upper takes what is written. Empty is a directory in memory that goes away
	// with the mount namespace, whatever ends it.
	Upper string
	// Memory are options of the file system in memory, as its size.
	Memory []userns.Option
	// Label is the SELinux label of all that is in the union, or empty.
	Label string
}

// Driver is who unites the directories.
type Driver int

const (
	Kernel Driver = iota
	Fuse
)

// FuseFD is the connection to the kernel that the child opens for
// fuse-overlayfs and hands to the supervisor.
const FuseFD userns.FD = "fuse connection"

// fuseNumber is the descriptor that the mount option fd= names. It must be a
// number that is known before anything is opened, and that nothing else has.
const fuseNumber = 255

// Work is the directory beside a kept upper in which overlayfs prepares files.
// It must be on the same mount as the upper (overlayfs(5), "workdir"). It holds
// nothing between two runs.
func Work(upper string) string {
	dir, name := filepath.Split(filepath.Clean(upper))
	return filepath.Join(dir, "."+name+".sbx-work")
}

// Steps mounts the union somewhere below scratch, a directory that the caller
// can spare and that no layer is in, and returns where.
//
// addLower says that the kernel takes one lower directory per call ("lowerdir+",
// Linux 6.5): then names may be as long as they like. Otherwise they all share
// one page, and are given short names first.
func (u Union) Steps(scratch string, d Driver, addLower bool) (steps []userns.Step, root string) {
	root = scratch + "/root"
	steps = []userns.Step{
		userns.Mount{Type: "tmpfs", Target: scratch, Options: u.memory("0755"), Attr: userns.NoSuid | userns.NoDev},
		userns.Mkdir{Path: root, Mode: 0o755, Below: scratch},
	}
	if d == Fuse {
		return append(steps, userns.MountFuse{Target: root, Name: "fuse-overlayfs", Number: fuseNumber, As: FuseFD}, userns.Send{FD: FuseFD}), root
	}
	upper, work := u.Upper, Work(u.Upper)
	if upper == "" {
		upper, work = scratch+"/upper", scratch+"/work"
		steps = append(steps, userns.Mkdir{Path: upper, Mode: 0o755, Below: scratch})
	}
	steps = append(steps, userns.Mkdir{Path: work, Mode: 0o700, Below: filepath.Dir(work)})
	if addLower {
		return append(steps, u.newMount(upper, work), userns.Attach{From: "root", What: "overlay", Target: root}), root
	}
	return append(steps, u.oldMount(scratch, upper, work)...), root
}

// memory are the options of the file system in memory.
func (u Union) memory(mode string) []userns.Option {
	return append([]userns.Option{{Key: "mode", Value: mode}}, u.Memory...)
}

// common are the options that every union has. index and xino need what a user
// namespace has not, and the kernel would say so in its log each time.
var common = []userns.Option{{Key: "userxattr"}, {Key: "index", Value: "off"}, {Key: "xino", Value: "off"}}

// options are those that every union has, and the label.
func (u Union) options() []userns.Option { return Options(u.Label) }

// Options are those of every union, with the SELinux label of all that is in it, or none.
func Options(label string) []userns.Option {
	options := slices.Clone(common)
	if label != "" {
		options = append(options, userns.Option{Key: "context", Value: label})
	}
	return options
}

func (u Union) newMount(upper, work string) userns.Make {
	var options []userns.Option
	for _, dir := range u.Lower {
		options = append(options, userns.Option{Key: "lowerdir+", Value: dir})
	}
	options = append(options, userns.Option{Key: "upperdir", Value: escape(upper)}, userns.Option{Key: "workdir", Value: escape(work)})
	return userns.Make{Type: "overlay", Options: append(options, u.options()...), Attr: userns.NoSuid | userns.NoDev, As: "root"}
}

// oldMount binds each lower directory to a number below scratch, so that some
// hundreds of them fit the option page of mount(2).
func (u Union) oldMount(scratch, upper, work string) []userns.Step {
	var steps []userns.Step
	names := make([]string, len(u.Lower))
	for i, dir := range u.Lower {
		names[i] = strconv.Itoa(i)
		fd := userns.FD("layer " + names[i])
		steps = append(steps,
			userns.Take{Source: dir, Attr: userns.ReadOnly | userns.NoSuid | userns.NoDev, As: fd},
			userns.Mkdir{Path: scratch + "/" + names[i], Mode: 0o755, Below: scratch},
			userns.Attach{From: fd, What: dir, Target: scratch + "/" + names[i]})
	}
	options := []userns.Option{{Key: "lowerdir", Value: strings.Join(names, ":")},
		{Key: "upperdir", Value: escapeComma(escape(upper))}, {Key: "workdir", Value: escapeComma(escape(work))}}
	return append(steps, userns.Chdir{Path: scratch},
		userns.Mount{Type: "overlay", Target: scratch + "/root", Options: append(options, u.options()...), Attr: userns.NoSuid | userns.NoDev})
}

// escape has overlayfs take a name as it is: it reads a backslash as "the next
// one is not special".
func escape(name string) string { return strings.ReplaceAll(name, `\`, `\\`) }

// escapeComma does the same for the list of options of mount(2).
func escapeComma(name string) string { return strings.ReplaceAll(name, ",", `\,`) }
