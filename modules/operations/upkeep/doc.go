// Package upkeep is what the system does by the clock with the data of all
// collections: it recounts, empties the bin, and forgets what nobody needs any more.
//
// Each task goes in slices, a transaction each, and finds out from the tables what is
// left to do, so that it may be broken off anywhere; a pause between two slices is
// everybody else's. It knows the tables through the modules' repositories.
//
// Nothing here takes the place of an operation: what somebody has asked for, and waits
// for, has a row in operations.
package upkeep
