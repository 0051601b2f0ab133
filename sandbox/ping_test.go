package sandbox

import (
	"testing"

	"github.com/sbxrun/sbx/idmap"
	"github.com/sbxrun/sbx/userns"
)

func TestPingGroups(t *testing.T) {
	subs := []idmap.Range{{Start: 100000, Count: 65536}}
	for _, c := range []struct {
		gids     idmap.Map
		from, to uint32
	}{
		{idmap.Single(1000, 1000), 1000, 1000},
		{idmap.Single(0, 1000), 0, 0},
		{idmap.Root(1000, subs), 0, 65536},
		{idmap.KeepID(1000, subs), 1000, 65536}, // 1000 is the lowest outside
		{idmap.Map{{Inside: 0, Outside: 2000, Count: 10}, {Inside: 10, Outside: 1000, Count: 1}}, 7, 7},
		{nil, 7, 7},
	} {
		if from, to := pingGroups(c.gids, 7); from != c.from || to != c.to {
			t.Errorf("%s: %d to %d, want %d to %d", c.gids, from, to, c.from, c.to)
		}
	}
	for _, shared := range []bool{false, true} {
		s := build("ping", "::1")
		s.HostNetwork = shared
		n := 0
		for _, step := range plan(t, s, laptop()).Steps {
			if _, ok := step.(userns.PingGroups); ok {
				n++
			}
		}
		if want := map[bool]int{false: 1, true: 0}[shared]; n != want {
			t.Errorf("host network %v: %d steps, want %d", shared, n, want)
		}
	}
}
