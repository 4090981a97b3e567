package session

import (
	"maps"
	"time"
)

// Patch is a JSON merge patch (RFC 7396) of a session, read into its fields: a nil pointer or map leaves the field alone.
type Patch struct {
	Type, Name, Workspace *string
	Status                *Status
	Config                map[string]any     // merged member by member; a nil value removes the member
	ConfigSet             bool               // config was null: start from an empty one
	Labels                map[string]*string // merged key by key; nil removes the key
	LabelsSet             bool               // labels was null: start from none
	TTL                   *time.Duration     // counted from this change; 0 means never
}

// Apply returns s changed by the patch at time now, validated as a draft is. It leaves s, stamp and owner untouched.
func (p Patch) Apply(s Session, now time.Time) (Session, error) {
	set(&s.Type, p.Type)
	set(&s.Name, p.Name)
	set(&s.Workspace, p.Workspace)
	set(&s.Status, p.Status)
	if err := validStatus(s.Status); err != nil {
		return s, err
	}
	if p.ConfigSet {
		s.Config = nil
	}
	if p.Config != nil {
		s.Config = merge(s.Config, p.Config)
	}
	if p.LabelsSet {
		s.Labels = nil
	}
	if p.Labels != nil {
		s.Labels = mergeLabels(s.Labels, p.Labels)
	}
	d := Draft{Type: s.Type, Name: s.Name, Workspace: s.Workspace, Status: s.Status, Config: s.Config, Labels: s.Labels}
	if p.TTL != nil {
		d.TTL = *p.TTL
		s.ExpiresAt = time.Time{}
		if d.TTL > 0 {
			s.ExpiresAt = now.Add(d.TTL)
		}
	}
	return s, d.Validate()
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// merge is RFC 7396's MergePatch for objects; target is not changed.
func merge(target, patch map[string]any) map[string]any {
	out := maps.Clone(target)
	if out == nil {
		out = map[string]any{}
	}
	for k, v := range patch {
		switch v := v.(type) {
		case nil:
			delete(out, k)
		case map[string]any:
			sub, _ := out[k].(map[string]any)
			out[k] = merge(sub, v)
		default:
			out[k] = v
		}
	}
	return out
}

func mergeLabels(target map[string]string, patch map[string]*string) map[string]string {
	out := maps.Clone(target)
	if out == nil {
		out = map[string]string{}
	}
	for k, v := range patch {
		if v == nil {
			delete(out, k)
		} else {
			out[k] = *v
		}
	}
	return out
}
