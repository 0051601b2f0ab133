// Package workspace finds the top of the repository or workspace that a directory is in:
// what tools find when they look above (.git, go.work, the workspace of a package.json).
//
// The top becomes writable, so a directory has no say in what lies above it: only names in
// its parents count, which whoever wrote the directory did not write. A parent of another
// user, one that anybody may write, a home and what homes are in end the search, and so
// does the end of a file system, as for git.
package workspace
