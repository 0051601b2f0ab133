package sandbox

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sbxrun/sbx/sandbox/procs"
	"github.com/sbxrun/sbx/sandbox/runlater"
	"github.com/sbxrun/sbx/userns"
)

// maskWatch puts masks back that the host takes off while the command runs.
type maskWatch struct {
	spec  Spec
	host  Host
	note  func(string, ...any)
	id    string   // of names in the sandbox's /dev, which the command cannot foresee
	first *os.File // a pidfd of the sandbox's first process
	root  *os.File // the sandbox's root, with its mounts
	kill  func() error

	guard   *runlater.Guard // what is looked at when the command has ended, or nil
	once    sync.Once       // starts it
	ran     bool            // there was time to look
	started time.Time

	helper  *userns.Resident // which masks, or nil
	project int              // the project's directory, wherever it is moved, or -1
	masks   []mask
	places  []watchedDir    // in which places of secrets may appear
	known   map[string]bool // inside paths that are masked
	loose   map[string]bool // those whose mask may be off
	arrived []string        // outside paths of what is hidden since it appeared
	// outsiders are those of arrived that came while the whole command slept.
	outsiders []string
	judged    map[string]bool      // outside paths of what appeared, and is hidden or not by its content
	exposed   map[string]*exposure // those that the command may have open
	drained   []nameEvent          // reports that were read while a file was judged
	trails    *nameTrails          // of what is read-only, or nil
	queued    bool                 // run closes them
	alarm     int                  // a queue that has a report when a mask may be off, or 0

	cleaned int // how often a configuration was

	copied map[string]int  // of which git configurations the command has a copy
	copies *os.File        // where these are, or nil
	told   map[string]bool // which of them could not be brought up to date

	procs  *procs.Dir // the sandbox's /proc, or nil
	rest   procs.Rest // when all in it slept last, or nil
	restAt time.Time  // when that was looked at
	calms  int        // how often calm has looked

	// The kernel does not report the names of some directories, and only others can change
	// that. Their times are looked at.
	unreported      []string
	unreportedTimes map[string]unix.StatxTimestamp

	handles []movable // of the directories that have the names
	files   []movable // of what is hidden

	up   chan struct{} // closed when the command runs
	set  chan struct{} // closed when the masks are watched, or never will be
	stop chan struct{}
	done sync.WaitGroup

	mu     sync.Mutex // guards what is below
	events *nameEvents
	err    error
}

// newMaskWatch is for every start, so it does nothing that can wait. What is hidden in the
// project is opened before the command runs: it may be moved at once.
func newMaskWatch(s Spec, h Host) (*maskWatch, error) {
	w := &maskWatch{spec: s, host: h, started: time.Now(), project: -1, up: make(chan struct{}), set: make(chan struct{}), stop: make(chan struct{})}
	if h.Kernel.AtLeast(6, 9) {
		w.early(s.earlyNames(h))
	}
	if s.Project != "" && slices.ContainsFunc(s.OCI.Linux.MaskedPaths, func(p string) bool { return below(p, s.Project) }) {
		return w, w.prepare()
	}
	return w, nil
}

// prepare lists what is masked.
func (w *maskWatch) prepare() (err error) {
	if w.known != nil {
		return nil
	}
	w.id, w.masks, w.places = randomName(), w.spec.masks(w.host), w.host.watchedSecrets(w.spec)
	w.known, w.loose, w.exposed, w.judged = map[string]bool{}, map[string]bool{}, map[string]*exposure{}, map[string]bool{}
	for _, m := range w.masks {
		w.known[m.inside] = true
	}
	if w.spec.Project == "" {
		return nil
	}
	if w.project, err = unix.Open(w.spec.Project, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0); err != nil {
		return fmt.Errorf("project directory %s: %w", w.spec.Project, err)
	}
	w.handleAll()
	return nil
}

// begin watches until close. A command that ends at once does not come to it.
func (w *maskWatch) begin(c *Cmd) {
	w.once.Do(func() { w.start(c) })
}

