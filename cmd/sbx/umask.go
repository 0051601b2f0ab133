package main

import (
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// takeUmask gives the caller's umask. From then on sbx itself runs with one that leaves the
// owner's bits: with 0777 it could not enter a directory that it just made.
func takeUmask() uint32 {
	mask := unix.Umask(0o077)
	unix.Umask(mask &^ 0o700)
	return uint32(mask)
}

// chosenUmask is the command's: that of --umask, or the caller's.
func (f *runFlags) chosenUmask() (uint32, error) {
	if f.Umask == nil {
		return f.umask, nil
	}
	mask, err := strconv.ParseUint(string(*f.Umask), 8, 32)
	if err != nil || mask > 0o777 || len(*f.Umask) > 4 {
		return 0, fmt.Errorf("--umask %q: want an octal number from 0 to 0777", string(*f.Umask))
	}
	return uint32(mask), nil
}
