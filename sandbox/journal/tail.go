package journal

import (
	"io"
	"math"
	"time"
)

// skip is what is passed over before what was asked for begins.
type skip struct {
	since   time.Time
	records int
	lines   int // with what belongs to them
}

func (s *skip) skips(r Record) bool {
	switch {
	case r.Time.Before(s.since):
	case s.records > 0:
		s.records--
	case s.lines > 0:
		if !r.Partial {
			s.lines--
		}
	default:
		return false
	}
	return true
}

// count finds out what is to be skipped, by a look through what is there. A line that
// has not ended is one.
func (r *Reader) count() error {
	r.skip.since = r.options.Since
	if r.options.Tail < 0 {
		return nil
	}
	all, open := skip{}, false
	var scan scanner
	for _, f := range append([]file{r.file}, r.next...) {
		scan.reset(io.NewSectionReader(f, 0, math.MaxInt64))
		for {
			rec, err := scan.next()
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			if rec.Time.Before(r.options.Since) {
				continue
			}
			all.records++
			if open = rec.Partial; !open {
				all.lines++
			}
		}
	}
	if open {
		all.lines++
	}
	if r.options.Tail == 0 {
		r.skip.records = all.records
		return nil
	}
	r.skip.lines = max(all.lines-r.options.Tail, 0)
	return nil
}
