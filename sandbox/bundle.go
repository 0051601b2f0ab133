package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"

	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// Config is the OCI configuration of a completed Spec, as config.json has it.
// What OCI has no word for is in annotations below run.sbx, so that another
// runtime ignores it.
func Config(s Spec) ([]byte, error) {
	o := s.OCI
	if err := checkText(o.Process.Args, o.Process.Env, []string{o.Process.Cwd}); err != nil {
		return nil, err
	}
	o.Annotations = map[string]string{"run.sbx.view": s.View.String()}
	if s.View == Union {
		layers, err := json.Marshal(s.Layers)
		if err != nil {
			return nil, fmt.Errorf("layers: %w", err)
		}
		o.Annotations["run.sbx.layers"] = string(layers)
		root := specs.Root{Path: s.Layers[0]}
		o.Root = &root
		if s.Upper != "" {
			o.Annotations["run.sbx.upper"] = s.Upper
		}
	}
	if s.Disk > 0 {
		o.Annotations["run.sbx.disk"] = strconv.FormatInt(s.Disk, 10)
		o.Mounts = s.diskMounts()
	}
	if s.NoInit {
		o.Annotations["run.sbx.init"] = "false"
	}
	return json.MarshalIndent(o, "", "  ")
}

// checkText refuses what JSON would change without a word.
func checkText(lists ...[]string) error {
	for _, list := range lists {
		for _, s := range list {
			if !utf8.ValidString(s) {
				return fmt.Errorf("%q is not UTF-8, which JSON cannot say", s)
			}
		}
	}
	return nil
}

func (v View) String() string {
	return [...]string{"host", "rootfs", "union"}[v]
}
