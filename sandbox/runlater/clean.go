package runlater

import (
	"crypto/sha256"
	"os"

	"golang.org/x/sys/unix"
)

// A repository without its configuration is no longer one to git, and has lost its remotes
// and branches. What was found are single settings, and perhaps the developer's: while the
// command ran, a git config outside and a write of the command's can look the same.

// clean puts a copy of a configuration that was moved aside in its place, less the settings
// that were found. Where that cannot be done, the configuration is aside as a whole.
func (f *Finding) clean(from int, name string, to int, as string) {
	if len(f.config.bad) == 0 {
		return
	}
	text, err := readAt(to, as, configLimit)
	if err != nil || sha256.Sum256(text) != f.config.sum { // another sandbox writes to it
		return
	}
	var st unix.Statx_t
	if text, err = without(text, f.config.bad); err != nil || statAt(to, as, &st) != nil {
		return
	}
	mode := uint32(st.Mode) & 0o666
	fd, err := unix.Openat(from, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return
	}
	file := os.NewFile(uintptr(fd), name)
	_ = file.Chmod(os.FileMode(mode)) // whatever the umask
	_, err = file.Write(text)
	if closed := file.Close(); err != nil || closed != nil {
		_ = unix.Unlinkat(from, name, 0)
		return
	}
	f.Cleaned = true
	for _, s := range f.config.bad {
		f.Settings = append(f.Settings, s.String())
	}
}
