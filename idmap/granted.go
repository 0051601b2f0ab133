package idmap

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"

	"github.com/rootless-containers/rootlesskit/v3/pkg/parent/dynidtools"
	"github.com/rootless-containers/rootlesskit/v3/pkg/parent/idtools"
)

// ErrNoRanges says that the caller has no subordinate ids. The error that
// wraps it names the file that lacks them.
var ErrNoRanges = errors.New("no subordinate ids")

// nsswitch is where subid(5) names the source of subordinate ids.
const nsswitch = "/etc/nsswitch.conf"

// Granted gives the ranges of user and group ids that uid, whose login name is
// name, may map. They come from getsubids(1) when nsswitch.conf names a source
// other than files for "subid", and from /etc/subuid and /etc/subgid otherwise.
// The error wraps ErrNoRanges when either is empty.
func Granted(uid uint32, name string) (uids, gids []Range, err error) {
	source := "/etc/subuid and /etc/subgid"
	get := idtools.GetSubIDRanges
	if dynamic(nsswitch) {
		source, get = "getsubids", dynidtools.GetSubIDRanges
	}
	u, g, err := get(int(uid), name)
	if err != nil {
		return nil, nil, fmt.Errorf("%w for user %s (%d) in %s: %v", ErrNoRanges, name, uid, source, err)
	}
	if uids, err = ranges(u); err != nil {
		return nil, nil, fmt.Errorf("subordinate user ids of %s in %s: %w", name, source, err)
	}
	if gids, err = ranges(g); err != nil {
		return nil, nil, fmt.Errorf("subordinate group ids of %s in %s: %w", name, source, err)
	}
	if len(uids) == 0 || len(gids) == 0 {
		return nil, nil, fmt.Errorf("%w for user %s (%d) in %s", ErrNoRanges, name, uid, source)
	}
	return uids, gids, nil
}

// ranges checks what the library took on trust: it accepts negative, empty and
// overlong ranges, and an overflow here would map ids nobody granted
// (CVE-2016-6252 was such a one in newuidmap itself).
func ranges(in []idtools.SubIDRange) ([]Range, error) {
	var out []Range
	for _, r := range in {
		if r.Start < 0 || r.Length < 0 || r.Start > math.MaxUint32-1 || r.Length > math.MaxUint32-1-r.Start {
			return nil, fmt.Errorf("range %d:%d is not within the ids there are", r.Start, r.Length)
		}
		if r.Start == 0 && r.Length > 0 {
			return nil, fmt.Errorf("range %d:%d holds the host's root", r.Start, r.Length)
		}
		if r.Length > 0 {
			out = append(out, Range{uint32(r.Start), uint32(r.Length)})
		}
	}
	return out, nil
}

// dynamic tells whether the switch file gives a source other than files for
// the subid database.
func dynamic(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return dynamicIn(f)
}

func dynamicIn(f io.Reader) bool {
	for s := bufio.NewScanner(f); s.Scan(); {
		line, _, _ := strings.Cut(s.Text(), "#")
		database, sources, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || strings.TrimSpace(database) != "subid" {
			continue
		}
		fields := strings.Fields(sources)
		return len(fields) > 0 && fields[0] != "files"
	}
	return false
}
