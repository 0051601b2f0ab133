package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/image/store"
)

// A halting registry gives layers up to a byte and then says nothing more, until it
// goes on. It writes down how each is asked for.
type halting struct {
	*served
	ref     string
	content []byte
	at      int // where it halts; negative is nowhere
	halted  chan struct{}
	answer  func(w http.ResponseWriter, q *http.Request, blob []byte) bool // or nil
	mu      sync.Mutex
	asked   []string
	sent    int
}

// newHalting makes one with an image of a layer that does not become smaller.
func newHalting(t *testing.T) *halting {
	t.Helper()
	h := &halting{served: serve(t), at: -1, content: make([]byte, 3<<20), halted: make(chan struct{}, 100)}
	rand.New(rand.NewSource(1)).Read(h.content)
	h.spoil = func(w http.ResponseWriter, q *http.Request, next http.Handler) {
		if !strings.Contains(q.URL.Path, "/blobs/") {
			next.ServeHTTP(w, q)
			return
		}
		whole := q.Clone(q.Context())
		whole.Header.Del("Range")
		var got recorded
		next.ServeHTTP(&got, whole)
		if got.Len() < leastPartial { // the configuration
			_, _ = w.Write(got.Bytes())
			return
		}
		h.layer(w, q, got.Bytes())
	}
	h.ref = h.push(t, "large:1", imageOf(t, v1.Config{}, tarOf(t, file{name: "noise", text: string(h.content)})))
	return h
}

const haltAt = 3 << 19

func (h *halting) halt() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at = haltAt
}

func (h *halting) answers(how func(w http.ResponseWriter, q *http.Request, blob []byte) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = how
}

// goOn has it give all from now on, and forget what it was asked for.
func (h *halting) goOn() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.at, h.asked, h.sent = -1, nil, 0
}

func (h *halting) layer(w http.ResponseWriter, q *http.Request, blob []byte) {
	h.mu.Lock()
	h.asked = append(h.asked, q.Header.Get("Range"))
	at, answer := h.at, h.answer
	h.mu.Unlock()
	if answer != nil && answer(w, q, blob) {
		return
	}
	from, status := 0, http.StatusOK
	if n, _ := fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-", &from); n == 1 {
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(blob)-1, len(blob)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(blob)-from))
	w.WriteHeader(status)
	end := len(blob)
	if at >= 0 {
		end = max(at, from)
	}
	h.mu.Lock()
	h.sent += end - from // before it is, or the test could look too early
	h.mu.Unlock()
	_, _ = w.Write(blob[from:end])
	if at >= 0 {
		w.(http.Flusher).Flush()
		h.halted <- struct{}{}
		<-q.Context().Done()
	}
}

// partials are the files under work/ other than locks, with their sizes.
func partials(t *testing.T, s store.Store) map[string]int64 {
	t.Helper()
	found := map[string]int64{}
	entries, err := os.ReadDir(s.Path() + "/work")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if info, err := e.Info(); err != nil {
			t.Fatal(err)
		} else if !strings.HasSuffix(e.Name(), ".lock") {
			found[e.Name()] = info.Size()
		}
	}
	return found
}

// told is how layers were asked for, and how many bytes of them were sent.
func (h *halting) told() (asked []string, sent int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked, h.sent
}

