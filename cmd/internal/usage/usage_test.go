package usage

import (
	"errors"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestNearest(t *testing.T) {
	words := []string{"run", "rm", "ps", "prune", "profile", "hide", "cpus", "volume", "memory", "memory-swap", "user", "env", "deny", "disk"}
	for typed, want := range map[string]string{
		"runn": "run", "rnu": "run", "rum": "run", "urn": "run", "voluem": "volume", "proflie": "profile", "memry": "memory", "mem": "memory",
		"uid": "", "gpus": "", "dns": "", "shell": "", "x": "", "": "", "--": "", "pp": "", "make": "", "profiles": "profile",
	} {
		if got := Nearest(typed, words); got != want {
			t.Errorf("%q is nearest to %q, want %q", typed, got, want)
		}
	}
}

func TestExplain(t *testing.T) {
	var flags struct {
		Volume string `short:"v" aliases:"vol"`
		Net    string `enum:"none,allow," default:""`
		Init   *bool  `negatable:""`
		Box    string `arg:"" name:"SANDBOX"`
	}
	k, err := kong.New(&flags, kong.Name("sbx x"), kong.NoDefaultHelp())
	if err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--voluem x b":     `unknown flag --voluem, did you mean "--volume"?`,
		"--gnet none b":    `unknown flag --gnet`,
		"--no-intt b":      `unknown flag --no-intt, did you mean "--no-init"?`,
		"-P b":             `unknown flag -P`,
		"--net bridge b":   `--net must be one of none, allow but got "bridge"`,
		"b c":              `unexpected argument c`,
		"--volume x":       `an argument is missing`,
		"--volume x --net": `--net: expected string value but got "EOL" (<EOL>)`,
	} {
		_, err := k.Parse(strings.Fields(args))
		got := Explain(err, k.Model.Node)
		if got == nil || got.Error() != want {
			t.Errorf("%s: %v, want %s", args, got, want)
		}
	}
	_, err = k.Parse(nil)
	var hint interface {
		error
		Hint() string
	}
	if !errors.As(Explain(err, k.Model.Node), &hint) || hint.Hint() != "usage: sbx x [flags] SANDBOX" {
		t.Errorf("%v says no usage", hint)
	}
}

func TestComplete(t *testing.T) {
	c := Command{Name: "sbx run", Args: []Arg{{Name: "CMD", Optional: true, Rest: true}}, Flags: []Flag{
		{Name: "net", Value: "none|allow"}, {Name: "workdir", Short: "w", Value: "DIR"}, {Name: "tty", Short: "t", Negatable: true}, {Name: "image", Value: "NAME"},
		{Name: "dry-run", Value: "plan|spec", Optional: true}, {Name: "restart", Value: "no|on-failure[:N]"},
	}}
	for words, want := range map[string]string{
		"--net ": "none allow", "--net=": "none allow", "-w ": "dirs", "-tw ": "dirs", "--image ": "images", "": "programs", "-- ": "programs",
		"make -": "programs", "--dry-run ": "programs", "--dry-run=": "plan spec", "--net none ": "programs", "--restart ": "no",
		"-": "--net --workdir --tty --no-tty --image --dry-run --restart", "-- x --net ": "programs",
	} {
		got, _ := Complete(c, strings.Split(words, " "))
		text := string(got.Kind)
		for i, w := range got.Words {
			if i > 0 {
				text += " "
			}
			text += w.Line
		}
		if text != want {
			t.Errorf("%q completes to %q, want %q", words, text, want)
		}
	}
}

// TestSafe: a completed word is put into a command line as it is.
func TestSafe(t *testing.T) {
	for word, want := range map[string]bool{
		"a": true, "debian:12": true, "@npm": true, "--net=none": true, "x/y@sha256:0": true,
		"": false, "a b": false, "$(x)": false, "`x`": false, "a;b": false, "a\nb": false, "é": false, "~": false, "*": false, "a'": false, "\x1b": false,
	} {
		if Safe(word) != want {
			t.Errorf("Safe(%q) is %v", word, !want)
		}
	}
}

func TestManEscapes(t *testing.T) {
	page := string(manPage("1", Command{Name: "sbx x", Summary: ".so /etc/passwd\n.x \\fB", Flags: []Flag{{Name: "a-b", Help: "'x"}}}))
	for _, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(line, ".so") || strings.HasPrefix(line, ".x") || strings.HasPrefix(line, "'") || strings.Contains(line, `\fB`) {
			t.Errorf("not escaped: %q", line)
		}
	}
	if !strings.Contains(page, `\-\-a\-b`) {
		t.Error(page)
	}
}
