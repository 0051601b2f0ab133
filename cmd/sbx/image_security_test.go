package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// A hostileImage is what an image's maker put in it, and what becomes of sbx run. In
// names and texts {NAME}s are the scene's.
type hostileImage struct {
	name   string
	config v1.Config
	files  []tar.Header // beside /hostile; a Linkname without a type is a text
	flags  []string
	cmd    []string
	code   int    // or -1, if it may run or be refused
	want   string // in what is printed
	judge  func(*scene) string
}

func imageFile(name, text string) tar.Header { return tar.Header{Name: name, Linkname: text} }
func imageDir(name string) tar.Header        { return tar.Header{Name: name, Typeflag: tar.TypeDir} }
func imageLink(name, to string) tar.Header {
	return tar.Header{Name: name, Linkname: to, Typeflag: tar.TypeSymlink}
}

// install brings the image in, as evil:latest of the scene's own store.
func (h hostileImage) install(s *scene) {
	s.t.Helper()
	b, err := os.ReadFile(tool(s.t, "hostile"))
	s.check(err)
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	for _, f := range append([]tar.Header{{Name: "hostile", Linkname: string(b)}}, h.files...) {
		text := ""
		if f.Mode = 0o4755; f.Typeflag == 0 {
			text, f.Linkname, f.Typeflag, f.Size = s.path(f.Linkname), "", tar.TypeReg, int64(len(s.path(f.Linkname)))
		}
		f.Name, f.Linkname = strings.TrimPrefix(s.path(f.Name), "/"), s.path(f.Linkname)
		s.check(w.WriteHeader(&f))
		_, err := w.Write([]byte(text))
		s.check(err)
	}
	s.check(w.Close())
	l := testenv.TarLayer{Path: s.path("{DIR}/layer.tar"), Len: int64(plain.Len())}
	s.check(os.WriteFile(l.Path, plain.Bytes(), 0o600))
	sum := sha256.Sum256(plain.Bytes())
	l.Hash = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	img, err := mutate.AppendLayers(empty.Image, l)
	s.check(err)
	img, err = mutate.Config(img, h.config)
	s.check(err)
	p, err := layout.Write(s.path("{DIR}/layout"), empty.Index)
	s.check(err)
	s.check(p.AppendImage(img))
	s.image("import", "-q", "oci:"+s.path("{DIR}/layout"), "evil")
	s.t.Cleanup(func() { s.image("rm", "evil") })
}

