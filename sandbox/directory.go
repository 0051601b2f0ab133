package sandbox

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// topDirectories are the directories at the host's root whose programs may be run:
// all but those of the kernel. Links are not among them; what they lead to is.
func topDirectories() (dirs []string) {
	for _, e := range entries("/") {
		switch {
		case e.kind != unix.DT_DIR, e.name == "proc", e.name == "sys", e.name == "dev":
		default:
			dirs = append(dirs, "/"+e.name)
		}
	}
	slices.Sort(dirs)
	return dirs
}

// An entry is a name in a directory, and what it is as far as the file system
// tells (DT_*, readdir(3)).
type entry struct {
	name string
	kind byte
	ino  uint64
}

// entries lists a directory, as getdents64(2) gives it. os.ReadDir would sort it
// and set up the runtime's poller, at twice the cost.
func entries(dir string) (list []entry) {
	fd, err := unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer unix.Close(fd)
	return listed(fd)
}

// listed does so for an open directory.
func listed(fd int) (list []entry) {
	buf := make([]byte, 8192)
	for {
		n, err := unix.Getdents(fd, buf)
		if err != nil || n <= 0 {
			return list
		}
		for b := buf[:n]; len(b) > 19; {
			size := int(binary.NativeEndian.Uint16(b[16:])) // struct linux_dirent64
			if size < 20 || size > len(b) {
				return list
			}
			name := unix.ByteSliceToString(b[19:size])
			if name != "." && name != ".." {
				list = append(list, entry{name, b[18], binary.NativeEndian.Uint64(b)})
			}
			b = b[size:]
		}
	}
}
