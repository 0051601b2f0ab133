package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// outputRows have sbx write, at a path that the user gave, to a file elsewhere: by a link
// that the command makes, or that an earlier one made.
var outputRows = []row{
	outputBy("receipt-link", "a link in the place of the receipt's directory", `rmdir out; ln -s {HOME}/victim out`,
		"--receipt", "out/config.json").setting(dir("{PROJECT}/out")).refused(),
	outputBy("receipt-moved", "a link in its place, and the directory moved", `mv out o2; ln -s {HOME}/victim out; ln -s {HOME}/victim/config.json o2/config.json`,
		"--receipt", "out/config.json").setting(dir("{PROJECT}/out")),
	outputBy("receipt-file", "a link in the receipt's place", `ln -s {HOME}/victim/config.json config.json`,
		"--receipt", "config.json"),
	outputBy("receipt-before", "a link that an earlier command made", `true`,
		"--receipt", "out/config.json").setting(linking("{PROJECT}/out", "{HOME}/victim")).refused(),
	outputBy("receipt-volume", "a link in another writable directory, below one of the user's own", `true`,
		"--rw", "{HOME}/shared", "--receipt", "{HOME}/mine/config.json").
		setting(linking("{HOME}/shared/out", "{HOME}/victim"), linking("{HOME}/mine", "{HOME}/shared/out")).refused(),
	outputBy("net-log-before", "the log of connections by a link that an earlier command made", `true`,
		"--net", "allow", "--net-log", "out/config.json").setting(linking("{PROJECT}/out", "{HOME}/victim")).refused(),
}

// outputBy is a row by a shell line after which a file outside is another.
func outputBy(id, tries, line string, flags ...string) row {
	return row{id: "output-" + id, group: "sbx's own", tries: "have sbx replace a file of the host: " + tries, views: both, flags: flags,
		cmd:   []string{"sh", "-c", line + "\necho TRIED: linked"},
		setup: func(s *scene) { s.file("{HOME}/victim/config.json", marker) },
		judge: func(s *scene) string {
			if !s.has("{HOME}/victim/config.json", marker) {
				return "the file was replaced"
			}
			return ""
		}}
}

func (r row) setting(prepare ...func(*scene)) row {
	plain := r.setup
	r.setup = func(s *scene) {
		plain(s)
		for _, p := range prepare {
			p(s)
		}
	}
	return r
}

// TestSecurityCopyThroughLink: sbx cp follows no link that a sandbox made, in its project
// or in another directory that it may write, in either direction, by any name of the path.
func TestSecurityCopyThroughLink(t *testing.T) {
	work, sbx := lives(t)
	out, victim := t.TempDir(), t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := func(to, from string) {
		t.Helper()
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	write(filepath.Join(victim, "f"), "ORIGINAL")
	link(out+"/d", filepath.Join(work, "mine")) // the user's own, into what the sandbox writes
	sbx("run", "-d", "--name", "linker", "--rw", out, "--", "sh", "-c",
		"echo EVIL > /tmp/f; ln -s "+victim+" "+out+"/d; ln -s "+victim+" d; ln -s "+victim+"/f "+out+"/f; mkdir /tmp/got; : > linked; exec sleep 100")
	defer sbx("rm", "-f", "linker")
	sbx("run", "-d", "--name", "other", "--", "sleep", "100")
	defer sbx("rm", "-f", "other")
	upper := t.TempDir()
	sbx("run", "-d", "--name", "upper", "--layer", needDebian(t), "--upper", upper, "--", "sh", "-c", "ln -s "+victim+" /d; ln -s "+victim+"/f /f; : > linkedtoo; exec sleep 100")
	defer sbx("rm", "-f", "upper")
	until(t, "the links of the upper directory", func() bool { _, err := os.Stat(work + "/linkedtoo"); return err == nil })
	until(t, "the links", func() bool { _, err := os.Stat(work + "/linked"); return err == nil })
	try := func(args ...string) string { // most are refused
		cmd := exec.Command(tool(t, "sbx"), args...)
		cmd.Dir = work
		out, _ := cmd.Output()
		return string(out)
	}
	for _, to := range []string{out + "/d/f", out + "/d/", out + "/f", "d/f", "mine/f", out + "/../" + filepath.Base(out) + "/d/f", upper + "/d/f", upper + "/f"} {
		for _, from := range []string{"linker", "other"} {
			try("cp", from+":/etc/hostname", to)
			try("cp", from+":/tmp/f", to)
			if b, err := os.ReadFile(filepath.Join(victim, "f")); err != nil || string(b) != "ORIGINAL" {
				t.Fatalf("cp from %s to %s: %q, %v", from, to, b, err)
			}
			if all, err := os.ReadDir(victim); err != nil || len(all) != 1 {
				t.Fatalf("cp from %s to %s: %v, %v", from, to, all, err)
			}
		}
		try("cp", "-L", to, "linker:/tmp/got/")
		if got := try("exec", "linker", "sh", "-c", "cat /tmp/got/* /tmp/got/*/*"); strings.Contains(got, "ORIGINAL") {
			t.Fatalf("cp of %s gave the sandbox what is behind the link", to)
		}
	}
	// What no sandbox may write is the user's own.
	own := filepath.Join(t.TempDir(), "v")
	link(victim, own)
	sbx("cp", "linker:/tmp/f", own+"/copied")
	if b, err := os.ReadFile(filepath.Join(victim, "copied")); err != nil || string(b) != "EVIL\n" {
		t.Errorf("cp to a directory of the user's: %q, %v", b, err)
	}
}
