package mounttable

import (
	"path"
	"slices"
	"strings"
)

// A View is a path at which a private path is visible besides its own, or a part of it.
type View struct {
	Path string // where
	Of   string // the private path
	Part string // which part of it, with a slash before it, or nothing for the whole
	// Mount is the mount that shows it, or nil where it is what an overlay is made of.
	Mount *Mount
}

// Shown is the private path whose files are visible at the View's.
func (v View) Shown() string { return v.Of + v.Part }

// A search has what is asked of the table more than once.
type search struct {
	table   Table
	private []string
	shown   []string
	foreign []int // mounts that show something outside of what is private
	exists  func(string) bool
	views   []View
}

// Elsewhere finds the other paths of what is private: paths without symbolic links.
// What is itself in a private path is not among them, but for what is shown in one. The
// paths of an overlay's directories may be those of another mount namespace, so exists is
// asked for them.
func (t Table) Elsewhere(private, shown []string, exists func(string) bool) []View {
	s := &search{table: t, private: private, shown: shown, exists: exists}
	repeated, stacked := t.repeated(), t.stacked()
	if len(repeated) == 0 && len(stacked) == 0 {
		return nil
	}
	for i := range t.Mounts {
		if !s.isPrivate(t.Mounts[i].Point) && (slices.Contains(repeated, t.Mounts[i].Device) || slices.Contains(stacked, i)) && t.At(t.Mounts[i].Point) == i {
			s.foreign = append(s.foreign, i)
		}
	}
	for _, p := range private {
		s.ofPath(p, p, repeated)
		for i := range t.Mounts {
			if t.Mounts[i].Point != p && below(t.Mounts[i].Point, p) && s.isPrivate(t.Mounts[i].Point) && t.At(t.Mounts[i].Point) == i {
				s.ofPath(p, t.Mounts[i].Point, repeated)
			}
		}
	}
	for _, i := range stacked {
		s.ofStack(i)
	}
	return s.views
}

func (s *search) isPrivate(p string) bool {
	in := func(dir string) bool { return below(p, dir) }
	return slices.ContainsFunc(s.private, in) && !slices.ContainsFunc(s.shown, in)
}

// repeated are the devices that several mounts show.
func (t Table) repeated() (devices []string) {
	once := make(map[string]bool, len(t.Mounts))
	for i := range t.Mounts {
		again, seen := once[t.Mounts[i].Device]
		if seen && !again {
			devices = append(devices, t.Mounts[i].Device)
		}
		once[t.Mounts[i].Device] = seen
	}
	return devices
}

// ofPath finds the other paths of p, which is private or a mount point in what is.
func (s *search) ofPath(private, p string, repeated []string) {
	at := s.table.At(p)
	if at < 0 || !slices.Contains(repeated, s.table.Mounts[at].Device) {
		return
	}
	in := &s.table.Mounts[at]
	here := path.Join(in.Root, under(p, in.Point))
	for _, i := range s.foreign {
		if i != at && s.table.Mounts[i].Device == in.Device {
			s.shows(i, here, View{Of: private, Part: under(p, private)})
		}
	}
}

// shows adds the View of a path of its file system, or of a part of that, by a mount.
func (s *search) shows(i int, here string, v View) {
	m := &s.table.Mounts[i]
	switch {
	case below(here, m.Root):
		v.Path = path.Join(m.Point, under(here, m.Root))
	case below(m.Root, here):
		v.Path, v.Part = m.Point, v.Part+under(m.Root, here)
	default:
		return
	}
	v.Mount = m
	s.add(i, v)
}

// add keeps a View that no other mount covers.
func (s *search) add(i int, v View) {
	if !s.isPrivate(v.Path) && s.table.At(v.Path) == i {
		s.views = append(s.views, v)
	}
}

// stacked are the mounts that show directories of other mounts.
func (t Table) stacked() (mounts []int) {
	for i := range t.Mounts {
		if t.Mounts[i].Type == "overlay" || strings.HasPrefix(t.Mounts[i].Type, "fuse") && strings.HasPrefix(t.Mounts[i].Source, "/") && !strings.HasPrefix(t.Mounts[i].Source, "/dev/") {
			mounts = append(mounts, i)
		}
	}
	return mounts
}

// directories are those that a stacked mount shows.
func (m *Mount) directories() (dirs []string) {
	if m.Type != "overlay" {
		return absolute(strings.Split(m.Source, ":"))
	}
	for option := range strings.SplitSeq(m.Super, ",") {
		switch key, value, _ := strings.Cut(option, "="); key {
		case "lowerdir", "lowerdir+", "datadir+", "upperdir":
			dirs = append(dirs, absolute(strings.Split(strings.ReplaceAll(value, "::", ":"), ":"))...)
		}
	}
	return dirs
}

func absolute(dirs []string) []string {
	return slices.DeleteFunc(dirs, func(d string) bool { return !path.IsAbs(d) || path.Clean(d) == "/" })
}

// ofStack finds what is private in a stacked mount's directories, which the mount shows
// too; and what is private in the mount, which the directories show too.
func (s *search) ofStack(i int) {
	m := &s.table.Mounts[i]
	above := map[string]bool{}
	for _, dir := range m.directories() {
		dir = path.Clean(dir)
		for _, p := range s.private {
			switch {
			case below(p, dir):
				s.shows(i, path.Join("/", under(p, dir)), View{Of: p})
			case below(dir, p):
				s.add(i, View{Path: m.Point, Of: p, Part: under(dir, p) + under(m.Root, "/"), Mount: m})
			}
		}
		known, asked := above[path.Dir(dir)]
		if !asked {
			known = s.exists(path.Dir(dir))
			above[path.Dir(dir)] = known
		}
		if !known {
			continue
		}
		for _, p := range s.private {
			if s.table.At(p) != i {
				continue
			}
			at := path.Join(dir, m.Root, under(p, m.Point))
			if !s.isPrivate(at) && s.exists(at) {
				s.views = append(s.views, View{Path: at, Of: p})
			}
		}
	}
}
