// Package pack makes a layer of a directory: of a root file system, or of the upper
// directory of an overlay, whose marks for what is gone become those of a layer.
//
// Who packs is root of a user namespace, as the unpacker is, since what a build
// leaves belongs to its ids. A layer of the same tree is the same, byte for byte:
// entries are in order of their names, and times no later than a given one.
package pack
