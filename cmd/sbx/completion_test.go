package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

func needShell(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		testenv.Skip(t, "%v", err)
	}
}

// TestCompletionOfBash types a tab in bash.
func TestCompletionOfBash(t *testing.T) {
	needShell(t, "bash")
	y := testenv.Sit(t, "bash", "--norc", "--noprofile", "-i")
	y.Sees("outer> ")
	y.Types("source <(sbx completion bash)\n")
	y.Sees("outer> ")
	typeAtShell(y)
	// A value behind =, which is a word of its own to bash.
	y.Types("echo sbx run --net=al; sbx run --net=no\t --no-proj\t --no-prof\t -- echo made it\n")
	y.Sees("made it\r\n")
}

// TestCompletionOfZsh types a tab in zsh.
func TestCompletionOfZsh(t *testing.T) {
	needShell(t, "zsh")
	y := testenv.Sit(t, "zsh", "-f", "-i")
	y.Types("PS1='outer''> '; autoload -U compinit && compinit -D -u && source <(sbx completion zsh)\n")
	y.Sees("outer> ")
	typeAtShell(y)
}

// typeAtShell completes a verb, a flag, and a verb's verb.
func typeAtShell(y *testenv.Typist) {
	y.Types("sbx vers\t--js\t\n")
	y.Sees("landlock_abi")
	y.Sees("outer> ")
	y.Types("sbx prof\tini\t | head -n 1; echo code ${?}\n")
	y.Sees("code 0")
	y.Sees("outer> ")
}

// TestCompletionOfFish asks fish what it would complete.
func TestCompletionOfFish(t *testing.T) {
	needShell(t, "fish")
	home := t.TempDir()
	if err := os.MkdirAll(filepath.Join(home, "work/inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"sbx vers": "version", "sbx run --net n": "none", "sbx run --net=al": "--net=allow", "sbx image pru": "prune", "sbx run -w work/in": "work/inner/",
		"sbx help profile sh": "show", "sbx run --profile nod": "node",
	} {
		cmd := exec.Command("fish", "--no-config", "-c", `sbx completion fish | source; complete -C "$argv[1]"`, line)
		cmd.Dir = home
		cmd.Env = []string{"HOME=" + home, "PATH=" + filepath.Dir(tool(t, "sbx")) + ":/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		first, _, _ := strings.Cut(strings.SplitN(string(out), "\n", 2)[0], "\t")
		if err != nil || first != want {
			t.Errorf("%q completes to %q, %v; want %s", line, out, err, want)
		}
	}
}
