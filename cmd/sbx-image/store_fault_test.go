package main

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// asIs is for what belongs to the caller himself.
func asIs(args ...string) *exec.Cmd { return exec.Command(args[0], args[1:]...) }

// faults are what the kernel may say to a pull, of the calls that both its processes
// make for files. Write(2) is not among them: Go's own pipes are written by it, and a
// full disk of its own is below.
var faults = []struct {
	call  string
	errno unix.Errno
}{
	{"mkdirat", unix.ENOSPC}, {"openat", unix.EMFILE}, {"openat2", unix.ENOSPC}, {"pwrite64", unix.ENOSPC},
	{"fchmod", unix.EIO}, {"fsetxattr", unix.ENOSPC}, {"utimensat", unix.EIO}, {"mknodat", unix.ENOSPC},
	{"fsync", unix.EIO}, {"fsync", unix.ENOSPC}, {"syncfs", unix.EIO}, {"renameat", unix.ENOSPC},
	{"unlinkat", unix.EIO}, {"flock", unix.ENOLCK},
}

// TestPullMeetsFaults: whatever the kernel refuses, and whenever, pull names it and
// leaves a store that is whole, and the next one succeeds. A program under strace
// gains no rights, so there are no subordinate ids.
func TestPullMeetsFaults(t *testing.T) {
	r := needRegistry(t)
	if _, err := exec.LookPath("strace"); err != nil {
		skip(t, "%v", err)
	}
	// The name localhost would take files too, and what cannot be opened is not there
	// to Go's resolver.
	r.host = strings.Replace(r.host, "localhost", "127.0.0.1", 1)
	want := aClean(t, r, "small", asOne, asIs)
	for _, f := range faults {
		name := unix.ErrnoName(f.errno)
		t.Run(f.call+" "+name, func(t *testing.T) {
			met := 0
			for _, when := range []string{"1+", "3", "9+", "30"} {
				data := newStore(t)
				out, err := asOne("strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e", "trace="+f.call, "-e", "inject="+f.call+":error="+name+":when="+when,
					tool(t, "sbx"), "pull", "-q", r.host+"/small").CombinedOutput()
				var exit *exec.ExitError
				switch {
				case err == nil: // it made no such call so often
				case !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(string(out), f.errno.Error()):
					t.Errorf("at %s: %v, without %q: %s", when, err, f.errno.Error(), out)
				default:
					met++
				}
				pulledAfter(t, r, data, want)
			}
			if met == 0 {
				t.Error("no pull has met it")
			}
		})
	}
}

// pulledAfter looks at what a fault left, and that the next pull succeeds.
func pulledAfter(t *testing.T, r registry, data string, want map[string]bool) {
	t.Helper()
	storeIsWhole(t, data)
	for _, args := range [][]string{{"pull", "-q", r.host + "/small"}, {"image", "prune"}} {
		if out, err := asOne(tool(t, "sbx"), args...).CombinedOutput(); err != nil {
			t.Errorf("after it: %s: %v: %s", args, err, out)
		}
	}
	storeIsWhole(t, data)
	sameTrees(t, layerTrees(t, data, asIs), want)
}

// TestPullFillsTheDisk: on a disk of any size that is too small, pull says so and
// leaves a store that is whole; when there is room it succeeds.
func TestPullFillsTheDisk(t *testing.T) {
	r := needRegistry(t)
	// Before Linux 6.6 a tmpfs could not keep the owners of the others.
	want := aClean(t, r, "plain", asOne, asIs)
	// The disk is copied to where the test can look at it.
	const line = `sbx=$1 ref=$2 size=$3 left=$4 after=$5
mount -t tmpfs -o size=$size,mode=700 disk "$XDG_DATA_HOME" || exit 1
"$sbx" pull -q "$ref"; code=$?
cp -a "$XDG_DATA_HOME/." "$left"
mount -t tmpfs -o size=100m,mode=700 larger "$XDG_DATA_HOME" && cp -a "$left/." "$XDG_DATA_HOME" &&
	"$sbx" pull -q "$ref" && "$sbx" image prune && cp -a "$XDG_DATA_HOME/." "$after" || exit 2
exit $code`
	full, fits := 0, 0
	for size := 4; size < 8000; size += max(4, size/3) {
		disk, left, after := newStore(t), t.TempDir(), t.TempDir()
		if err := unix.Mkdir(disk, 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "--", "sh", "-c", line, "sh",
			tool(t, "sbx"), r.host+"/plain", fmt.Sprintf("%dk", size), left, after).CombinedOutput()
		var exit *exec.ExitError
		switch {
		case err == nil:
			fits++
		case errors.As(err, &exit) && exit.ExitCode() == exitFailed && strings.Contains(string(out), unix.ENOSPC.Error()):
			full++
		default:
			t.Errorf("%d kB: %v: %s", size, err, out)
		}
		storeIsWhole(t, left)
		storeIsWhole(t, after)
		sameTrees(t, layerTrees(t, after, asIs), want)
	}
	if full < 15 || fits == 0 {
		t.Errorf("%d disks were full and %d were not", full, fits)
	}
}

