package profiles

import (
	"slices"
	"time"

	"github.com/sbxrun/sbx/sandbox/amount"
)

// over is a profile that extends another: what it says for itself holds, and the
// lists of both.
//
// A list never gets shorter. What was hidden or dropped once stays so, and
// hiding wins over showing and dropping over passing, so that a profile can be
// extended without knowing all that it forbids.
func over(base, p Profile) Profile {
	m := merge(base, p, func(_ *key, _, later Value) Value { return later })
	m.Name, m.Description, m.Commands = p.Name, p.Description, p.Commands
	return m
}

// Together is several profiles at once, none of which extends the other: all that
// their lists say, and of two values the tighter one. So strict stays strict
// wherever it stands among the others, and a project's file can loosen nothing
// that the user asked for.
func Together(a, b Profile) Profile {
	m := merge(a, b, tighter)
	m.Name = a.Name + "," + b.Name
	return m
}

// merge joins two profiles into a new one. Of two values for the same thing it
// keeps the chosen one.
func merge(a, b Profile, choose func(k *key, a, b Value) Value) Profile {
	var m Profile
	for i := range schema {
		k := &schema[i]
		switch {
		case k.table == "":
		case k.kind == assignments:
			m.Env.Set = assign(a.Env.Set, b.Env.Set)
		case k.kind == limits:
			m.Process.Ulimits = mergeLimits(k, a.Process.Ulimits, b.Process.Ulimits, choose)
		case k.kind.list():
			list := slices.Clip(*k.many(&a))
			for _, v := range *k.many(&b) {
				add(&list, v)
			}
			*k.many(&m) = list
		default:
			*k.one(&m) = either(k, *k.one(&a), *k.one(&b), choose)
		}
	}
	return m
}

func either(k *key, a, b Value, choose func(k *key, a, b Value) Value) Value {
	switch {
	case !a.Said():
		return b
	case !b.Said():
		return a
	}
	return choose(k, a, b)
}

// tighter is the tighter of two values, and the first of two equal ones.
func tighter(k *key, a, b Value) Value {
	switch k.kind {
	case aDuration:
		// Both were checked when they were read.
		da, _ := time.ParseDuration(a.Text)
		db, _ := time.ParseDuration(b.Text)
		if db < da {
			return b
		}
	case aSize:
		na, _ := amount.Size(a.Text) // as above
		nb, _ := amount.Size(b.Text)
		if nb < na {
			return b
		}
	case limits:
		return tighterLimit(a, b)
	case anAmount:
		na, _ := k.amount(a.Text)
		nb, _ := k.amount(b.Text)
		if nb < na {
			return askedFor(b, a)
		}
		return askedFor(a, b)
	case processors:
		if fewerProcessors(b, a) {
			return askedFor(b, a)
		}
		return askedFor(a, b)
	default:
		if k.tightness(b.Text) < k.tightness(a.Text) {
			return b
		}
	}
	return a
}

// tighterLimit is the lower soft and the lower hard limit, from the line that
// has the lower hard one.
func tighterLimit(a, b Value) Value {
	la, _ := parseLimit(a.Text)
	lb, _ := parseLimit(b.Text)
	v := a
	if lb.hard < la.hard || lb.hard == la.hard && lb.soft < la.soft {
		v = b
	}
	lowest := limit{la.name, min(la.soft, lb.soft), min(la.hard, lb.hard)}
	if l, _ := parseLimit(v.Text); l != lowest {
		v.Text = lowest.String()
	}
	return v
}

// mergeLimits joins limits by the name of the resource.
func mergeLimits(k *key, a, b []Value, choose func(k *key, a, b Value) Value) []Value {
	m := slices.Clone(a)
	for _, v := range b {
		lv, _ := parseLimit(v.Text)
		i := slices.IndexFunc(m, func(have Value) bool {
			lh, _ := parseLimit(have.Text)
			return lh.name == lv.name
		})
		if i < 0 {
			m = append(m, v)
		} else {
			m[i] = choose(k, m[i], v)
		}
	}
	return m
}

// assign joins variables. Which value is the tighter one nobody can say, so that
// the later one holds.
func assign(a, b []Assignment) []Assignment {
	m := slices.Clone(a)
	for _, v := range b {
		i := slices.IndexFunc(m, func(have Assignment) bool { return have.Name == v.Name })
		if i < 0 {
			m = append(m, v)
		} else {
			m[i] = v
		}
	}
	return m
}
