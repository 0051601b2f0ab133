// Package ahead begins a sandbox when Go has just started and the packages of sbx
// have not. Their initialization takes as long as the kernel takes for half of a
// network namespace, and another processor can do that meanwhile.
//
// It is initialized first because it imports package child and nothing else, and
// because its path sorts early (Go specification, "Package initialization"). So it
// has no package os, and reads the arguments from /proc. It is for the program sbx
// alone: a library must not make processes because it is imported.
package ahead
