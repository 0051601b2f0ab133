package sandbox

import (
	"os"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/userns"
)

// TestDiskIsOne: all directories in memory that a command may write are of one file
// system, but those that were given a size, and /dev has hardly any room.
func TestDiskIsOne(t *testing.T) {
	union := build("make")
	union.View, union.Layers = Union, []string{"/srv/a"}
	fuse := union
	fuse.Overlay = DriverFuse
	kept := union
	kept.Upper = "/srv/b"
	h := laptop()
	h.FuseOverlayfs, h.Du = "/usr/bin/fuse-overlayfs", "/usr/bin/du"
	for name, c := range map[string]struct {
		spec Spec
		size string
	}{
		"host": {build("make"), "8388608"}, "union": {union, "8388608"}, "kept": {kept, "8388608"},
		"fuse": {fuse, "1048576"}, // the daemon has the rest
	} {
		c.spec.Disk = 8 << 20
		c.spec.OCI.Mounts = []specs.Mount{tmpfs("/tmp/mine"), tmpfs("/tmp/other", "size=64k")}
		sizes := map[string]int{}
		for _, step := range plan(t, c.spec, h).Steps {
			m, ok := step.(userns.Mount)
			if !ok || m.Type != "tmpfs" {
				continue
			}
			size, inodes := "none", false
			for _, o := range m.Options {
				if o.Key == "size" {
					size = o.Value
				}
				inodes = inodes || o.Key == "nr_inodes" && o.Value != "0"
			}
			sizes[size]++
			if size == c.size && !inodes {
				t.Errorf("%s: %s has a number of files without bound", name, m)
			}
		}
		if sizes["none"] > 0 || sizes[c.size] != 1 {
			t.Errorf("%s: sizes of the file systems in memory: %v", name, sizes)
		}
	}
}

func TestDiskRefuses(t *testing.T) {
	h := laptop()
	h.Du = "/usr/bin/du"
	kept := build("make")
	kept.View, kept.Layers, kept.Upper = Union, []string{"/srv/a"}, "/srv/b"
	noRoot := kept
	noRoot.IDs = IDsMap
	noRoot.OCI.Linux = &specs.Linux{
		UIDMappings: []specs.LinuxIDMapping{{ContainerID: 7, HostID: 1000, Size: 1}}, GIDMappings: []specs.LinuxIDMapping{{ContainerID: 7, HostID: 1000, Size: 1}},
	}
	noRoot.OCI.Process = &specs.Process{Args: []string{"make"}, User: specs.User{UID: 7, GID: 7}}
	rootfs := build("make")
	rootfs.View, rootfs.OCI.Root = Rootfs, &specs.Root{Path: "/srv/root"}
	inodes := build("make")
	inodes.OCI.Mounts = []specs.Mount{tmpfs("/tmp/mine", "nr_inodes=7")}
	odd := build("make")
	odd.OCI.Mounts = []specs.Mount{tmpfs("/tmp/mine", "huge=always")}
	noDu := laptop()
	for want, c := range map[string]struct {
		spec Spec
		host Host
		disk int64
	}{
		"want 1 MiB or more": {build("make"), h, 1 << 12}, "no root is mapped": {noRoot, h, 1 << 30}, "du, which is not installed": {kept, noDu, 1 << 30},
		"writes to the directory itself": {rootfs, h, 1 << 30}, "has nr_inodes and no size": {inodes, h, 1 << 30}, "huge=always cannot be had": {odd, h, 1 << 30},
	} {
		c.spec.Disk = c.disk
		done, _, err := Complete(c.spec, c.host)
		if err == nil {
			_, err = Compile(done, c.host)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	kept.Disk = 1 << 30
	if _, notes, err := Complete(kept, h); err != nil || !strings.Contains(strings.Join(notes, "\n"), "/srv/b is watched") {
		t.Errorf("a directory that is only watched is not said to be: %q, %v", notes, err)
	}
}

func TestReadUsage(t *testing.T) {
	for said, want := range map[string]int64{
		"4\t/up\n": 4 << 10, "4\t/up\n8\t/.up.sbx-work\n": 12 << 10, "0\t/up\n": 0,
		"": -1, "du: /up: Permission denied\n": -1, "-4\t/up\n": -1, "x\t/up\n": -1, "99999999999999999999\t/up\n": -1,
	} {
		got, err := readUsage([]byte(said))
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, %v", said, got, err)
		}
	}
}

// TestDiskWatch: what was full for a moment is told of, although it is not at the end.
func TestDiskWatch(t *testing.T) {
	host, err := Probe(Spec{})
	if err != nil {
		t.Fatal(err)
	}
	needSandbox(t, host, Spec{})
	run := func(script string) (notes []string, r *Receipt) {
		cmd := Command("sh", "-c", script)
		cmd.Spec.Project, cmd.Spec.Disk, cmd.Receipted = t.TempDir(), 2<<20, true
		cmd.Note = func(line string) { notes = append(notes, line) }
		cmd.Stderr = os.Stderr
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return notes, cmd.Receipt()
	}
	notes, r := run("head -c 3000000 /dev/zero > /tmp/a 2>/dev/null; sleep 0.5; rm /tmp/a")
	if len(notes) != 1 || notes[0] != "the disk of 2 MiB was full: raise with --disk" {
		t.Errorf("said %q", notes)
	}
	if r.Disk == nil || *r.Disk != (DiskReport{Size: 2 << 20, Kind: "memory", Peak: 2 << 20, Full: true}) {
		t.Errorf("the receipt says %+v", r.Disk)
	}
	notes, r = run("head -c 1000000 /dev/zero > /dev/shm/a")
	if len(notes) != 0 || r.Disk.Full || r.Disk.Peak < 1000000 || r.Disk.Peak > 1100000 {
		t.Errorf("said %q; the receipt says %+v", notes, r.Disk)
	}
}
