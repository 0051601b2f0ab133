// Package state keeps which sandboxes there are, in files, for as long as somebody
// may ask for them.
//
// There is no daemon that could be asked, and no file with a process id that could
// be another process's by now. Each sandbox has a directory, on which its supervisor
// holds a lock (flock(2)) for as long as it lives: the kernel lets go of it however
// the supervisor ends, so that who finds the directory unlocked knows that the
// sandbox is no more, whatever its record says, and puts the record right.
package state
