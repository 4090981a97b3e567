// Package dashboard shows a fleet to people: how its nodes are, which sessions there are, how one stands. It makes pages of what it is
// given; it asks nobody, changes nothing, and its pages need no scripts and fetch nothing from elsewhere.
//
// What could not be read is said in its place, so that a page is of use while a part of the fleet, or Redis, is away.
package dashboard
