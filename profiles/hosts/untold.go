package hosts

import (
	_ "embed"

	"github.com/pelletier/go-toml/v2"
)

//go:embed untold.toml
var untoldText []byte

// An untoldHost is one that is used where a tool uses another one, and that no tool
// tells.
type untoldHost struct {
	Beside string `toml:"beside"`
	Host   string `toml:"host"`
	Reason string `toml:"reason"`
}

func untold() (list []untoldHost, err error) {
	doc := struct {
		Host []untoldHost `toml:"host"`
	}{}
	err = toml.Unmarshal(untoldText, &doc)
	return doc.Host, err
}

// besides adds the hosts that go with a name: a host that a tool told, or what a tool
// calls a registry whose hosts only its program knows.
func (r *answer) besides(name string) error {
	list, err := untold()
	for _, u := range list {
		if u.Beside == name {
			r.hosts = append(r.hosts, Host{Host: u.Host, From: "sbx: " + u.Reason})
		}
	}
	return err
}

// besideTold adds those that go with what was told.
func (r *answer) besideTold() error {
	for _, h := range r.hosts {
		if err := r.besides(h.Host); err != nil {
			return err
		}
	}
	return nil
}
