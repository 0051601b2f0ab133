package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/sbxrun/sbx/sandbox/mounttable"
)

// diskDirs are the directories in which disks are mounted besides the system's own:
// removable ones, other systems, backups, Windows' drives in WSL, and on NixOS the disk
// that keeps what a boot does not. The host view shows nothing of them that is not asked
// for. One that is empty is left as it is.
var diskDirs = []string{"/mnt", "/media", "/persist"}

// probeDisks finds which of them have something in them.
func (h *Host) probeDisks() {
	for _, dir := range diskDirs {
		if len(entries(dir)) == 0 {
			continue
		}
		fi, err := os.Lstat(dir)
		if err != nil {
			continue
		}
		h.Files[dir] = fi.Mode()
		if fi.Mode()&fs.ModeSymlink != 0 {
			if real, err := filepath.EvalSymlinks(dir); err == nil {
				h.Real[dir] = real
				h.stat(real)
			}
		}
		h.disks = append(h.disks, privateDir{dir, "755"})
	}
}

// hiddenPrograms notes the directories of the command's PATH that exist and are hidden
// with a disk. Of WSL's drives there is no note: their programs are for Windows, which
// runs them by a socket that no sandbox has.
func (h *Host) hiddenPrograms(s Spec) {
	if len(h.disks) == 0 && len(h.aliases) == 0 || s.View != HostView || s.OCI.Process == nil {
		return
	}
	own := s.ownMounts(*h)
	for dir := range strings.SplitSeq(lookupEnv(s.OCI.Process.Env, "PATH"), ":") {
		hidden := slices.ContainsFunc(h.disks, func(d privateDir) bool { return below(dir, d.path) }) || h.isAlias(dir)
		shown := slices.ContainsFunc(own, func(m specs.Mount) bool { return below(dir, m.Destination) || below(m.Destination, dir) })
		if hidden && !shown && !h.drives && exists(dir) {
			h.Unhidden = append(h.Unhidden, dir+" of your PATH is on another disk and hidden; --ro "+dir+" shows it")
		}
	}
}

// drivesOf finds WSL's drives, which may be mounted anywhere (wsl.conf(5)).
func (h *Host) drivesOf(t mounttable.Table) {
	for i := range t.Mounts {
		m := &t.Mounts[i]
		if m.Type != "drvfs" && (m.Type != "9p" || !strings.Contains(m.Super, "aname=drvfs")) {
			continue
		}
		h.drives = true
		if !h.private(m.Point) && !inSystem(m.Point) && t.At(m.Point) == i {
			h.stat(m.Point)
			h.disks = append(h.disks, privateDir{m.Point, "755"})
		}
	}
}
