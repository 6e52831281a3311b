package archive

// NewFile makes a file of one that is open, for tests.
var NewFile = newFile
