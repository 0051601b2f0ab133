// Package testenv is what the tests of the programs share: the programs themselves,
// a Debian to run them in, a terminal to sit at, and a look at who is left behind. It
// is in no program.
package testenv
