package sandbox

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/mounttable"
	"github.com/sbxrun/sbx/sandbox/secrets"
)

// What is private is hidden by its path, and another mount shows it by another: the disk
// of which the home is a directory, the top of a btrfs, /persist, a bind mount. Those
// paths are hidden as the home is.

// An alias is another path of something private, or of a part of that.
type alias struct {
	path  string
	whole bool // all of a private directory is there
	home  bool // it is a home, or one is in it
}

// realHomes are the homes by their real paths.
func (h *Host) realHomes() (homes []string) {
	for _, home := range h.Homes {
		if real := h.real(home); !slices.Contains(homes, real) {
			homes = append(homes, real)
		}
	}
	return homes
}

// probeElsewhere finds the other paths of what is private, and of places of secrets.
func (h *Host) probeElsewhere(s Spec, around surrounding) error {
	if around.err != nil {
		return fmt.Errorf("cannot read the mounts of the host: %w", around.err)
	}
	h.places = slices.Concat(around.places.host, around.places.found, h.ledPlaces(around.places))
	directories := h.realHomes()
	for _, d := range privateDirs {
		if real := h.real(d.path); !slices.Contains(directories, real) {
			directories = append(directories, real)
		}
	}
	directories = slices.DeleteFunc(directories, func(p string) bool { return p == "/" })
	private := slices.Clone(directories)
	for _, p := range h.places {
		if !slices.ContainsFunc(directories, func(dir string) bool { return below(p, dir) }) {
			private = append(private, p)
		}
	}
	var shown []string
	for _, m := range s.ownMounts(*h) {
		if isBind(m) {
			h.resolve(m.Source)
			shown = append(shown, h.real(m.Source))
		}
	}
	table := around.table
	for _, v := range table.Elsewhere(private, shown, exists) {
		if slices.Contains(directories, v.Of) {
			h.addAlias(v)
		} else {
			h.places = append(h.places, v.Path)
		}
	}
	h.drivesOf(table)
	h.kernelElsewhere(table, shown)
	h.copiesElsewhere(table, shown)
	if len(h.views) > 0 {
		h.placesElsewhere()
	}
	// One in another is covered with it.
	slices.SortFunc(h.aliases, func(a, b alias) int { return len(a.path) - len(b.path) })
	return nil
}

func isLink(p string) bool {
	fi, err := os.Lstat(p)
	return err == nil && fi.Mode().Type() == fs.ModeSymlink
}

func exists(p string) bool { return unix.Access(p, unix.F_OK) == nil }

// addAlias has a path hidden as what it shows is. One that shows a part of a private
// directory is not if it is the system's: administrators mount /home/opt on /opt, and
// container engines a file of /run on /etc/resolv.conf. What of it is a place of secrets
// is hidden there too.
func (h *Host) addAlias(v mounttable.View) {
	h.views = append(h.views, v)
	switch {
	case isLink(v.Path): // what a mounted link leads to is hidden by its own path, or shown
		return
	case v.Part != "" && (inSystem(v.Path) || !h.owns(v.Path)):
		return
	case v.Path != "/opt" && h.tooWide(v.Path): // nothing runs without the others
		h.Unhidden = append(h.Unhidden, v.Path+" is not hidden: a mount shows "+v.Shown()+" there, and the system needs it")
		return
	}
	h.hideAlias(alias{
		path: v.Path, whole: v.Part == "",
		home: slices.ContainsFunc(h.realHomes(), func(home string) bool { return below(home, v.Shown()) }),
	})
}

// hideAlias records an alias, or a file of what is private.
func (h *Host) hideAlias(a alias) {
	switch fi := h.stat(a.path); {
	case fi == nil:
	case !fi.IsDir():
		h.places = append(h.places, a.path)
	default:
		h.aliases = append(h.aliases, a)
	}
}

// kernelTypes are file systems that tell of the host's processes and devices.
var kernelTypes = []string{
	"proc", "sysfs", "devtmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "debugfs", "tracefs", "securityfs", "bpf", "configfs", "efivarfs", "pstore", "fusectl", "hugetlbfs",
}

// kernelElsewhere finds the mounts of the kernel's file systems outside of /proc, /sys and
// /dev, as in the directory of a chroot: /srv/chroot/proc/PID/root is the host's.
func (h *Host) kernelElsewhere(t mounttable.Table, shown []string) {
	for i := range t.Mounts {
		m := &t.Mounts[i]
		own := below(m.Point, "/proc") || below(m.Point, "/sys") || below(m.Point, "/dev") || h.unseen(m.Point, shown)
		if !own && slices.Contains(kernelTypes, m.Type) && t.At(m.Point) == i {
			h.hideAlias(alias{path: m.Point, whole: true})
		}
	}
}