func (w *maskWatch) start(c *Cmd) {
	w.done.Go(func() {
		defer w.watched()
		select {
		case <-w.up:
		case <-w.stop:
			return
		}
		first, root, err := w.reach(c)
		if err != nil {
			if !errors.Is(err, os.ErrProcessDone) {
				w.fail(err, c.process.Kill)
			}
			return
		}
		defer first.Close()
		defer root.Close()
		w.first, w.root, w.kill, w.guard = first, root, c.process.Kill, c.guarded
		w.copied, w.copies = c.copied, c.copies
		w.note = func(format string, args ...any) { c.notice(false, format, args...) }
		if err := w.prepare(); err != nil {
			w.fail(err, w.kill)
			return
		}
		w.ran = true
		w.run()
	})
}

// reach is Cmd.Reach for a sandbox that may not have executed its sbx-init yet: until then
// its first process has the supervisor's memory, which is closed to others, and so is its
// root (ptrace(2), PTRACE_MODE_READ).
func (w *maskWatch) reach(c *Cmd) (first, root *os.File, err error) {
	for end := time.Now().Add(maskLimit); ; {
		first, root, err = c.Reach()
		if err != nil && c.hasExited() {
			return nil, nil, os.ErrProcessDone
		}
		if !errors.Is(err, unix.EACCES) && !errors.Is(err, unix.ENOENT) || time.Now().After(end) {
			return first, root, err
		}
		select {
		case <-c.process.Done():
			return nil, nil, os.ErrProcessDone
		case <-w.stop:
			return nil, nil, os.ErrProcessDone
		case <-time.After(time.Millisecond):
		}
	}
}

// hasExited tells whether the sandbox's first process has ended, also before anybody has
// waited for it: then nothing can be seen of it.
func (c *Cmd) hasExited() bool {
	first, err := c.process.Handle()
	if err != nil {
		return true
	}
	defer first.Close()
	set := []unix.PollFd{{Fd: int32(first.Fd()), Events: unix.POLLIN}}
	n, err := unix.Poll(set, 0)
	return err == nil && n == 1
}

func (w *maskWatch) fail(err error, kill func() error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = fmt.Errorf("what is hidden or read-only could not be kept so while the command ran: %w", err)
	}
	_ = kill() // it may have ended just now
}

// lookEvery is how often names are looked at where the kernel does not report changes. The
// command can bring that about: it takes all inotify instances that the user may have.
//
// Before Linux 6.9 it is so until a command has run for reportedAfter: a shorter one would
// have to wait for the end of the reports, see closeLater.
const (
	reportedAfter = 100 * time.Millisecond
	lookEvery     = 10 * time.Millisecond
)

func (w *maskWatch) run() {
	defer w.dismiss()
	w.watchRest()
	defer func() {
		if w.procs != nil {
			w.procs.Close()
		}
	}()
	looking := time.Duration(0)
	if !w.host.Kernel.AtLeast(6, 9) {
		looking = reportedAfter
	}
	if looking > 0 && !w.look(lookEvery, looking) {
		return
	}
	events, err := newNameEvents()
	if err == nil {
		queues := []int{events.fd}
		if w.trails == nil {
			w.trails, err = newNameTrails(nil)
		}
		if err == nil {
			w.trails.follow(w.readOnly())
			queues, w.queued = append(queues, w.trails.fd), true
		}
		defer func() { closeLater(queues...) }()
		defer w.silence(events)
	}
	if err == nil {
		err = w.watch(events)
	}
	if errors.As(err, &closedError{}) {
		w.fail(err, w.kill)
		return
	}
	if err != nil {
		w.note("hidden and read-only files are checked every %v, since the kernel does not report their changes: %v", lookEvery, err)
		w.look(lookEvery, forever)
		return
	}
	w.mu.Lock()
	w.events = events
	w.mu.Unlock()
	if slices.ContainsFunc(w.masks, func(m mask) bool { return below(m.outside, w.spec.Project) }) {
		if err := w.ready(); err != nil && !w.over(err) {
			w.fail(err, w.kill)
			return
		}
	}
	w.restoreAll() // what changed before it was watched
	w.endAlarm()
	for {
		if w.calm() {
			w.watched()
		}
		changed, ok := events.next(w.stop, w.patience())
		if !ok {
			w.settleAll(events.read())
			return
		}
		changed, w.drained = append(w.drained, changed...), nil
		w.foresees(changed)
		w.changed(changed)
		w.lookAtUnreported()
		w.askAgain()
		w.trails.read()
	}
}

