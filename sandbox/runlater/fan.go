package runlater

import (
	"encoding/binary"
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// A walk is nearly all system calls: setuid is only seen by asking for each file,
// since chmod changes nothing but the file's own times. So it is done by several
// at once, from the first directory on that has something to share.
const (
	fanWorkers = 4
	fanWidth   = 16
)

// fan has the directories of a frame walked by several walkers. It is done once
// on the way down to anything, by the first walker only.
func (w *walker) fan(f *frame) error {
	workers := make([]*walker, min(runtime.GOMAXPROCS(0), fanWorkers))
	var errs []error
	for i := range workers {
		fd, err := unix.FcntlInt(uintptr(f.fd), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			workers = workers[:i]
			break
		}
		own := *f
		own.fd, own.todo = fd, 0
		workers[i] = &walker{
			g: w.g, r: &Report{}, since: w.since, uid: w.uid, roots: w.roots, index: w.index, shared: true,
			reader: reader{buf: make([]byte, len(w.reader.buf))},
			path:   append([]byte(nil), w.path...),
			frames: []frame{own},
		}
	}
	if len(workers) == 0 { // no descriptors left: alone, then
		w.shared = true
		return nil
	}
	for i := 0; len(w.todo) > f.todo; i++ {
		end := len(w.todo)
		begin := end - 3 - int(binary.LittleEndian.Uint16(w.todo[end-2:]))
		to := workers[i%len(workers)]
		to.todo = append(to.todo, w.todo[begin:end]...)
		w.todo = w.todo[:begin]
	}
	failed := make([]error, len(workers))
	var wait sync.WaitGroup
	for i, other := range workers {
		wait.Go(func() { failed[i] = other.run() })
	}
	wait.Wait()
	for i, other := range workers {
		w.merge(other)
		errs = append(errs, failed[i])
	}
	return errors.Join(errs...)
}

func (w *walker) merge(other *walker) {
	w.overflow = w.overflow || other.overflow
	w.pointers = append(w.pointers, other.pointers...)
	w.leads = append(w.leads, other.leads...)
	w.tops = append(w.tops, other.tops...)
	w.inTops = append(w.inTops, other.inTops...)
	w.indexes = append(w.indexes, other.indexes...)
	w.linked.merge(other.linked)
	for _, f := range other.r.Findings {
		w.addFinding(f)
	}
	w.r.Unknown = append(w.r.Unknown, other.r.Unknown...)
	w.r.reopened = append(w.r.reopened, other.r.reopened...)
	w.r.Shut = append(w.r.Shut, other.r.Shut...)
	for _, u := range other.r.Unseen {
		w.unseen(u.Path, u.Err)
	}
	for _, s := range other.r.SetIDs {
		w.addSetID(s)
	}
	for _, list := range [][]Secret{other.r.Secrets, other.r.made} {
		for _, s := range list {
			w.addSecret(s)
		}
	}
}
