// Package secrets knows by name where a developer's secrets are: files of the
// home, files of a project, variables of the environment.
//
// A name is all that there is to go by, so the lists are long and err on the side
// of hiding. They are a second line of defence: the home is not shown at all
// unless somebody asks for a part of it, and the environment is an allow-list.
// What the lists catch is the wide request: --ro ~, --env-pass '*'.
package secrets