// watch has the directories with the names reported, or finds them again.
func (w *maskWatch) watch(events *nameEvents) error {
	w.unreported = nil
	for _, dir := range w.directories() {
		w.handle(dir)
		if err := w.watchDirectory(events, dir); err != nil {
			return err
		}
	}
	w.unreportedTimes = w.changes(w.unreported)
	return nil
}

// silence closes the bell, which close rings from another goroutine.
func (w *maskWatch) silence(events *nameEvents) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = nil
	events.close()
}

// watched closes set, once.
func (w *maskWatch) watched() {
	select {
	case <-w.set:
	default:
		close(w.set)
	}
}

const forever = time.Duration(math.MaxInt64)

// look looks at the names from time to time, for so long. It is false when the watch has
// ended meanwhile.
func (w *maskWatch) look(every, during time.Duration) bool {
	end, tick := time.After(during), time.NewTicker(every)
	defer tick.Stop()
	w.restoreAll()
	seen := w.changes(w.directories())
	for {
		if w.calm() && during == forever {
			w.watched()
		}
		select {
		case <-w.stop:
			last := []nameEvent{{mask: unix.IN_Q_OVERFLOW}}
			if maps.Equal(seen, w.changes(w.directories())) {
				last = nil
			}
			w.settleAll(last)
			return false
		case <-end:
			return true
		case <-tick.C:
		}
		now := w.changes(w.directories())
		if !maps.Equal(seen, now) {
			w.restoreAll()
		} else {
			w.judgeAgain()
		}
		w.askAgain()
		seen = now
	}
}

// judgeAgain hides those of the files judged by their content that are secrets now.
func (w *maskWatch) judgeAgain() {
	before := len(w.masks)
	for at := range w.judged {
		w.appeared(path.Dir(at), path.Base(at))
	}
	if len(w.masks) > before {
		w.restore(slices.Clone(w.masks[before:]))
	}
}

// changes are the change times of the directories that have the names: nobody can set them,
// and each change of a name is one. Those of a moment ago, in which more can come by the
// same time, are not told apart from others.
func (w *maskWatch) changes(dirs []string) map[string]unix.StatxTimestamp {
	times := map[string]unix.StatxTimestamp{}
	now := time.Now()
	for _, dir := range dirs {
		var st unix.Statx_t
		if unix.Statx(unix.AT_FDCWD, w.at(dir), 0, unix.STATX_CTIME, &st) != nil {
			continue
		}
		if changed := time.Unix(st.Ctime.Sec, int64(st.Ctime.Nsec)); now.Sub(changed) < recent {
			st.Ctime.Nsec = uint32(now.Nanosecond())
		}
		times[dir] = st.Ctime
	}
	return times
}

// recent is longer than the kernel gives the same time to changes, which is a tick.
const recent = 20 * time.Millisecond

// restoreAll masks whatever is not masked.
func (w *maskWatch) restoreAll() {
	w.relocate()
	w.handleAll()
	all := w.current()
	w.restore(append(slices.DeleteFunc(slices.Clone(all), w.covered), w.followLinks(all)...))
}

