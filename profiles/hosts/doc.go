// Package hosts says what @npm and its like stand for on this machine: the hosts that
// the tool itself would use now.
//
// The tool is asked, as the user and outside of any sandbox, so that a company's mirror
// is found and no registry is written down here that a tool can name. What no tool
// tells is in untold.toml, each with its reason.
//
// The project is the attacker's. Most tools read settings of the directory that they are
// started in, and a project could have them name any host, or a program. So each is
// started in /, found in no directory of the project, and with no variable that leads
// there. What a tool prints is judged before it is taken for a host.
//
// Nothing is kept from one run to the next. A tool's answer depends on files and
// variables that only the tool knows all of.
package hosts
