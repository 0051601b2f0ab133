package egress

import "time"

// A Flow is one connection, or one that was not to be.
type Flow struct {
	Start time.Time `json:"start"`
	// Inbound says that it came from outside, to a port that is published. Host is the
	// sandbox's then, and Address the client's.
	Inbound bool `json:"inbound,omitempty"`
	// Host is the name, or the address if that was asked for.
	Host string `json:"host"`
	Port uint16 `json:"port"`
	// Network is "udp" for a datagram, which is carried to published ports alone.
	Network string `json:"network,omitempty"`
	// Address is what was dialled outside. It is empty where nothing was.
	Address string `json:"address,omitempty"`
	// How is "proxy" if the sandbox's proxy was asked.
	How string `json:"how,omitempty"`
	// Upstream is the proxy outside by which it went.
	Upstream string `json:"upstream,omitempty"`
	// Sent and Received are bytes, as the sandbox sees it.
	Sent     int64         `json:"sent"`
	Received int64         `json:"received"`
	Duration time.Duration `json:"nanoseconds"`
	Allowed  bool          `json:"allowed"`
	// Rule is the one that decided.
	Rule string `json:"rule,omitempty"`
	// Error says why it was refused, or how it failed.
	Error string `json:"error,omitempty"`
	// HiddenName says that the connection may be for another name, which only the server
	// can read (Encrypted Client Hello).
	HiddenName bool `json:"hidden_name,omitempty"`
	// PID and Command are of the process that connected, where it was asked for and could
	// be found: its id outside, and what it calls itself.
	PID     int    `json:"pid,omitempty"`
	Command string `json:"command,omitempty"`
}