// snapshots are the directories at the top of a file system in which snapshots of the
// home are kept: by snapper, Timeshift, btrbk, ZFS and file servers.
var snapshots = []string{".snapshots", "@snapshots", "snapshots", "timeshift", "timeshift-btrfs", "btrbk_snapshots", ".zfs", ".snapshot"}

// diskTypes are the file systems of disks, of which a copy of the home may be mounted: a
// snapshot of a volume, a backup, another system.
var diskTypes = []string{"ext2", "ext3", "ext4", "xfs", "btrfs", "bcachefs", "f2fs", "zfs", "jfs", "reiserfs", "nilfs2"}

// copiesElsewhere finds what looks like another state of the home: its directory on
// another device, by the path that it has there or here.
func (h *Host) copiesElsewhere(t mounttable.Table, shown []string) {
	system := ""
	if i := t.At("/"); i >= 0 {
		system = t.Mounts[i].Device
	}
	for i := range t.Mounts {
		m := &t.Mounts[i]
		// Directories of the system's own disk, of which there may be hundreds of
		// mounts, are no other disk; its top may have snapshots.
		if m.Point == "/" || m.Device == system && m.Root != "/" || inSystem(m.Point) || !slices.Contains(diskTypes, m.Type) || h.unseen(m.Point, shown) || t.At(m.Point) != i {
			continue
		}
		for _, name := range snapshots {
			if at := path.Join(m.Point, name); exists(at) && t.At(at) == i {
				h.hideAlias(alias{path: at, whole: true, home: true})
			}
		}
		for _, home := range h.realHomes() {
			name := path.Base(home)
			for _, at := range []string{home, "/" + name, "/home/" + name, "/@home/" + name} {
				if at = path.Join(m.Point, at); !h.isAlias(at) && h.owns(at) && looksLikeHome(at) && t.At(at) == i {
					h.hideAlias(alias{path: at, whole: true, home: true})
				}
			}
		}
	}
}

// unseen tells whether a path is in a private directory and in nothing that is shown.
func (h *Host) unseen(p string, shown []string) bool {
	return h.private(p) && !slices.ContainsFunc(shown, func(dir string) bool { return below(p, dir) })
}

func (h *Host) isAlias(p string) bool {
	return slices.ContainsFunc(h.aliases, func(a alias) bool { return below(p, a.path) })
}

// looksLikeHome tells whether a directory has what a login makes, or keys.
func looksLikeHome(dir string) bool {
	return slices.ContainsFunc([]string{".ssh", ".gnupg", ".config", ".bashrc", ".profile", ".zshrc"}, func(name string) bool {
		return exists(path.Join(dir, name))
	})
}

// placesElsewhere finds the places of secrets in other paths of a home, where those are
// shown on purpose.
func (h *Host) placesElsewhere() {
	var p places
	for _, v := range h.views {
		for _, home := range h.realHomes() {
			switch {
			case below(home, v.Shown()):
				p.search(path.Join(v.Path, strings.TrimPrefix(home, v.Shown())), secrets.Home(), &p.found)
			case below(v.Shown(), home):
				rest := strings.TrimPrefix(v.Shown(), home+"/")
				if secrets.PlaceAbove(rest) != "" {
					p.found = append(p.found, v.Path)
				} else if node := secrets.Directory(rest); node != nil {
					p.search(v.Path, node, &p.found)
				}
			}
		}
	}
	for _, at := range slices.Concat(p.found, h.ledPlaces(p)) {
		if !slices.Contains(h.places, at) {
			h.places = append(h.places, at)
		}
	}
}

// covers are empty directories over the aliases in what is shown. Something that is
// shown by its path in an alias is asked for, and so is a mount that shows a part of the
// home in the project.
func (s Spec) covers(h Host, own []specs.Mount) (mounts []specs.Mount) {
	for _, m := range own {
		if !isBind(m) {
			continue
		}
		source := h.real(m.Source)
		for _, a := range h.aliases {
			if a.path == source || !below(a.path, source) || m.Source == s.Project && !a.whole {
				continue
			}
			at := m.Destination + strings.TrimPrefix(a.path, strings.TrimSuffix(source, "/"))
			if !slices.ContainsFunc(mounts, func(c specs.Mount) bool { return below(at, c.Destination) }) {
				mounts = append(mounts, tmpfs(at, "mode=755"))
			}
		}
	}
	return mounts
}
