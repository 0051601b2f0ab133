package hosts

import "strings"

// askApt takes the sites of the packages' indexes.
func askApt(a *Asker) (r answer, err error) {
	const format = "$(SITE)"
	out, err := a.Run("apt-get", "indextargets", "--format", format)
	if err != nil {
		return r, err
	}
	for _, site := range strings.Fields(string(out)) {
		from := "apt-get indextargets --format '" + format + "'"
		if file, ok := strings.CutPrefix(site, "mirror+file:"); ok {
			a.addMirrors(&r, file)
			continue
		}
		// apt-transport-mirror(1): which mirrors the list has is for the network to say.
		if strings.HasPrefix(site, "mirror") {
			r.note("%s has a list of mirrors that is elsewhere: name the mirrors", from)
			site = "http" + strings.TrimPrefix(strings.TrimPrefix(site, "mirror+http"), "mirror")
		}
		if !strings.HasPrefix(site, "file:") && !strings.HasPrefix(site, "cdrom:") {
			a.add(&r, site, from)
		}
	}
	return r, nil
}

// addMirrors reads a list of mirrors: a URL a line, with settings of it behind a tab.
func (a *Asker) addMirrors(r *answer, file string) {
	text, err := a.Read(file)
	if err != nil {
		r.note("%v", err)
		return
	}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) > 0 && !strings.HasPrefix(words[0], "#") {
			a.add(r, words[0], file)
		}
	}
}
