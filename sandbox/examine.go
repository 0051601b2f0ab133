package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/sandbox/cgroup"
	"github.com/sbxrun/sbx/sandbox/landlock"
	"github.com/sbxrun/sbx/sandbox/refusal"
)

// A Finding is one thing that a host grants, or does not.
type Finding struct {
	Name string `json:"name"`
	// Granted says that it is, and Needed that nothing runs without.
	Granted bool `json:"granted"`
	Needed  bool `json:"needed"`
	// Says is what there is, or why it is not, and Hint what mends that.
	Says string `json:"says"`
	Hint string `json:"hint,omitempty"`
}

// Examine looks at all that a host may grant to sandboxes. Whether one can be made is
// not guessed: one is made.
func Examine(ctx context.Context) ([]Finding, error) {
	h, err := Probe(Spec{View: Union, UserNetwork: &UserNetwork{}})
	if err != nil {
		return nil, err
	}
	h.Cgroups = cgroup.Probe(h.User)
	protected, err := tried(ctx)
	user := found("user", true, Spec{View: HostView}.checkRoot(h), "not root")
	return append([]Finding{found("sandbox", true, err, "a command runs in the host view, with "+protected), user}, h.findings(refusal.Look())...), nil
}

// tried makes a sandbox of the host view.
func tried(ctx context.Context) (protected string, err error) {
	c := CommandContext(ctx, "true")
	c.failed, c.Spec.Project = nil, "" // wherever this is called
	c.Spec.OCI.Process = &specs.Process{Args: []string{"true"}, Env: Environment(HostView, os.Environ(), nil)}
	c.Receipted, c.Spec.AllowRoot = true, true // a finding of its own is about root
	if err = c.Run(); err != nil {
		return "", err
	}
	return strings.Join(c.Receipt().layers(), ", "), nil
}

// layers are the protections that a receipt is about.
func (r Receipt) layers() (names []string) {
	names = append(names, "namespaces")
	if r.Seccomp != nil {
		names = append(names, "seccomp")
	}
	if r.Landlock != nil {
		names = append(names, "Landlock")
	}
	return names
}

// found is a finding that is granted where there is no error.
func found(name string, needed bool, err error, says string) Finding {
	if err != nil {
		return Finding{Name: name, Needed: needed, Says: err.Error(), Hint: Hint(err)}
	}
	return Finding{Name: name, Granted: true, Needed: needed, Says: says}
}

// findings are what some sandboxes are made with.
func (h Host) findings(around refusal.Around) []Finding {
	overlay := "by the kernel"
	var union error
	if h.UpperUnfit != "" {
		overlay = "by fuse-overlayfs, since " + h.UpperUnfit
		union = Spec{View: Union}.checkFuse(h)
	}
	n := UserNetwork{}
	network := n.choose(h.UserNetwork)
	if network == nil {
		network = tunError(h.UserNetwork.TunErr)
	}
	return []Finding{
		found("kernel", false, nil, "Linux "+h.Kernel.String()),
		h.landlockFinding(),
		found("subordinate ids", false, h.missingRanges(), fmt.Sprintf("%d of users, %d of groups", count(h.UIDs), count(h.GIDs))),
		found("throw-away layers", false, union, overlay),
		found("network in user mode", false, network, "by "+n.Driver),
		limitsFinding(h.Cgroups),
		found("security modules", false, nil, modules(around)),
	}
}

// landlockFinding says which rights that a sandbox would forbid the kernel does not know.
func (h Host) landlockFinding() Finding {
	if h.Landlock < landlock.Floor {
		return found("landlock", true, errors.New(landlockMissing(h)), "")
	}
	says := fmt.Sprintf("ABI %d", h.Landlock)
	if _, lost := (&compiler{spec: Spec{View: HostView}, host: h}).landlock().Restrict(h.Landlock); len(lost) > 0 {
		says += ", without " + strings.Join(lost, ", ")
	}
	return found("landlock", true, nil, says)
}

// limitsFinding says what can be limited. That some of it cannot is no refusal: what is
// delegated by default differs.
func limitsFinding(h cgroup.Host) Finding {
	all := []string{"memory", "pids", "cpu", "io", "cpuset"}
	place, err := h.Choose(all)
	lost := place.Missing
	if err != nil && (lost == nil || len(lost) == len(all)) {
		return found("limits", false, err, "")
	}
	has := slices.DeleteFunc(all, func(name string) bool { return slices.Contains(lost, name) })
	f := found("limits", false, nil, strings.Join(has, ", "))
	if err != nil {
		f.Says, f.Hint = f.Says+", without "+strings.Join(lost, ", "), Hint(err)
	}
	return f
}

func count(ranges []idmap.Range) (n uint64) {
	for _, r := range ranges {
		n += uint64(r.Count)
	}
	return n
}

func modules(a refusal.Around) string {
	var words []string
	if a.AppArmor != "" {
		words = append(words, "AppArmor's profile "+a.AppArmor)
	}
	if a.SELinux != "" {
		words = append(words, "SELinux's label "+a.SELinux)
	}
	if a.Filtered {
		words = append(words, "a seccomp filter")
	}
	if words == nil {
		return "none confines sbx"
	}
	return strings.Join(words, ", ")
}
