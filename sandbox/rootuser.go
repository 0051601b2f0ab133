package sandbox

import (
	"os"
	"path/filepath"
	"strings"
)

// probeRoot finds whether the caller is the machine's root, or a container's whose ids
// are the machine's: who is root of a user namespace owns nothing outside.
func (h *Host) probeRoot() {
	if h.UID != 0 {
		return
	}
	text, err := os.ReadFile("/proc/self/uid_map")
	words := strings.Fields(string(text))
	h.Root = err != nil || len(words) == 3 && words[0] == "0" && words[1] == "0" && words[2] == "4294967295"
}

// rootSecrets are what root alone may read and the command could, as their owner. Others
// need not be kept from them.
func (h *Host) rootSecrets() []string {
	if h.UID != 0 {
		return nil
	}
	keys, _ := filepath.Glob("/etc/ssh/ssh_host_*_key") // the pattern is one
	return keys
}

// rootNote says what is different for root. It has no capability inside, but is the
// owner of most of what the host view shows.
func (s Spec) rootNote(h Host) []string {
	if !h.Root || s.View != HostView {
		return nil
	}
	return []string{"you are root: of what is shown, the command may read what root alone may; run sbx as an ordinary user"}
}
