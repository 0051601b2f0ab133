package main

import (
	"fmt"

	"github.com/sbxrun/sbx/sandbox"
)

// addUserNetwork gives the command the whole network, in user mode.
func addUserNetwork(f *runFlags, s *sandbox.Spec) error {
	switch {
	case len(f.Allow)+len(f.AllowPrivate)+len(f.HostPort) > 0:
		return fmt.Errorf("--net user is the whole network, and --allow, --allow-private and --host-port name parts of it; choose one")
	case f.ProxyEnv:
		return fmt.Errorf("--net user needs no proxy of --proxy-env; choose one")
	case f.NetLog != "" && len(f.Publish) == 0:
		return fmt.Errorf("--net-log writes what is allowed and refused, and of --net user sbx sees nothing; say what with --allow")
	}
	s.UserNetwork = &sandbox.UserNetwork{Deny: texts(f.Deny)}
	if f.NetDriver != "auto" {
		s.UserNetwork.Driver = f.NetDriver
	}
	f.note("--net user: the command reaches the whole network, and sbx does not see where")
	return nil
}
