// Package doctor examines a fleet through its Redis alone, with the rights of the fleet's own user and without writing anything, and says of
// each thing that it looks at whether it is well, and else what to do.
package doctor