// image runs sbx image.
func (s *scene) image(args ...string) string {
	s.t.Helper()
	cmd := exec.Command(s.vars["SBX"], append([]string{"image"}, args...)...)
	cmd.Env = s.env
	out, err := cmd.CombinedOutput()
	if err != nil {
		s.t.Errorf("sbx image %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

const escape = "\x1b]0;evil\a\u009b31m\u202e"

var hostileImages = []hostileImage{
	{name: "nothing", cmd: []string{"/hostile", "caps"}},

	// What it says of how it is run.
	{name: "user of minus one", config: v1.Config{User: "-1"}, code: 125, want: `user "-1"`},
	{name: "user of -1 as chown has it", config: v1.Config{User: "4294967295"}, code: 125, want: "4294967295"},
	{name: "user of one more", config: v1.Config{User: "4294967296"}, code: 125, want: "4294967296"},
	{name: "user that has no id", config: v1.Config{User: "2000000000"}, code: 125, want: "has no id here"},
	{name: "group that has no id", config: v1.Config{User: "0:2000000000"}, code: 125, want: "has no id here"},
	{name: "user that is a path", config: v1.Config{User: "../../etc"}, code: 125, want: `user "../../etc"`},
	{name: "user that drives a terminal", config: v1.Config{User: "x\n" + escape}, code: 125, want: "user"},
	{name: "ten megabytes of variables", config: v1.Config{Env: []string{"A=" + strings.Repeat("x", 7<<20)}}, code: 126, want: "too long"},
	{name: "a variable without a name", config: v1.Config{Env: []string{"=x", "", "novalue", "A=b"}}},
	{name: "a variable with a zero", config: v1.Config{Env: []string{"A=b\x00C=d"}}, code: 125, want: "NUL byte"},
	{name: "a working directory above the root", config: v1.Config{WorkingDir: "/../../.."}, flags: []string{"--no-project"}},
	{name: "a working directory that is relative", config: v1.Config{WorkingDir: "../.."}, flags: []string{"--no-project"}, code: 125, want: "../.."},
	{name: "a working directory with a zero", config: v1.Config{WorkingDir: "/\x00"}, flags: []string{"--no-project"}, code: 125, want: "NUL byte"},
	{name: "a working directory that is a link to the host", config: v1.Config{WorkingDir: "/up"}, files: []tar.Header{imageLink("up", "/proc/self/fd/3")}, flags: []string{"--no-project"}, code: 125, want: "/up"},
	{name: "an entrypoint with a zero", config: v1.Config{Entrypoint: []string{"/hostile\x00", "caps"}}, cmd: []string{}, code: 125, want: "NUL byte"},
	{name: "an entrypoint that is nothing", config: v1.Config{Entrypoint: []string{""}}, cmd: []string{}, code: 127},
	{name: "an entrypoint that leads out", config: v1.Config{Entrypoint: []string{"/../../../../../../{OUTSIDE}"}}, cmd: []string{}, code: 127},
	{name: "an entrypoint whose interpreter is outside", config: v1.Config{Entrypoint: []string{"/script"}}, files: []tar.Header{imageFile("script", "#!{OUTSIDE} victim\n")}, cmd: []string{}, code: 127},
	{name: "a stop signal that is none", config: v1.Config{StopSignal: "KILL; reboot"}, flags: []string{"--timeout", "1s"}, cmd: []string{"/hostile", "ignore"}, code: 124},

	// Its files, which sbx reads and covers.
	{name: "users in a link to the host", config: v1.Config{User: "name"}, files: []tar.Header{imageLink("etc/passwd", "{HOME}/passwd")}, code: 125, want: `user "name"`},
	{name: "users in a link to all of a process", config: v1.Config{User: "name"}, files: []tar.Header{imageLink("etc/passwd", "/proc/self/environ")}, code: 125, want: `user "name"`},
	{name: "users in a pipe", config: v1.Config{User: "name"}, files: []tar.Header{{Name: "etc/passwd", Typeflag: tar.TypeFifo}}, code: 125, want: `user "name"`},
	{name: "users in a directory", config: v1.Config{User: "name"}, files: []tar.Header{imageDir("etc/passwd")}, code: 125, want: `user "name"`},
	{name: "users below a link to the host", config: v1.Config{User: "name"}, files: []tar.Header{imageLink("etc", "{HOME}")}, code: 125, want: `user "name"`},
	{name: "users without number", config: v1.Config{User: "name"}, files: []tar.Header{imageFile("etc/passwd", strings.Repeat("x:x:1:1::/:\n", 3<<20))}, code: 125, want: `user "name"`},
	{name: "a user of minus one in its file", config: v1.Config{User: "name"}, files: []tar.Header{imageFile("etc/passwd", "name:x:-1:-1::/:\n")}, code: 125, want: "name"},
	{name: "groups in a pipe", config: v1.Config{User: "0"}, files: []tar.Header{{Name: "etc/group", Typeflag: tar.TypeFifo}}},
	{name: "/etc that is a link to the host", files: []tar.Header{imageLink("etc", "{HOME}/etc")}, code: -1, judge: etcUntouched},
	{name: "/etc that is a link to /", files: []tar.Header{imageLink("etc", "/")}, code: -1, judge: etcUntouched},
	{name: "/etc that is a link up", files: []tar.Header{imageLink("etc", "../../../../../../../..{HOME}/etc")}, code: -1, judge: etcUntouched},
	{name: "/etc that is a file", files: []tar.Header{imageFile("etc", "x")}, code: -1, judge: etcUntouched},
	{name: "/etc/hosts that is a link to the host", files: []tar.Header{imageLink("etc/hosts", "{HOME}/etc/hosts"), imageLink("etc/resolv.conf", "{BAIT}"), imageLink("etc/hostname", "/proc/self/cwd/x")}, code: -1, judge: etcUntouched},
	{name: "/etc/hosts that is a pipe", files: []tar.Header{{Name: "etc/hosts", Typeflag: tar.TypeFifo}}, code: -1, judge: etcUntouched},
	{name: "/etc/hosts that is a directory", files: []tar.Header{imageDir("etc/hosts")}, code: -1, judge: etcUntouched},
	{name: "/proc that is a link", files: []tar.Header{imageLink("proc", "/etc"), imageDir("etc")}, code: -1, judge: etcUntouched},
	{name: "/dev that is a link to the host", files: []tar.Header{imageLink("dev", "{HOME}/etc")}, code: -1, judge: etcUntouched},
	{name: "/sys that is a link to the host", files: []tar.Header{imageLink("sys", "{HOME}/etc")}, code: -1, judge: etcUntouched},
	{name: "/tmp that is a link to the host", files: []tar.Header{imageLink("tmp", "{HOME}/etc")}, code: -1, judge: etcUntouched},
	{name: "the project's place behind a link", files: []tar.Header{imageLink("{HOME}", "/etc"), imageDir("etc")}, code: -1, judge: etcUntouched},
	{name: "the project's place behind a link up", files: []tar.Header{imageLink("{HOME}", "../../../../../../../../../etc"), imageDir("etc")}, code: -1, judge: etcUntouched},
	{name: "the project's place is a file", files: []tar.Header{imageFile("{PROJECT}", "x")}, code: -1, judge: etcUntouched},
	{name: "labels that drive a terminal", config: v1.Config{Labels: map[string]string{escape: escape}, Env: []string{"A=" + escape}, WorkingDir: "/" + escape, Entrypoint: []string{"/hostile", "caps", escape}}, cmd: []string{}},
}

// etcUntouched judges by files of the host that have the names that sbx covers.
func etcUntouched(s *scene) string {
	for _, name := range []string{"hosts", "hostname", "resolv.conf", "file"} {
		if !s.has("{HOME}/etc/"+name, "of the host") {
			return name + " of the host has changed"
		}
	}
	entries, err := os.ReadDir(s.path("{HOME}/etc"))
	s.check(err)
	if len(entries) != 4 {
		return "something was made beside it"
	}
	return unchanged(s)
}

// TestSecurityImages runs each.
func TestSecurityImages(t *testing.T) {
	needNamespaces(t)
	for _, h := range hostileImages {
		t.Run(h.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, t.TempDir(), ownView, row{})
			for _, name := range []string{"hosts", "hostname", "resolv.conf", "file"} {
				s.file("{HOME}/etc/"+name, "of the host")
			}
			s.file("{HOME}/passwd", "name:x:0:0::/:\n")
			h.config.Entrypoint = s.expand(h.config.Entrypoint)
			h.install(s)
			cmd := h.cmd
			if cmd == nil {
				cmd = []string{"/hostile", "caps"}
			}
			argv := append([]string{s.vars["SBX"], "run", "--image", "evil"}, h.flags...)
			code := s.run(row{}, append(append(argv, "--"), cmd...))
			if code != h.code && h.code >= 0 || code != 0 && code != 125 && h.code < 0 || !strings.Contains(s.output, h.want) {
				t.Errorf("exit code %d, want %d and %q: %s", code, h.code, h.want, s.output)
			}
			if h.judge != nil {
				if what := h.judge(s); what != "" {
					t.Error(what)
				}
			}
			for _, shown := range []string{s.output, s.image("ls"), s.image("inspect", "evil")} {
				if i := strings.IndexFunc(shown, func(r rune) bool { return r != '\n' && r != '\t' && !unicode.IsPrint(r) }); i >= 0 {
					t.Errorf("it prints %q", shown[i:min(len(shown), i+20)])
				}
			}
			t.Logf("%d: %s", code, s.output)
		})
	}
}

// TestSecurityImageStore: a setuid program of an image is no way to the ids of its
// owner. Nobody else may enter the store, and one that others may is not used.
func TestSecurityImageStore(t *testing.T) {
	needNamespaces(t)
	s := newScene(t, t.TempDir(), ownView, row{})
	hostileImage{}.install(s)
	dir := s.path("{HOME}/.local/share/sbx/images")
	found, err := filepath.Glob(dir + "/layers/*/fs/hostile")
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	if info, err := os.Stat(found[0]); err != nil || info.Mode()&os.ModeSetuid == 0 {
		t.Errorf("the program is not setuid, so this shows nothing: %v, %v", info, err)
	}
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil || st.Mode&0o7777 != 0o700 || int(st.Uid) != os.Getuid() {
		t.Errorf("the store has mode %o, owner %d, %v", st.Mode, st.Uid, err)
	}
	for _, mode := range []os.FileMode{0o710, 0o701, 0o777} {
		s.check(os.Chmod(dir, mode))
		if code := s.run(row{}, []string{s.vars["SBX"], "run", "--image", "evil", "--", "/hostile", "caps"}); code != 125 || !strings.Contains(s.output, "chmod 700") {
			t.Errorf("with mode %o: exit code %d: %s", mode, code, s.output)
		}
		if code := s.run(row{}, []string{s.vars["SBX"], "image", "import", "-q", "oci:" + s.path("{DIR}/layout"), "evil"}); code != 125 || !strings.Contains(s.output, "chmod 700") {
			t.Errorf("import with mode %o: exit code %d: %s", mode, code, s.output)
		}
	}
	s.check(os.Chmod(dir, 0o700))
}
