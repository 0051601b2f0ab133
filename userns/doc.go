// Package userns makes a child process in new namespaces that carries out a plan
// and then becomes a program. It needs no root and no setuid program.
//
// # The chain
//
// An ordinary user cannot make a mount namespace: clone(CLONE_NEWNS) wants
// CAP_SYS_ADMIN. Seven steps lead around that, and each is a step of a plan.
//
//  1. clone(2) with CLONE_NEWNS alone fails with EPERM.
//  2. With CLONE_NEWUSER as well it succeeds: the child has every capability,
//     within a user namespace of its own, and so may mount in mount namespaces
//     that belong to it (Plan.Namespaces).
//  3. The capabilities hold over ids that are mapped. One id the child maps
//     itself (MapSelf); a range the setuid programs newuidmap and newgidmap map,
//     as far as /etc/subuid and /etc/subgid grant it (AwaitMaps).
//  4. The new mount namespace is a copy of the old one. Where mounts are shared, a
//     change in the copy would come back, so first they are made private (Seal).
//  5. Directories are stacked by a union mount (Make, with overlay).
//  6. pivot_root(2) makes a mount the root and the old root is detached: the
//     host's files are gone, where chroot(2) would only hide them (PivotRoot).
//  7. What is left is narrowed: capabilities (DropBounding, SetCaps,
//     NoNewPrivs), limits (Rlimit), descriptors (CloseOnExec).
//
// The examples run parts of the chain.
//
// # Why a plan
//
// Between clone and execve the child shares the memory of a Go program in which it
// is no thread, and nothing of the Go runtime may be used in it. The usual way
// around is to execute the own program again, which costs a second start, loses the
// capabilities that the maps gave, and has the two halves speak some protocol. Here
// everything is decided before: a Plan lists typed Steps, the steps are lowered to
// raw system calls, and the child is a loop over these (package child). So what will
// be done can be printed and compared before anything is run; a failure names the
// step; and no code of sbx is on the far side of an exec, but for the few hundred
// bytes that PID 1 becomes (Fork).
//
// The price is that a step cannot decide anything, and that two hooks of Go's
// runtime are needed (child/runtime.go).
//
// # Why memory is shared
//
// A copy of a Go program, as fork makes, costs more than all that the child does:
// the page tables are copied, and then every page that either side touches is a
// fault. So the child shares the supervisor's memory, and the command's process the
// child's, until they execute something. Nothing that is not sbx's own runs before
// both have: the command's process waits for PID 1 (AwaitInit), and what lives beside
// untrusted code has nothing of the supervisor's.
//
// Who enters namespaces in which others run already (Join) comes to be beside them
// before he executes anything. He gets a copy, and it is closed to them (CloseMemory).
//
// Since plans are data, a child can be begun before its plan is known, with the steps
// that the plan will most likely begin with, and go on if it does (Early).
package userns
