// Package egress decides which hosts a sandbox reaches, and takes its connections
// there.
//
// A sandbox with a network of its own reaches nothing. Of what it may reach it is told
// a name and, by a resolver of ours, an address that is made up: 198.18.0.0/15 is
// nobody's (RFC 2544), and routed to the sandbox's own loopback. A connection to one
// comes to a listener of ours, which knows the name by the address and resolves it
// anew, outside. So what is compared with the policy is what the program asked for,
// and what is dialled is what was judged: an address that a name leads to into the
// caller's own network is refused, whenever the name's owner has it lead there.
//
// Whatever comes from the sandbox is hostile: names, queries and the bytes of
// connections are read here with bounds and deadlines, and nothing of them is
// forwarded but what a rule names.
package egress
