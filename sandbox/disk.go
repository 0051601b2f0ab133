package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/amount"
	"github.com/sbxrun/sbx/sandbox/layer"
	"github.com/sbxrun/sbx/userns"
)

// What is thrown away is in several directories: the private ones of the host view,
// /dev/shm, the upper directory. A bound for each would be no bound for all, so with
// Spec.Disk they are directories of one file system, which the kernel bounds.

// minDisk is the least that is taken for meant.
const minDisk = 1 << 20

// diskScratch carries the file system while it is made ready. The /proc that is seen
// there is not needed meanwhile, and no layer is below it.
const diskScratch = "/proc"

// Disk names that file system, for the supervisor, who looks how full it is.
const Disk userns.FD = "disk"

// onDisk tells whether a mount is a directory of it. One that has a size has been
// given that by somebody.
func (s Spec) onDisk(m specs.Mount) bool {
	return s.Disk > 0 && m.Type == "tmpfs" && !hasOption(m, "size")
}

func hasOption(m specs.Mount, name string) bool {
	return slices.ContainsFunc(m.Options, func(o string) bool { return strings.HasPrefix(o, name+"=") })
}

// completeDisk has /dev be no second disk: its directory belongs to the caller.
func (s *Spec) completeDisk(h Host) (note string, err error) {
	if s.Disk == 0 {
		return "", nil
	}
	if s.Disk < minDisk {
		return "", fmt.Errorf("--disk %s: want %s or more", amount.Bytes(s.Disk), amount.Bytes(minDisk))
	}
	if s.View == Rootfs {
		return "", fmt.Errorf("--disk bounds what is thrown away, and --rw-rootfs writes to the directory itself")
	}
	for i, m := range s.OCI.Mounts {
		switch {
		case m.Destination == "/dev" && m.Type == "tmpfs":
			keep := slices.DeleteFunc(slices.Clone(m.Options), func(o string) bool { return strings.HasPrefix(o, "size=") })
			s.OCI.Mounts[i].Options = append(keep, s.devSize(h)...)
		case s.onDisk(m) && hasOption(m, "nr_inodes"):
			return "", fmt.Errorf("the tmpfs on %s has nr_inodes and no size: with --disk it needs both or none", m.Destination)
		}
	}
	if s.Upper == "" {
		return "", nil
	}
	if _, ok := fromOCI(s.OCI.Linux.UIDMappings).ToOutside(0); !ok {
		return "", hinted(fmt.Errorf("--disk must look into all of %s, and no root is mapped who could", s.Upper), "see --userns")
	}
	if h.Du == "" {
		return "", hinted(fmt.Errorf("--disk looks into %s by du, which is not installed", s.Upper), "apt-get install coreutils, dnf install coreutils")
	}
	return fmt.Sprintf("--disk: %s is watched, and more than %s ends the sandbox a moment later", s.Upper, amount.Bytes(s.Disk)), nil
}

// devSize bounds /dev, with room for the copies that are there and for their locks.
func (s Spec) devSize(h Host) []string {
	const page = 4 << 10
	pages, files := 16, 1024
	if h.Guard != nil && below(s.copyPlace(), "/dev") {
		for _, c := range h.Guard.Configs {
			pages, files = pages+2*(len(c.Text)/page+2), files+4
		}
	}
	return []string{fmt.Sprintf("size=%dk", pages*page>>10), fmt.Sprintf("nr_inodes=%d", files)}
}

// diskMounts are the mounts for a runtime that knows of no disk: the nearest that it
// can do is a bound for each.
func (s Spec) diskMounts() []specs.Mount {
	mounts := slices.Clone(s.OCI.Mounts)
	for i, m := range mounts {
		if s.onDisk(m) {
			mounts[i].Options = append(slices.Clone(m.Options), fmt.Sprintf("size=%d", s.Disk))
		}
	}
	return mounts
}

// diskSize is how large the file system in memory is. With fuse-overlayfs the upper is
// in another one, and has the larger part.
func (c *compiler) diskSize() int64 {
	if c.spec.View == Union && c.driver() == layer.Fuse && c.spec.Upper == "" {
		return c.spec.Disk - fusePart(c.spec.Disk)
	}
	return c.spec.Disk
}

func fusePart(disk int64) int64 { return disk / 8 * 7 }

// diskOptions bound a file system in memory. A file without contents takes no space
// of it and a kilobyte of the kernel's memory, so their number is bounded too; zero
// would be no bound (tmpfs(5)).
func diskOptions(size int64) []userns.Option {
	return []userns.Option{
		{Key: "size", Value: strconv.FormatInt(size, 10)},
		{Key: "nr_inodes", Value: strconv.FormatInt(size/4096+1024, 10)},
	}
}

// makeDisk makes the file system where there is no other to share, and takes its
// directories.
func (c *compiler) makeDisk() error {
	if c.spec.Disk == 0 {
		return nil
	}
	options := append([]userns.Option{{Key: "mode", Value: "0755"}}, diskOptions(c.diskSize())...)
	c.add(userns.Mount{Type: "tmpfs", Target: diskScratch, Options: append(options, c.labelOptions("tmpfs")...), Attr: userns.NoSuid | userns.NoDev})
	if err := c.takeDisk(diskScratch); err != nil {
		return err
	}
	c.add(userns.Unmount{Target: diskScratch})
	return nil
}

// takeDisk makes the directories of the file system at scratch, and takes each as the
// mount that it will be.
func (c *compiler) takeDisk(scratch string) error {
	if c.spec.Disk == 0 {
		return nil
	}
	for i, m := range c.spec.OCI.Mounts {
		if !c.spec.onDisk(m) {
			continue
		}
		o, mode, err := diskDirectory(m)
		if err != nil {
			return err
		}
		dir := fmt.Sprintf("%s/disk%d", scratch, i)
		c.add(userns.Mkdir{Path: dir, Mode: 0o700, Below: scratch}, userns.Chmod{Path: dir, Mode: mode},
			userns.Take{Source: dir, Attr: o.attr, Alone: true, As: c.mountFD(i)})
	}
	c.add(userns.Take{Source: scratch, Attr: userns.ReadOnly | userns.NoSuid | userns.NoDev | userns.NoExec, Alone: true, As: Disk}, userns.Send{FD: Disk})
	return nil
}

// diskDirectory reads the options that a directory can have.
func diskDirectory(m specs.Mount) (o mountOptions, mode uint32, err error) {
	if o, err = parseOptions(m); err != nil {
		return o, 0, err
	}
	mode = 0o1777 // as the kernel makes one (tmpfs(5))
	for _, option := range o.data {
		n, err := strconv.ParseUint(option.Value, 8, 12)
		if option.Key != "mode" || err != nil {
			return o, 0, fmt.Errorf("tmpfs on %s: option %s cannot be had with --disk, which makes it a directory", m.Destination, option)
		}
		mode = uint32(n)
	}
	return o, mode, nil
}
