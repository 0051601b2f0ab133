// Package refusal tells why a machine makes no sandbox, and what mends it.
//
// A kernel, a security module, a filter and a container forbid user namespaces with
// the same two or three errnos. What is to blame shows only by looking around: at
// settings, at the labels of this process, and by trying parts of what was refused.
// That is done when something went wrong, and not before.
//
// The package starts children by userns and knows nothing of sandboxes.
package refusal
