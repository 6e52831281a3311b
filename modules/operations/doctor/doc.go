// Package doctor looks the whole installation over and says what is wrong with it, how
// bad that is and what to do, and mends what can be mended.
//
// What it looks at are lists: the rules that always hold in the data ([schema.Rules],
// which every test checks too), what should not stay as it is for long, the catalog, the
// server and its machine. [Checks] is all of them, and the table in docs/operations.md is
// made from it. A rule is a statement that selects what breaks it; a new one needs no more
// than a place in a list and an injury in the package's test.
//
// [Doctor.Examine] reads all of the data in one snapshot, read-only, and locks nothing.
// [Doctor.Mend] goes in slices, a transaction each, looks at each row again under its lock
// before it changes it, and uses the product's own services where there is one. It never
// takes from users what they could still read: what no read reaches is deleted only where
// the operator says so, and a document that is there twice goes to the bin. Whatever it
// does is in the audit log, as doctor.fix.
package doctor
