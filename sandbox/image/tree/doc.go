// Package tree reads a directory tree that nobody trusts: what an image was unpacked
// to, or what a build left. It goes by descriptors and follows no link, so that names
// may be as long and as deep as the kernel lets them be made, and none leads out.
//
// The order is that of names, byte by byte, a directory before what is in it, so that
// what is made of a tree is the same each time, and two trees can be compared side by
// side without either in memory.
package tree
