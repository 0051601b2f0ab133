// Package store keeps images on disk: what was downloaded as it was, and each layer
// unpacked, ready to be united with others.
//
// The directory is an OCI layout (blobs, index.json), so that other tools can read
// it, with these beside:
//
//	layers/HEX      the layer of that chain id, unpacked in fs
//	manifests/HEX   what is known of an image, by the digest of its manifest
//	names/HEX       which manifest a name stands for, by the SHA-256 of the name
//	work/           what is not whole yet
//
// A file or directory appears in its place by a rename, when it is whole and on the
// disk, so whoever reads needs no lock and never sees half of anything. Who writes
// works under work/ and holds a lock on what he makes there; what has no holder was
// left by a crash, and the next who writes removes it. Locks are flock(2): the kernel
// drops them with the process.
//
// The directory is open to nobody else: a setuid program of a layer belongs to an id
// of the caller's, and others could run it as that.
//
// This package is what sbx run needs at every start, so it knows nothing of
// registries, compression and archives; those are package image's.
package store
