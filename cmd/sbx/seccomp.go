package main

import (
	"fmt"

	"github.com/sbxrun/sbx/sandbox"
	"github.com/sbxrun/sbx/sandbox/seccomp"
)

// maxProfile bounds the size of a seccomp profile. docker's has 15 kB.
const maxProfile = 1 << 20

// addFilter chooses the filter of system calls.
func addFilter(which string, s *sandbox.Spec) error {
	switch which {
	case "", "default":
		return nil
	case "unconfined":
		s.Unconfined = true
		return nil
	}
	if s.UserNS || s.Allow32Bit {
		return fmt.Errorf("--allow-userns and --allow-ia32 change the default filter, and --seccomp %s replaces it", which)
	}
	b, err := readBounded(which, maxProfile)
	if err != nil {
		return fmt.Errorf("--seccomp: %w", err)
	}
	o := seccomp.Options{Arch: seccomp.Native(), Caps: sandbox.BoundingCapabilities(*s)}
	if o.Kernel.Major, o.Kernel.Minor, err = sandbox.KernelVersion(); err != nil {
		return err
	}
	profile, err := seccomp.Parse(b, o)
	if err != nil {
		return fmt.Errorf("--seccomp %s: %w", which, err)
	}
	s.OCI.Linux.Seccomp = profile
	return nil
}
