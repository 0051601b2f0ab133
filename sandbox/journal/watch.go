package journal

import (
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// A watch waits until something in a directory has changed. Where the kernel gives no
// more of them (fs.inotify.max_user_instances is 128), it is a look now and then.
type watch struct {
	events *os.File // or nil
	buf    []byte
}

const (
	glance = 100 * time.Millisecond
	again  = 2 * time.Second // also with events, which a network file system may not have
)

func newWatch(dir string) *watch {
	w := &watch{buf: make([]byte, 4096)}
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return w
	}
	w.events = os.NewFile(uintptr(fd), "inotify")
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_MODIFY|unix.IN_CREATE); err != nil {
		w.close()
	}
	return w
}

// wait waits, and tells whether it was for the last time.
func (w *watch) wait(over <-chan struct{}) bool {
	if w.events == nil {
		select {
		case <-over:
			return true
		case <-time.After(glance):
			return false
		}
	}
	changed := make(chan struct{})
	go func() {
		defer close(changed)
		_ = w.events.SetReadDeadline(time.Now().Add(again))
		_, _ = w.events.Read(w.buf) // whatever it was, there is something to look at
	}()
	select {
	case <-over:
		_ = w.events.SetReadDeadline(time.Unix(1, 0))
		<-changed
		return true
	case <-changed:
		return false
	}
}

func (w *watch) close() {
	if w != nil && w.events != nil {
		w.events.Close()
		w.events = nil
	}
}
