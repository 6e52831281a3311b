package directory

import (
	"errors"
	"io/fs"
	"syscall"

	"semantik/platform/apperr"
)

var (
	// ErrOff means that the server reads no folders of its own.
	ErrOff = apperr.New(apperr.Forbidden, "directory_sources_off",
		"This server reads no folders of its own disk: DOCUMENT_ROOTS names none. Upload the files instead, or ask its administrator to set DOCUMENT_ROOTS.")

	// ErrOutside means that the path is in none of the folders that may be read, or
	// leads out of them. Whether there is something, it does not say.
	ErrOutside = apperr.New(apperr.Forbidden, "directory_outside_roots",
		"The path is not in one of the folders that this server may read. Its administrator lists those in DOCUMENT_ROOTS.")

	// ErrNotFound means that there is nothing with this path, or not any more.
	ErrNotFound = apperr.New(apperr.NotFound, "directory_not_found",
		"There is no such folder on the server. Check the path, and whether the disk is there that it is on.")

	// ErrNotDirectory means that the path is that of something else.
	ErrNotDirectory = apperr.New(apperr.Malformed, "not_a_directory",
		"The path is not that of a folder. Give the folder that the files are in.")

	// ErrUnreadable means that the server's account may not look into the folder.
	ErrUnreadable = apperr.New(apperr.Forbidden, "directory_unreadable",
		"The server may not read this folder. Let its account read it.")

	// ErrNoFile means that the source has no file of this name that could be read.
	ErrNoFile = apperr.New(apperr.NotFound, "source_file_not_found",
		"The source has no such file, or it is none that can be read.")

	// errOut is that a link leads out of what it is followed in; see [outError].
	errOut = errors.New("leads out of the folder")
	// errCircle is that links lead to one another.
	errCircle = errors.New("too many links one after another")
	// errName is that a path is not one within a folder.
	errName = errors.New("is not a path within the folder")
)

// folderError says in the caller's terms why a folder cannot be used.
func folderError(err error) error {
	switch {
	case err == nil:
		return nil
	case isGone(err), errors.Is(err, errCircle), errors.Is(err, syscall.ENAMETOOLONG):
		return ErrNotFound
	case errors.Is(err, syscall.ENOTDIR):
		return ErrNotDirectory
	case errors.Is(err, fs.ErrPermission):
		return ErrUnreadable.WithCause(err)
	case !isSystems(err):
		// What does not come from the system comes from the handle, which leads nowhere
		// else: a name has become a link since it was looked at.
		return ErrOutside
	default:
		return apperr.New(apperr.Unavailable, "directory_unavailable",
			"The folder cannot be read at present. Try again, and look whether the disk is in order that it is on.").WithCause(err)
	}
}

// isGone reports whether something is not there, or not any more. A network disk that
// does not answer for it says something else.
func isGone(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// isSystems reports whether it is the operating system that says so.
func isSystems(err error) bool {
	_, ok := errors.AsType[syscall.Errno](err)
	return ok
}

// reason is why something could not be read, without the path that stands beside it.
func reason(err error) string {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		err = p.Err
	}
	return "cannot be read: " + err.Error()
}