// interrupt pulls and stops when half of the layer is there, as Ctrl-C does. It gives
// the partial blob.
func (h *halting) interrupt(t *testing.T, s store.Store, o Options) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	from, err := ParseSource(h.ref)
	if err != nil {
		t.Fatal(err)
	}
	h.halt()
	ended := make(chan error, 1)
	go func() {
		_, err := Add(ctx, s, from, h.ref, nil, o)
		ended <- err
	}()
	<-h.halted
	for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(time.Millisecond) {
		for _, size := range partials(t, s) {
			if size == haltAt {
				cancel()
			}
		}
		if ctx.Err() != nil {
			break
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	left := partials(t, s)
	for name, size := range left {
		if len(left) == 1 && strings.HasPrefix(name, "partial-") && size == haltAt {
			h.goOn()
			return filepath.Join(s.Path(), "work", name)
		}
	}
	t.Fatalf("there is %v", left)
	return ""
}

// whole looks that the layer is there as it should be, and nothing else.
func (h *halting) whole(t *testing.T, s store.Store, i store.Image) {
	t.Helper()
	dir, err := s.LayerRoot(i.Layers[0].Chain)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(dir + "/noise"); err != nil || !bytes.Equal(b, h.content) {
		t.Errorf("the file has %d bytes, %v", len(b), err)
	}
	blob, err := s.Blob(i.Layers[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(blob); err != nil || digestOf(b) != i.Layers[0].Digest {
		t.Errorf("the blob is %s, %v", digestOf(b), err)
	}
	if left := partials(t, s); len(left) > 0 {
		t.Errorf("there is still %v", left)
	}
}

// TestResume: a download that is interrupted is gone on with by the next pull, whatever
// happened to what was there meanwhile and whatever the registry makes of it.
func TestResume(t *testing.T) {
	ignoring := func(w http.ResponseWriter, _ *http.Request, blob []byte) bool {
		_, _ = w.Write(blob)
		return true
	}
	refusing := func(w http.ResponseWriter, q *http.Request, _ []byte) bool {
		if q.Header.Get("Range") == "" {
			return false
		}
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
		return true
	}
	elsewhere := func(w http.ResponseWriter, q *http.Request, blob []byte) bool {
		if q.Header.Get("Range") == "" {
			return false
		}
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(blob)-1, len(blob)))
		w.WriteHeader(http.StatusPartialContent)
		_, _ = w.Write(blob)
		return true
	}
	const there = "bytes=1572864-"
	for name, c := range map[string]struct {
		change func(b []byte) []byte // the partial blob
		answer func(http.ResponseWriter, *http.Request, []byte) bool
		asked  []string // how, by the next pull
	}{
		"as it was":               {nil, nil, []string{there}},
		"spoiled by a crash":      {func(b []byte) []byte { clear(b[1000:5000]); return b }, nil, []string{there, ""}},
		"spoiled at its end":      {func(b []byte) []byte { b[len(b)-1] ^= 1; return b }, nil, []string{there, ""}},
		"larger than the blob":    {func(b []byte) []byte { return append(b, make([]byte, 4<<20)...) }, nil, []string{""}},
		"empty":                   {func(b []byte) []byte { return nil }, nil, []string{""}},
		"a registry ignores it":   {nil, ignoring, []string{there}},
		"a registry refuses it":   {nil, refusing, []string{there, ""}},
		"a registry gives others": {nil, elsewhere, []string{there, ""}},
	} {
		t.Run(name, func(t *testing.T) {
			o, s, h := options(t), newStore(t), newHalting(t)
			path := h.interrupt(t, s, o)
			if c.change != nil {
				b, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, c.change(b), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			h.answers(c.answer)
			i, err := add(t, s, h.ref, o)
			if err != nil {
				t.Fatal(err)
			}
			h.whole(t, s, i)
			asked, sent := h.told()
			same := len(asked) == len(c.asked)
			for n := range c.asked {
				same = same && (c.asked[n] == "") == (asked[n] == "") && strings.HasPrefix(asked[n], c.asked[n])
			}
			if !same {
				t.Errorf("asked for %q, not %q", asked, c.asked)
			}
			if rest := int(i.Layers[0].Size) - haltAt; name == "as it was" && sent != rest {
				t.Errorf("%d bytes were sent, not the %d that were missing", sent, rest)
			}
		})
	}
}

// TestResumeWhole: what lacked nothing but its name is asked for no more.
func TestResumeWhole(t *testing.T) {
	o, s, h := options(t), newStore(t), newHalting(t)
	path := h.interrupt(t, s, o)
	other := newStore(t)
	i, err := add(t, other, h.ref, o)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := other.Blob(i.Layers[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(blob)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	h.goOn()
	if i, err = add(t, s, h.ref, o); err != nil {
		t.Fatal(err)
	}
	if asked, _ := h.told(); len(asked) > 0 {
		t.Errorf("asked for %q", asked)
	}
	h.whole(t, s, i)
}

// TestResumeOnce: a registry that gives something else each time does not keep us busy,
// and nothing of that stays.
func TestResumeOnce(t *testing.T) {
	o, s, h := options(t), newStore(t), newHalting(t)
	h.interrupt(t, s, o)
	h.answers(func(w http.ResponseWriter, _ *http.Request, blob []byte) bool {
		wrong := bytes.Clone(blob)
		wrong[len(wrong)-100] ^= 1
		_, _ = w.Write(wrong)
		return true
	})
	_, err := add(t, s, h.ref, o)
	if asked, _ := h.told(); err == nil || len(asked) != 2 {
		t.Errorf("asked for %q, %v", asked, err)
	}
	if left := partials(t, s); len(left) > 0 {
		t.Errorf("there is still %v", left)
	}
}

// TestPartialStays until it is used, or pruned.
func TestPartialStays(t *testing.T) {
	o, s, h := options(t), newStore(t), newHalting(t)
	path := h.interrupt(t, s, o)
	other := serve(t)
	if _, err := add(t, s, other.push(t, "hello:1", twoLayers(t)), o); err != nil {
		t.Fatal(err)
	}
	if _, err := Collect(s, o.Program); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != haltAt {
		t.Fatalf("%v, %v", info, err)
	}
	if freed, err := Prune(s, o.Program); err != nil || freed != haltAt {
		t.Errorf("%d freed, %v", freed, err)
	}
	if left := partials(t, s); len(left) > 0 {
		t.Errorf("there is still %v", left)
	}
}

// TestEnded ends the program while it pulls: by Ctrl-C it says so in one line, and
// leaves nothing but the partial blob; killed it leaves more, which the next pull
// removes, and goes on too.
func TestEnded(t *testing.T) {
	o := options(t)
	for name, sig := range map[string]unix.Signal{"interrupted": unix.SIGINT, "terminated": unix.SIGTERM, "killed": unix.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			h := newHalting(t)
			h.halt()
			data := t.TempDir()
			s := store.At(data + "/sbx/images")
			cmd := exec.Command(o.Program, "pull", h.ref)
			cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+data)
			var said bytes.Buffer
			cmd.Stderr = &said
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			<-h.halted
			for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(time.Millisecond) {
				there := false
				for name, size := range partials(t, s) {
					there = there || strings.HasPrefix(name, "partial-") && size == haltAt
				}
				if there {
					break
				}
			}
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			err := cmd.Wait()
			lines := strings.Split(strings.TrimSpace(said.String()), "\n")
			if left := partials(t, s); sig != unix.SIGKILL {
				if code := cmd.ProcessState.ExitCode(); code != 125 || lines[len(lines)-1] != "sbx: interrupted" || strings.Contains(said.String(), "context") {
					t.Errorf("%v, said %q", err, lines)
				}
				if len(left) != 1 {
					t.Errorf("there is %v", left)
				}
			}
			h.goOn()
			i, err := add(t, s, h.ref, o)
			if asked, _ := h.told(); err != nil || len(asked) != 1 || !strings.HasPrefix(asked[0], "bytes=1572864-") {
				t.Fatalf("asked for %q, %v", asked, err)
			}
			h.whole(t, s, i)
			if err := s.Forget(h.ref); err != nil {
				t.Fatal(err)
			}
			if _, err := Collect(s, o.Program); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestUnpackingEnds by Ctrl-C also where all has arrived.
func TestUnpackingEnds(t *testing.T) {
	o := options(t)
	ctx, cancel := context.WithCancel(t.Context())
	a := adder{ctx: ctx, store: newStore(t), helper: newHelper(o.Program), options: o}
	head := tarOf(t, file{name: "zeros", text: "x"})[:512]
	copy(head[124:136], "77777777777\x00") // 8 GiB
	copy(head[148:156], "        ")
	sum := 0
	for _, c := range head {
		sum += int(c)
	}
	copy(head[148:156], fmt.Sprintf("%06o\x00 ", sum))
	from := io.MultiReader(bytes.NewReader(head), &zeros{after: 10, then: cancel})
	dir := t.TempDir() + "/fs"
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	known := []store.Layer{{Size: 1 << 40}}
	err := a.transfer(from, newCounted(known[0], a.options.arrived), known, 0, dir)
	if err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

// zeros are without end, and call something after some of them, if there is something.
type zeros struct {
	after int
	then  func()
}

func (z *zeros) Read(p []byte) (int, error) {
	if z.after--; z.after == 0 && z.then != nil {
		z.then()
	}
	clear(p)
	return len(p), nil
}
