// Package system has the routes that tell about the program and its surroundings: its
// metrics, its version and limits, how its parts are, and which statements are slow. It
// only asks those who know and puts what they say on the wire.
package system