// TestPullsAtOnce: two and ten at once all succeed, also while others remove the image.
func TestPullsAtOnce(t *testing.T) {
	r := needRegistry(t)
	want := aClean(t, r, "small", exec.Command, rootOfIDs)
	for _, n := range []int{2, 10} {
		data := newStore(t)
		digests := make([]string, n)
		var all sync.WaitGroup
		for i := range n {
			all.Go(func() {
				out, err := exec.Command(tool(t, "sbx"), "pull", "-q", r.host+"/small").CombinedOutput()
				if digests[i] = string(out); err != nil || digests[i] == "" {
					t.Errorf("%d of %d: %v: %s", i, n, err, out)
				}
			})
		}
		all.Wait()
		for _, d := range digests {
			if d != digests[0] {
				t.Errorf("%q and %q", d, digests[0])
			}
		}
		storeIsWhole(t, data)
		sameTrees(t, layerTrees(t, data, rootOfIDs), want)
	}
	data := newStore(t)
	var all sync.WaitGroup
	for i := range 4 {
		all.Go(func() {
			for range 10 {
				args := [][]string{{"pull", "-q", r.host + "/small"}, {"pull", "-q", r.host + "/busybox"}, {"image", "rm", r.host + "/small:latest"}, {"image", "prune"}}[i]
				out, err := exec.Command(tool(t, "sbx"), args...).CombinedOutput()
				if err != nil && !strings.Contains(string(out), "no such image") {
					t.Errorf("%s: %v: %s", args, err, out)
				}
			}
		})
	}
	all.Wait()
	storeIsWhole(t, data)
}

// TestRemoveWhileRunning: an image in which a sandbox runs stays as it is, whoever asks
// for what.
func TestRemoveWhileRunning(t *testing.T) {
	r := needRegistry(t)
	data, sbx, ref := newStore(t), tool(t, "sbx"), r.host+"/small"
	run := exec.Command(sbx, "run", "-q", "--no-project", "--image", ref, "--", "/bin/sh", "-c", "echo running; read line; cat /5/f059; /bin/busybox ls /5 | /bin/busybox wc -l")
	in, err := run.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 100)
	if n, err := out.Read(buf); err != nil || string(buf[:n]) != "running\n" {
		t.Fatalf("%q, %v", buf[:n], err)
	}
	said, err := exec.Command(sbx, "image", "rm", ref).CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed || !strings.Contains(string(said), "a sandbox is running in it") {
		t.Errorf("%v: %s", err, said)
	}
	for _, args := range [][]string{{"image", "prune"}, {"pull", "-q", ref}} {
		if said, err := exec.Command(sbx, args...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", args, err, said)
		}
	}
	if _, err := in.Write([]byte("on\n")); err != nil {
		t.Fatal(err)
	}
	text := new(strings.Builder)
	for {
		n, err := out.Read(buf)
		text.Write(buf[:n])
		if err != nil {
			break
		}
	}
	if err := run.Wait(); err != nil || text.String() != "60\n60\n" {
		t.Errorf("%v: %q", err, text)
	}
	if said, err := exec.Command(sbx, "image", "rm", ref).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, said)
	}
	if left := storeNames(t, filepath.Join(data, "sbx/images"), "layers"); left != nil {
		t.Errorf("%q are left", left)
	}
}
