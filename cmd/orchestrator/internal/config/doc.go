// Package config is what an operator can set: a node's configuration, its limits, and the places it is read from.
//
// One table (Keys) holds every key once: its name, default, limits and meaning. Flags, environment variables, the keys of a
// file, the defaults and docs/configuration.md are all derived from it, so they cannot drift apart.
//
// Five layers lie over one another, the later winning key by key: defaults, the preset, the file, the environment, the
// flags. Load refuses what it does not know and what cannot work, everything at once, naming for each fault the key, the
// value, where the value came from and what would be allowed.
package config
