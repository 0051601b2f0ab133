// Package layer makes one tree of several directories.
//
// A union mount shows the topmost version of each file and sends every write to
// the upper directory, so that the lower ones stay as they are: many sandboxes
// share them, and what one writes goes away with it. The kernel's overlayfs does
// it where it can. Since Linux 5.11 it may be mounted in a user namespace, with
// its own marks in user.* attributes (the option userxattr). It refuses an upper
// directory on NFS, on ecryptfs or on another overlay; there the program
// fuse-overlayfs does the same from outside the kernel, more slowly.
//
// The package says how, as steps of a plan and as the plan of a helper process.
// It starts nothing itself and knows nothing of sandboxes.
package layer
