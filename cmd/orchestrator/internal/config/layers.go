package config

import (
	"fmt"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

func (l *loader) flags(fs *pflag.FlagSet) layer {
	k := koanf.New(delim)
	_ = k.Load(posflag.ProviderWithFlag(fs, delim, nil, func(f *pflag.Flag) (string, any) {
		for _, key := range keys {
			if f.Changed && !key.Secret && key.Flag() == f.Name {
				return key.Name, f.Value.String()
			}
		}
		return "", nil
	}), nil) // reads memory: nothing can fail
	return layer{k, func(key string) string { return "--" + kebab(key) }}
}

func (l *loader) environment(environ []string) layer {
	k := koanf.New(delim)
	_ = k.Load(env.Provider("", env.Opt{Prefix: EnvPrefix, EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value == "" || name == fileEnv || name == URLVariable || foreign(name, value) {
				return "", nil
			}
			for _, key := range keys {
				if key.Env() == name {
					return key.Name, value
				}
			}
			l.unknown(name, "the environment", envNames())
			return "", nil
		}}), nil) // reads memory: nothing can fail
	return layer{k, func(key string) string { k, _ := find(key); return k.Env() }}
}

func envNames() []string {
	names := []string{fileEnv}
	for _, k := range keys {
		names = append(names, k.Env())
	}
	return names
}

// where returns the file's path and what named it: the flag, else the variable, else nothing.
func where(fs *pflag.FlagSet, environ []string) (path, from string) {
	if f := fs.Lookup(fileFlag); f != nil && f.Changed {
		return f.Value.String(), "--" + fileFlag
	}
	for _, e := range environ {
		if v, ok := strings.CutPrefix(e, fileEnv+"="); ok && v != "" {
			path, from = v, fileEnv
		}
	}
	return path, from
}

// file puts the preset and then the file, whose own keys win over it.
func (l *loader) file(path, from string, others ...layer) {
	k := koanf.New(delim)
	if err := k.Load(file.Provider(path), yaml.Parser()); err != nil {
		l.problems = append(l.problems, &Problem{Setting: Setting{"config", path, from}, Reason: "cannot be read: " + err.Error()})
		l.presetOf(others...)
		return
	}
	for _, name := range k.Keys() {
		if _, ok := find(name); !ok {
			l.unknown(name, path, fileNames())
			k.Delete(name)
		}
	}
	read := layer{k, func(string) string { return path }}
	l.presetOf(append([]layer{read}, others...)...)
	l.put(read)
}

func fileNames() []string {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Name
	}
	return names
}

// presetOf puts the preset that the last of the layers to name one names. A preset that does not exist is refused later.
func (l *loader) presetOf(layers ...layer) {
	name := ""
	for _, from := range layers {
		if from.values.Exists("preset") { // also an empty one: none
			name = from.values.String("preset")
		}
	}
	l.put(layer{fromMap(presets[name]), func(string) string { return "preset " + name }})
}

func (l *loader) unknown(name, source string, known []string) {
	reason := "is not a known key"
	if like := nearest(name, known); like != "" {
		reason += fmt.Sprintf(": did you mean %s?", like)
	}
	l.problems = append(l.problems, &Problem{Setting: Setting{Key: redact(name), Source: source}, Reason: reason, unknown: true})
}
