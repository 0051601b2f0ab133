// Package unpack writes one layer of an OCI image into a directory, in the form
// that overlayfs(5) takes with the option userxattr.
//
// A layer is a tar of what an image changes in the layers below. What it removes
// it tells by names: ".wh.NAME" for NAME, ".wh..wh..opq" for all that the layers
// below have in a directory (OCI image specification, layer.md). Overlayfs tells
// the same by a character device 0:0 and by the attribute user.overlay.opaque.
//
// The tar is hostile. Nothing is looked up by a path: the package goes down one
// directory at a time, each opened from its parent's descriptor and through no
// link, and reads links itself. A link to somewhere above or to an absolute path
// leads within the target, as it will when the target is a root. So nothing is
// written anywhere else, whatever the tar says and whatever else changes the
// target meanwhile.
//
// The process should be root of a user namespace, with the image's ids mapped, or
// with one id and Options.Squash. Files keep their setuid bits, and on the host
// belong to the ids that are mapped: the target must be below a directory that no
// other user may enter.
package unpack
