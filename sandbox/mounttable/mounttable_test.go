package mounttable

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// table makes one of lines: device, root, mount point, type, source, options. The
// parent is the mount that the mount point is in by then.
func table(lines ...string) Table {
	var text strings.Builder
	for i, line := range lines {
		f := strings.Fields(line)
		parent := 1
		if i > 0 {
			t := Parse(text.String())
			parent = t.Mounts[t.At(f[2])].ID
		}
		f = append(f, "ext4", "/dev/x", "rw")
		fmt.Fprintf(&text, "%d %d %s %s %s rw,relatime shared:1 - %s %s %s\n", i+10, parent, f[0], f[1], f[2], f[3], f[4], f[5])
	}
	return Parse(text.String())
}

func TestElsewhere(t *testing.T) {
	const root = "8:1 / /"
	private := []string{"/home", "/home/ada", "/tmp", "/run", "/etc/shadow"}
	for _, c := range []struct {
		name  string
		lines []string
		want  []string
	}{
		{"nothing special", []string{root, "8:2 / /boot", "0:5 / /tmp tmpfs"}, nil},
		{"bind of the home", []string{root, "8:1 /home/ada /srv/h"}, []string{"/srv/h is /home/ada", "/srv/h is /ada of /home"}},
		{"bind of all", []string{root, "8:1 / /host"}, []string{"/host/etc/shadow is /etc/shadow", "/host/home is /home", "/host/home/ada is /home/ada", "/host/run is /run", "/host/tmp is /tmp"}},
		{"bind of a part", []string{root, "8:1 /home/ada/.ssh /srv/s"}, []string{"/srv/s is /.ssh of /home/ada", "/srv/s is /ada/.ssh of /home"}},
		{"the home of a data disk", []string{root, "8:2 / /data", "8:2 /home /home"}, []string{"/data/home is /home", "/data/home/ada is /home/ada"}},
		{"/persist", []string{root, "8:2 / /persist", "8:2 /home/ada/.ssh /home/ada/.ssh"}, []string{"/persist/home/ada/.ssh is /.ssh of /home/ada", "/persist/home/ada/.ssh is /ada/.ssh of /home"}},
		{"btrfs", []string{"0:30 /@ / btrfs", "0:30 /@home /home btrfs", "0:30 / /top btrfs"}, []string{
			"/top/@/etc/shadow is /etc/shadow", "/top/@/run is /run", "/top/@/tmp is /tmp", "/top/@home is /home", "/top/@home/ada is /home/ada",
		}},
		{"ostree", []string{"8:1 /ostree/d /", "8:1 / /sysroot"}, []string{
			"/sysroot/ostree/d/etc/shadow is /etc/shadow", "/sysroot/ostree/d/home is /home", "/sysroot/ostree/d/home/ada is /home/ada", "/sysroot/ostree/d/run is /run", "/sysroot/ostree/d/tmp is /tmp",
		}},
		{"in what is private", []string{root, "8:1 /home/ada /run/h", "8:1 /tmp /home/ada/t"}, nil},
		{"in what is shown", []string{root, "8:1 /home/ada /home/ada/p/h", "8:1 /srv /home/ada/p/s"}, []string{"/home/ada/p/h is /home/ada", "/home/ada/p/h is /ada of /home"}},
		{"a sibling by name", []string{root, "8:1 /home2 /srv/h", "8:1 /home/adam /srv/i"}, []string{"/srv/i is /adam of /home"}},
		{"covered", []string{root, "8:1 /home/ada /srv/h", "0:9 / /srv tmpfs"}, nil},
		{"covered at its place", []string{root, "8:1 /home/ada /srv/h", "0:9 / /srv/h tmpfs"}, nil},
		{"covered in part", []string{root, "8:2 / /home", "8:2 / /data", "0:9 / /data/ada tmpfs"}, []string{"/data is /home"}},
		{"stacked on the home", []string{root, "8:2 / /home/ada", "8:1 /home/ada /srv/below", "8:2 / /srv/above"}, []string{
			"/srv/above is /ada of /home", "/srv/above is /home/ada", "/srv/below is /ada of /home",
		}},
		{"spaces", []string{root, `8:1 /home/ada /srv/a\040b`}, []string{"/srv/a b is /home/ada", "/srv/a b is /ada of /home"}},
		{"a file", []string{root, "8:1 /home/ada/.netrc /etc/netrc"}, []string{"/etc/netrc is /.netrc of /home/ada", "/etc/netrc is /ada/.netrc of /home"}},
		{"of an overlay", []string{root, "0:9 / /merged overlay overlay rw,lowerdir=/opt/low:/home/ada,upperdir=/up,workdir=/w"}, []string{"/merged is /ada of /home", "/merged is /home/ada"}},
		{"in an overlay", []string{"0:9 / / overlay overlay rw,lowerdir=/lay/a:/lay/b,upperdir=/gone/up", "8:1 /x /lay"}, []string{"/lay/b/home/ada is /home/ada"}},
		{"bindfs", []string{root, "0:9 / /srv/f fuse.bindfs /home"}, []string{"/srv/f is /home", "/srv/f/ada is /home/ada"}},
		{"nfs", []string{root, "0:9 / /home nfs4 server:/export/home", "0:10 / /net nfs4 server:/export"}, []string{"/net/home is /home", "/net/home/ada is /home/ada"}},
		{"another server", []string{root, "0:9 / /home nfs4 server:/export/home", "0:10 / /net nfs4 other:/export"}, nil},
	} {
		got := []string{}
		for _, v := range table(c.lines...).Elsewhere(private, []string{"/home/ada/p"}, func(p string) bool { return p == "/lay" || p == "/lay/b/home/ada" }) {
			line := v.Path + " is " + v.Of
			if v.Part != "" {
				line = v.Path + " is " + v.Part + " of " + v.Of
			}
			got = append(got, line)
		}
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
}

// TestRead: this process's own table has a root, and each path is in some mount.
func TestRead(t *testing.T) {
	table, err := Read()
	if err != nil || len(table.Mounts) == 0 {
		t.Fatal(err, len(table.Mounts))
	}
	if i := table.At("/proc/self"); i < 0 || table.Mounts[i].Type != "proc" {
		t.Errorf("/proc/self is in mount %d of %v", i, table.Mounts)
	}
}

func BenchmarkElsewhere(b *testing.B) {
	lines := []string{"8:1 / /"}
	for i := range 500 {
		lines = append(lines, fmt.Sprintf("8:1 /data/%d /srv/%d", i, i))
	}
	var text strings.Builder
	for i, line := range lines {
		f := strings.Fields(line)
		fmt.Fprintf(&text, "%d %d %s %s %s rw,relatime shared:1 - ext4 /dev/x rw\n", i+10, min(10, i*10+1), f[0], f[1], f[2])
	}
	private := strings.Fields(strings.Repeat("/home/ada /var/spool/x /etc/y ", 15))
	for b.Loop() {
		Parse(text.String()).Elsewhere(private, nil, nil)
	}
}

// TestPaths: other mounts of the same file system are other paths, unless they are covered.
func TestPaths(t *testing.T) {
	mounts := table("8:1 / /", "8:2 / /data", "8:2 /home /home", `8:2 /home/me/.config /srv/a\040b`, "8:3 / /home/other", "8:2 / /covered", "0:9 / /covered tmpfs")
	for p, want := range map[string][]string{
		"/home/me/.config/sbx": {"/data/home/me/.config/sbx", "/srv/a b/sbx"},
		"/home/other/x":        nil,
		"/etc":                 nil,
	} {
		if got := mounts.Paths(p); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", p, got, want)
		}
	}
	if got := (Table{}).Paths("/home"); got != nil {
		t.Errorf("without mounts: %q", got)
	}
}
