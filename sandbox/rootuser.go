package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// probeRoot finds whether the caller owns the machine's files of root: it is the
// machine's root, or a container's whose ids are the machine's, by whatever number. Root
// of a user namespace that an ordinary user made owns nothing outside. /proc/sys is
// root's, so that one stat(2) answers for nearly everybody.
func (h *Host) probeRoot() {
	var st unix.Stat_t
	if unix.Stat("/proc/sys", &st) == nil && st.Uid != h.UID {
		return
	}
	text, err := os.ReadFile("/proc/self/uid_map")
	h.Root = err != nil && h.UID == 0 || mapsToRoot(string(text), h.UID)
}

// mapsToRoot tells whether a map (user_namespaces(7)) gives an id the number 0 outside.
// It is asked besides who owns /proc/sys, which a container may have covered.
func mapsToRoot(uidMap string, id uint32) bool {
	for line := range strings.Lines(uidMap) {
		var inside, outside, count uint64
		if _, err := fmt.Sscan(line, &inside, &outside, &count); err == nil && outside == 0 && inside == uint64(id) && count > 0 {
			return true
		}
	}
	return false
}

// rootSecrets are what root alone may read and the command could, as their owner. Others
// need not be kept from them.
func (h *Host) rootSecrets() []string {
	if h.UID != 0 && !h.Root {
		return nil
	}
	keys, _ := filepath.Glob("/etc/ssh/ssh_host_*_key") // the pattern is one
	return keys
}

// checkRoot refuses to show root the host's own root: the command has no capability, but
// is the owner of what only root may read, of which the best known is hidden and no more.
func (s Spec) checkRoot(h Host) error {
	if !h.Root || s.AllowRoot || s.View != HostView {
		return nil
	}
	return hinted(fmt.Errorf("root needs --allow-root in the host view: the command could read files that only root may read"),
		"run sbx as an ordinary user; or give a root file system (--rootfs, --image); or --allow-root")
}
