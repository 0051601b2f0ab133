package idmap

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
)

// A Caller is who runs this program, as root of a user namespace over the subordinate
// ids that were granted, and what writes these maps.
type Caller struct {
	UID, GID Map
	Helpers  Helpers
}

// NewCaller finds the ids. The error says why there are none but the caller's own, which
// the maps then have alone.
func NewCaller() (Caller, error) {
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	c := Caller{UID: Single(0, uid), GID: Single(0, gid), Helpers: FindHelpers()}
	login := strconv.Itoa(int(uid))
	if u, err := user.LookupId(login); err == nil {
		login = u.Username
	}
	uids, gids, err := Granted(uid, login)
	if missing := c.Helpers.Missing(); err == nil && missing != "" {
		err = fmt.Errorf("%s is not installed", missing)
	}
	if err == nil {
		c.UID, c.GID = Root(uid, uids), Root(gid, gids)
	}
	return c, err
}