// directories are those of the host that have the names.
func (w *maskWatch) directories() []string {
	var dirs []string
	add := func(dir string) {
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if w.spec.Project != "" {
		add(w.spec.Project)
	}
	for _, m := range w.masks {
		add(path.Dir(m.outside))
	}
	for _, d := range w.places {
		add(d.Dir)
	}
	return dirs
}

// current are all masks, with those of names that have appeared.
func (w *maskWatch) current() []mask {
	for _, dir := range w.directories() {
		for _, e := range entries(w.at(dir)) {
			w.appeared(dir, e.name)
		}
	}
	return w.masks
}

// appeared adds the mask of a name that is there now, and tells whether there is one.
func (w *maskWatch) appeared(dir, name string) bool {
	m, ok := w.appears(dir, name)
	if ok && !w.known[m.inside] {
		w.addMask(m)
		for _, at := range w.elsewhere(m) {
			w.addMask(mask{at, m.outside, m.how})
		}
		if w.arrived = append(w.arrived, m.outside); w.rested() {
			w.outsiders = append(w.outsiders, m.outside)
		}
	}
	return ok
}

// elsewhere are the other places where the sandbox shows what a mask hides, as with -v
// $PWD:/src.
func (w *maskWatch) elsewhere(m mask) (places []string) {
	for _, o := range w.spec.OCI.Mounts {
		if !isBind(o) || o.Source == o.Destination {
			continue
		}
		at, seen := placeIn(w.host, o, m.outside)
		if seen && at != m.inside && below(m.outside, w.host.real(o.Source)) && w.spec.shows(o, at) && !w.known[at] {
			places = append(places, at)
		}
	}
	return places
}

// changed restores what changes of names have taken off.
func (w *maskWatch) changed(events []nameEvent) {
	var need []mask
	add := func(m mask) {
		if !slices.ContainsFunc(need, func(other mask) bool { return other.inside == m.inside }) {
			need = append(need, m)
		}
	}
	for _, c := range events {
		if c.all() {
			w.relocate()
			w.again()
			need = slices.Clone(w.current())
			break
		}
		at := c.path()
		if w.usedExposed(c, at) {
			continue
		}
		if c.mask&unix.IN_MODIFY != 0 && !w.known[at] { // of a file that was shared
			before := len(w.masks)
			w.appeared(path.Dir(at), path.Base(at))
			need = append(need, w.masks[before:]...)
			continue
		}
		if c.arrived() || c.written() {
			before := len(w.masks)
			if w.appeared(c.dir, c.name); c.written() {
				need = append(need, w.masks[before:]...)
				continue // what is masked is the host's to write
			}
		}
		before := len(w.masks)
		if c.mask&unix.IN_MOVED_FROM != 0 && w.known[at] {
			if w.relocate(); len(w.masks) > before {
				w.again()
				need = append(need, w.masks[before:]...)
			}
		}
		for _, m := range w.masks {
			if m.outside == at {
				add(m)
			} else if below(m.outside, at) { // a directory above was replaced
				w.again()
				add(m)
			}
		}
	}
	if len(need) > 0 {
		w.restore(need)
		w.handleAll() // another file may be at a name
	}
}

// again finds the directories, after one of them was replaced.
func (w *maskWatch) again() {
	if err := w.watch(w.events); err != nil {
		w.fail(err, w.kill)
	}
}

// restoreTries bounds how often a name may change again while it is masked.
const restoreTries = 1000

// restore masks what is not masked, and goes on until all are.
func (w *maskWatch) restore(masks []mask) {
	masks = append(slices.Clone(masks), w.followLinks(masks)...)
	var open []mask
	unseen := map[string]bool{} // masked, as far as can be told
	for range restoreTries {
		open = slices.DeleteFunc(slices.Clone(masks), func(m mask) bool { return unseen[m.inside] || w.covered(m) })
		if len(open) == 0 {
			w.settle(masks)
			return
		}
		if w.detached() {
			return // its mount namespace has gone, and so has whatever was in there
		}
		open = open[:min(len(open), maskAtOnce)] // the others come in the next try
		for _, m := range open {
			w.loose[m.inside] = true
		}
		w.acceptRested(open)
		err := w.mount(open)
		var step *userns.StepError
		switch {
		case err == nil:
			for _, m := range open {
				unseen[m.inside] = w.unseen(m)
			}
		case w.over(err):
			return
		case errors.As(err, &step) && (step.Err == unix.ENOENT || step.Err == unix.ENOTDIR || step.Err == unix.ELOOP || step.Err == unix.EINVAL):
			// It changed again.
		default:
			w.fail(err, w.kill)
			return
		}
	}
	if w.unseen(open[0]) {
		w.fail(closedError{path.Dir(open[0].outside)}, w.kill)
		return
	}
	w.fail(fmt.Errorf("%s changes too often", open[0].outside), w.kill)
}

// close ends the watch. Where the command ended before anything was looked at, what is in
// the place of a read-only directory by the end is either the directory that was there, and
// then its mount was on, or another: the kernel takes a mount off for good.
func (w *maskWatch) close(guard *runlater.Guard) error {
	close(w.stop)
	w.mu.Lock()
	if w.events != nil {
		w.events.wake()
	}
	w.mu.Unlock()
	w.done.Wait()
	defer w.letGo()
	if !w.ran && guard != nil && w.host.Guard == guard && len(guard.Binds) > 0 {
		changed := w.trails.unsettled()
		for _, m := range w.spec.masks(w.host) {
			switch {
			case m.how != readOnly:
			case w.isDir(m):
				if w.alone(m) {
					guard.Hold(m.outside)
				}
			case slices.Contains(changed, m.outside):
				w.settleLate(guard, m)
			}
		}
	}
	w.endEarly()
	return w.err
}
