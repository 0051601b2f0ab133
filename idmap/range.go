package idmap

// A Range is a run of ids outside that the caller was granted: one line of
// /etc/subuid or /etc/subgid.
type Range struct {
	Start, Count uint32
}

// Root maps the caller's own id to 0 and the granted ranges to 1 and up, in
// their order. It is how rootless container tools lay out an image's ids.
func Root(own uint32, granted []Range) Map {
	m := Map{{0, own, 1}}
	next := uint32(1)
	for _, r := range without(granted, own) {
		m = append(m, Mapping{next, r.Start, r.Count})
		next += r.Count
	}
	return m
}

// KeepID maps the caller's own id to itself and fills the ids below and above
// it from the granted ranges, so that files keep the owner they have outside.
func KeepID(own uint32, granted []Range) Map {
	m := Map{{own, own, 1}}
	next := uint32(0)
	for _, r := range without(granted, own) {
		for r.Count > 0 {
			if next == own {
				next++
			}
			n := r.Count
			if next < own {
				n = min(n, own-next)
			}
			m = append(m, Mapping{next, r.Start, n})
			next += n
			r.Start += n
			r.Count -= n
		}
	}
	return m
}

// without cuts the id own out of the ranges and drops empty and repeated ones:
// newuidmap refuses a map in which one outside id stands twice.
func without(ranges []Range, own uint32) []Range {
	var out []Range
	for _, r := range ranges {
		for _, part := range cut(r, own) {
			if part.Count > 0 && !touches(out, part) {
				out = append(out, part)
			}
		}
	}
	return out
}

func cut(r Range, own uint32) []Range {
	if own < r.Start || own-r.Start >= r.Count {
		return []Range{r}
	}
	before := own - r.Start
	return []Range{{r.Start, before}, {own + 1, r.Count - before - 1}}
}

func touches(ranges []Range, r Range) bool {
	for _, o := range ranges {
		if overlap(o.Start, r.Start, o.Count, r.Count) {
			return true
		}
	}
	return false
}
