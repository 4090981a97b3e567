package config

import (
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// fileFlag names the flag, and by EnvPrefix the variable, that says where the file is.
const (
	fileFlag = "config"
	fileEnv  = EnvPrefix + "CONFIG"
)

// AddFlags defines a flag for every key that has one, or only for the keys of these names, and --config, in the order of Keys.
func AddFlags(fs *pflag.FlagSet, names ...string) {
	fs.SortFlags = false
	fs.VarP(&verbatim{kind: "file"}, fileFlag, "c", "YAML file to read keys from")
	for _, k := range keys {
		if k.Secret || len(names) > 0 && !slices.Contains(names, k.Name) {
			continue
		}
		usage := k.Usage
		if len(k.Options) > 0 {
			usage += ": " + k.Range
		}
		fs.Var(&verbatim{kind: k.Type, text: k.Default}, k.Flag(), usage)
	}
}

// verbatim keeps what was written as it was written: values of every source are judged together, by one rule, after all are read.
type verbatim struct {
	kind, text string
	given      bool
}

func (f *verbatim) String() string { return f.text }
func (f *verbatim) Type() string   { return f.kind }

// Set takes the last value given, except that a list grows with each use of its flag.
func (f *verbatim) Set(s string) error {
	if f.kind == "list" && f.given {
		s = strings.Join([]string{f.text, s}, ",")
	}
	f.text, f.given = s, true
	return nil
}
