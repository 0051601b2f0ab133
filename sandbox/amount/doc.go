// Package amount reads how much of something may be used: memory, processor time,
// processes, a device. It is what flags and profiles say, in docker's words, and
// shares of the machine.
package amount
