// Package image brings images into a store: from registries, OCI layouts and
// archives.
//
// Nothing of an image is trusted. What is downloaded is hashed while it arrives, and
// kept only if it is what its name says. Each layer is decompressed and hashed here,
// by an ordinary process, and unpacked by another one (package unpack), which is root
// of a user namespace with the caller's subordinate ids, has a network of its own and
// no other directory that it may write.
//
// It links an HTTP client and decompressors, whose initialization would cost every
// start of a sandbox, so it is for the program sbx-image; sbx itself knows package
// store alone.
package image
