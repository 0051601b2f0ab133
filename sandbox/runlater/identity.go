package runlater

import "golang.org/x/sys/unix"

// A stamp is a time as files have it.
type stamp struct {
	sec  int64
	nsec uint32
}

func (s stamp) before(t stamp) bool { return s.sec < t.sec || s.sec == t.sec && s.nsec < t.nsec }

func (s stamp) add(ns int64) stamp {
	ns += int64(s.nsec)
	sec := ns / 1e9
	if ns -= sec * 1e9; ns < 0 {
		sec, ns = sec-1, ns+1e9
	}
	return stamp{s.sec + sec, uint32(ns)}
}

// A start is when the run began, as files are stamped, which may be a tick or more
// behind, by the clock that this is taken from, and by one that nobody sets.
type start struct{ stamped, real, boot stamp }

func now() start {
	return start{clock(unix.CLOCK_REALTIME_COARSE), clock(unix.CLOCK_REALTIME), clock(unix.CLOCK_BOOTTIME)}
}

func clock(id int32) stamp {
	var t unix.Timespec
	_ = unix.ClockGettime(id, &t) // both are in every kernel
	return stamp{int64(t.Sec), uint32(t.Nsec)}
}

// since is the time from which on a change was made during the run. If the clock
// was put back meanwhile, files have earlier times than they should, and it is as
// much earlier. 20 ms are more than the clocks are read one after the other.
func (s start) since(end start) stamp {
	elapsed := func(a, b stamp) int64 { return (b.sec-a.sec)*1e9 + int64(b.nsec) - int64(a.nsec) }
	if put := elapsed(s.real, end.real) - elapsed(s.boot, end.boot); put < -20e6 {
		return s.stamped.add(put)
	}
	return s.stamped
}

// An identity tells a file from any other and, by its change time, from itself
// as it was. The zero identity is no file's.
type identity struct {
	major, minor uint32
	ino          uint64
	kind         uint16
	changed      stamp
}

func identify(st *unix.Statx_t) identity {
	return identity{st.Dev_major, st.Dev_minor, st.Ino, st.Mode & unix.S_IFMT, stamp{st.Ctime.Sec, st.Ctime.Nsec}}
}

// object is the identity less what changes with the content.
func (i identity) object() identity {
	i.changed = stamp{}
	return i
}

// identityOf is the identity of an open file.
func identityOf(fd int) (identity, error) {
	var st unix.Statx_t
	if err := statFD(fd, &st); err != nil {
		return identity{}, err
	}
	return identify(&st), nil
}

// touched tells whether a file was changed since. A time without nanoseconds may
// be one of whole seconds: ext4 keeps the rest only in inodes that have room.
func touched(st *unix.Statx_t, since stamp) bool {
	if st.Ctime.Nsec == 0 {
		since.nsec = 0
	}
	return !(stamp{st.Ctime.Sec, st.Ctime.Nsec}).before(since)
}

// born tells whether a file was made since, where the file system knows.
func born(st *unix.Statx_t, since stamp) bool {
	return st.Mask&unix.STATX_BTIME != 0 && !(stamp{st.Btime.Sec, st.Btime.Nsec}).before(since)
}
