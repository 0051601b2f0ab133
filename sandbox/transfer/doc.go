// Package transfer copies files between a sandbox and the host. One process reads a tree
// and another writes one: the one on the sandbox's side is in its user namespace, where
// it may give files any of the sandbox's owners, and in none of its others, so that
// nobody in there sees it. Between them goes a stream of what was found.
//
// The sandbox runs meanwhile, and is hostile. Nothing of it is executed or loaded, and no
// name is looked up but from a descriptor: the path that was asked for with the sandbox's
// root as the root (openat2(2), RESOLVE_IN_ROOT), and what is below it one name at a time
// and through no link. A file is looked at before it is opened (O_PATH), so that no pipe
// is waited at and no device woken, and is the same that is then read.
package transfer
