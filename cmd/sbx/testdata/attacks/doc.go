// Attacks is what a hostile command tries inside a sandbox, one attempt an
// invocation. Its last line and its exit code say how the attempt went, so that
// one which crashed, or never got as far as the attack, is not taken for one
// that was refused:
//
//	HELD: reason     exit 0   refused
//	BROKE: what      exit 1   it came through
//	TRIED: what      exit 0   whoever watches from outside sees by its effect
//
// It runs on a bare host as well, as an ordinary user, to show that each attempt
// can come through. So it touches bait alone, and bounds what it uses up.
package main
