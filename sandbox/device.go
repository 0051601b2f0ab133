package sandbox

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// checkDevices refuses to show as a device what is none. Where somebody has removed
// /dev/null, the next who writes to it has made a file of it: it would be a file of the
// host's, writable inside, that what is covered is covered by.
func checkDevices() error {
	for _, name := range devices {
		path := "/dev/" + name
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return hinted(fmt.Errorf("%s: %w", path, err), deviceHint)
		}
		if st.Mode&unix.S_IFMT != unix.S_IFCHR {
			return hinted(fmt.Errorf("%s is no device", path), deviceHint)
		}
	}
	return nil
}

const deviceHint = "a container must have the usual devices; on a host they come back with, as root: systemd-tmpfiles --create, or mknod(1)"
