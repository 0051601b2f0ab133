package main

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sbxrun/sbx/sandbox/state"
)

// filters are those of ps: a sandbox is printed if each key has one value that fits, and all
// labels fit.
type filters map[string][]string

var filterKeys = []string{"ancestor", "exited", "id", "label", "name", "status"}

func parseFilters(typed []text) (filters, error) {
	f := filters{}
	for _, t := range texts(typed) {
		key, value, ok := strings.Cut(t, "=")
		if !ok || !slices.Contains(filterKeys, key) {
			return nil, fmt.Errorf("--filter %s: want KEY=VALUE, the key one of %s", t, strings.Join(filterKeys, ", "))
		}
		known := []string{"created", string(state.Starting), string(state.Running), string(state.Paused), string(state.Restarting), string(state.Exited), string(state.Dead)}
		if key == "status" && !slices.Contains(known, value) {
			return nil, fmt.Errorf("--filter %s: want one of %s", t, strings.Join(known, ", "))
		}
		if _, err := strconv.Atoi(value); key == "exited" && err != nil {
			return nil, fmt.Errorf("--filter %s: want an exit code", t)
		}
		f[key] = append(f[key], value)
	}
	return f, nil
}

// ended tells whether the filters name what only sandboxes have that have ended.
func (f filters) ended() bool {
	return len(f["exited"]) > 0 || slices.Contains(f["status"], string(state.Exited)) || slices.Contains(f["status"], string(state.Dead))
}

func (f filters) match(r state.Record) bool {
	for key, values := range f {
		fits := func(value string) bool { return fitsFilter(key, value, r) }
		if key == "label" {
			if slices.ContainsFunc(values, func(value string) bool { return !fits(value) }) {
				return false
			}
		} else if !slices.ContainsFunc(values, fits) {
			return false
		}
	}
	return true
}

func fitsFilter(key, value string, r state.Record) bool {
	switch key {
	case "label":
		name, want, valued := strings.Cut(value, "=")
		got, ok := r.Labels[name]
		return ok && (!valued || got == want)
	case "name":
		return strings.Contains(r.Name, strings.TrimPrefix(value, "/"))
	case "id":
		return strings.HasPrefix(r.ID, value)
	case "exited":
		return r.Exit != nil && !r.Alive() && strconv.Itoa(*r.Exit) == value
	case "ancestor":
		return r.Image == value || strings.TrimSuffix(r.Image, ":latest") == value
	}
	return string(r.Status) == value || value == "created" && r.Status == state.Starting
}

// A psView is a sandbox in the words of docker's templates for ps.
type psView struct {
	ID, Names, Image, Command, CreatedAt, RunningFor, Ports, State, Status, Labels, Mounts, Networks string

	Name, Project string
	LabelValues   map[string]string // of .Label "NAME"
}

func psViews(list []state.Record, whole bool) []psView {
	views := []psView{}
	for _, r := range list {
		views = append(views, psView{
			ID: r.ID, Names: r.Name, Name: r.Name, Image: root(r), Command: strconv.Quote(cut(strings.Join(r.Command, " "), 40, whole)),
			CreatedAt: r.Created.Format(time.RFC3339), RunningFor: ago(max(time.Since(r.Created), 0)) + " ago", Ports: ports(r),
			State: string(r.Status), Status: status(r), Labels: labelList(r.Labels), LabelValues: r.Labels,
			Mounts: strings.Join(r.Writable, ","), Networks: r.Net, Project: r.Project,
		})
	}
	return views
}

func labelList(labels map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		list = append(list, name+"="+labels[name])
	}
	return strings.Join(list, ",")
}

// An inspectView is what sbx inspect prints, and the same by the names of docker's most used
// templates.
type inspectView struct {
	live
	ID      string    `json:"Id"`
	Name    string    `json:"Name"`
	Image   string    `json:"Image"`
	Created time.Time `json:"Created"`

	Path         string
	Args         []string
	State        inspectState
	Config       inspectConfig
	RestartCount int
}

type inspectState struct {
	Status                            string
	Running, Paused, Restarting, Dead bool
	Pid, ExitCode                     int
	Error                             string
	StartedAt, FinishedAt             time.Time
}

type inspectConfig struct {
	Image, WorkingDir string
	Cmd               []string
	Labels            map[string]string
	Tty, OpenStdin    bool
}

func inspectViews(list []live) []inspectView {
	views := []inspectView{}
	for _, l := range list {
		v := inspectView{live: l, ID: l.ID, Name: l.Name, Image: l.Image, Created: l.Created, RestartCount: l.Restarts}
		if len(l.Command) > 0 {
			v.Path, v.Args = l.Command[0], l.Command[1:]
		}
		v.State = inspectState{
			Status: string(l.Status), Running: l.Alive(), Paused: l.Status == state.Paused, Restarting: l.Status == state.Restarting, Dead: l.Status == state.Dead,
			Pid: l.PID, Error: l.Error, StartedAt: l.Started, FinishedAt: l.Finished,
		}
		if l.Exit != nil {
			v.State.ExitCode = *l.Exit
		}
		v.Config = inspectConfig{Image: l.Image, WorkingDir: l.Project, Cmd: l.Command, Labels: l.Labels, Tty: l.Terminal, OpenStdin: l.Stdin}
		views = append(views, v)
	}
	return views
}
