package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	loopback "github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/sbxrun/sbx/cmd/internal/testenv"
)

// A slow registry gives half of a layer, and the rest when it is let go on.
type slow struct {
	image string
	goOn  chan struct{}
}

func newSlow(t *testing.T) *slow {
	t.Helper()
	tool(t, "sbx") // before the home is another
	s := &slow{goOn: make(chan struct{})}
	next := loopback.New(loopback.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v2/hostile/manifests") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"errors":[{"code":"X","message":"\u001b]0;title\u0007\u001b[31mred"}]}`)
			return
		}
		if r.Method != http.MethodGet || !strings.Contains(r.URL.Path, "/blobs/") {
			next.ServeHTTP(w, r)
			return
		}
		whole := r.Clone(r.Context())
		whole.Header.Del("Range")
		got := httptest.NewRecorder()
		next.ServeHTTP(got, whole)
		s.give(w, r, got.Body.Bytes())
	}))
	t.Cleanup(server.Close)
	noise := make([]byte, 4_000_000)
	rand.New(rand.NewSource(1)).Read(noise)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "noise", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(noise))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(noise); err != nil {
		t.Fatal(err)
	}
	w.Close()
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
	if err != nil {
		t.Fatal(err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/slow:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	s.image = ref.String()
	return s
}

// give gives half of what is asked for, and then the rest.
func (s *slow) give(w http.ResponseWriter, r *http.Request, b []byte) {
	from, size, status := 0, len(b), http.StatusOK
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, size-1, size))
		status = http.StatusPartialContent
	}
	b = b[from:]
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b[:len(b)/2])
	if size > 1<<20 {
		w.(http.Flusher).Flush()
		select {
		case <-s.goOn:
		case <-r.Context().Done():
		}
	}
	_, _ = w.Write(b[len(b)/2:])
}

// inOrder looks that what was shown leaves the terminal as it was.
func inOrder(t *testing.T, shown string) {
	t.Helper()
	for _, on := range []string{"\x1b[?25l", "\x1b[?1049h", "\x1b[?7l", "\x1b]0;", "\x1b[31m"} {
		if strings.Contains(shown, on) {
			t.Errorf("%q is among what was shown: %q", on, shown)
		}
	}
}

// TestPullBars: on a terminal a layer has a bar, which goes on and ends.
func TestPullBars(t *testing.T) {
	s := newSlow(t)
	y := shell(t)
	y.Types("export XDG_DATA_HOME=" + t.TempDir() + " TERM=xterm\n")
	y.Sees("outer> ")
	y.Types("sbx pull " + s.image + "; echo code $?\n")
	shown := y.Sees("2.0 of 4.0 MB")
	if !strings.Contains(shown, "layer ") || !strings.Contains(shown, "[===") {
		t.Errorf("shown: %q", shown)
	}
	close(s.goOn)
	shown += y.Sees("] 4.0 MB\r\n")
	shown += y.Sees("sha256:")
	shown += y.Sees("code 0")
	inOrder(t, shown)
	if strings.Contains(shown, "sbx: layer") {
		t.Errorf("lines beside the bars: %q", shown)
	}
	y.Types("sbx image rm " + s.image + "; echo code $?\n")
	y.Sees("code 0")
}

// TestPullPlain: lines are for what is no terminal that can do more, and for nobody
// with --quiet.
func TestPullPlain(t *testing.T) {
	s := newSlow(t)
	y := shell(t)
	close(s.goOn)
	y.Types("export XDG_DATA_HOME=" + t.TempDir() + "\n")
	y.Sees("outer> ")
	for _, c := range []struct{ command, want string }{
		{"TERM=dumb sbx pull " + s.image, "sbx: layer "}, {"TERM=xterm sbx pull " + s.image + " 2>&1 | cat", "sbx: layer "},
		{"TERM=xterm sbx pull --quiet " + s.image, "sha256:"},
	} {
		y.Types(c.command + "; echo code $?\n")
		y.Sees("\n") // what was typed
		shown := y.Sees("code 0")
		inOrder(t, shown)
		if !strings.HasPrefix(shown, c.want) || strings.Contains(shown, "\x1b[J") || strings.Contains(shown, "==") {
			t.Errorf("%s: %q", c.command, shown)
		}
		y.Types("sbx image rm " + s.image + "; echo code $?\n")
		y.Sees("code 0")
		y.Sees("outer> ")
	}
}

// TestPullControlC ends a pull, also one of sbx run, in one line and with all
// in order; the next goes on.
func TestPullControlC(t *testing.T) {
	s := newSlow(t)
	y := shell(t)
	y.Types("export XDG_DATA_HOME=" + t.TempDir() + " TERM=xterm\n")
	y.Sees("outer> ")
	for n, command := range []string{"sbx pull " + s.image, "sbx run --image " + s.image + " -- true"} {
		y.Types(command + "; echo code $?\n")
		shown := y.Sees([]string{"2.0", "3.0"}[n] + " of 4.0 MB")
		y.Types("\x03")
		shown += y.Sees("sbx: interrupted\r\n")
		shown += y.Sees("code 125\r\nouter> ")
		inOrder(t, shown)
		if strings.Contains(shown, "context") {
			t.Errorf("shown: %q", shown)
		}
		y.Types("stty -a | grep -o -e '-*icanon'; ls $XDG_DATA_HOME/sbx/images/work | grep -v lock$\n")
		y.Sees("lock$\r\nicanon\r\npartial-")
		y.Sees("outer> ")
	}
	close(s.goOn)
	y.Types("sbx pull " + s.image + "; echo code $?\n")
	y.Sees("code 0")
	y.Types("sbx image rm " + s.image + "; echo code $?\n")
	y.Sees("code 0")
}

// TestPullHostileRegistry: what a registry says does not drive the terminal.
func TestPullHostileRegistry(t *testing.T) {
	s := newSlow(t)
	y := shell(t)
	y.Types("export XDG_DATA_HOME=" + t.TempDir() + " TERM=xterm\n")
	y.Sees("outer> ")
	y.Types("sbx pull " + strings.Replace(s.image, "slow", "hostile", 1) + "; echo code $?\n")
	shown := y.Sees("code 125")
	inOrder(t, shown)
	if !strings.Contains(shown, `\x1b]0;title\a`) {
		t.Errorf("shown: %q", shown)
	}
}

// TestImportControlC ends the wait for what is typed, which nobody meant to type.
func TestImportControlC(t *testing.T) {
	tool(t, "sbx") // before the home is another
	y := shell(t)
	dir := t.TempDir()
	y.Types("TMPDIR=" + dir + " sbx image import - x:1; echo code $?\n")
	left := func() int {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	for start := time.Now(); left() == 0 && time.Since(start) < testenv.Patience; time.Sleep(time.Millisecond) {
	}
	y.Types("\x03")
	y.Sees("sbx: interrupted\r\ncode 125\r\nouter> ")
	if n := left(); n > 0 {
		t.Errorf("%d files are left", n)
	}
}
