// Package idmap decides which user and group ids a user namespace has, and
// has them written.
//
// A new user namespace starts with no ids at all. Without help the kernel lets
// its maker map one id, the maker's own (user_namespaces(7), "Defining user
// and group ID mappings"). More ids come from the ranges that the administrator
// granted in /etc/subuid and /etc/subgid, and only the setuid helpers
// newuidmap(1) and newgidmap(1) may write them.
//
// The package is a leaf: it reads those grants, does the arithmetic of maps,
// and runs the two helpers. It makes no namespace and knows nothing of
// sandboxes, so the arithmetic is tested as data.
package idmap
